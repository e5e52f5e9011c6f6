"""A PostgreSQL server: its address and login, a test with what it needs, and then the class on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from gan_desktop.class_code import DEFAULT_PORT, parse_address
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SchemaError
from gan_desktop.gui.admin.wizard import jobs
from gan_desktop.gui.admin.wizard.here_page import place_of_password, require_title
from gan_desktop.gui.admin.wizard.jobs import LoginWish
from gan_desktop.gui.admin.wizard.page import ClassPage, CopyText, Facts, add_line, make_form, side_by_side
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.joining.page import link_button, plain_label, push_button
from gan_desktop.gui.theme import em
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.words import number
from gan_desktop.names import MAX_TITLE

if TYPE_CHECKING:
    from gan_desktop.class_admin.premises import Premises
    from gan_desktop.database.address import Address
    from gan_desktop.known_classes import KnownClass

# What connection_errors.py says of a server without encryption: only then is doing without one offered.
_NO_ENCRYPTION = "offers no encryption"


class LoginPage(ClassPage):
    """The instructor's login of a class that exists, typed by hand.

    Signals:
        tried: A `LoginWish`, to open the class there.
        upgrade_wanted: A `LoginWish` for a class that an older program made.
    """

    tried = Signal(object)
    upgrade_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(1, parent)
        frame, self._form = make_form(self)
        self._frame = frame
        self._add_first_fields()
        self.host = add_line(self._form, self.tr("Server"), "db.school.example")
        self.port = CalmSpinBox(frame, minimum=1, maximum=65_535, value=DEFAULT_PORT)
        self.port.setMinimumHeight(em(self, 1.9))
        self.port.setAccessibleName(self.tr("Port"))
        self._form.addRow(self.tr("Port"), self.port)
        self.dbname = add_line(self._form, self.tr("Database"), "vision_2026")
        self.user = add_line(self._form, self.tr("Login"), self._example_login())
        self.password = add_line(self._form, self.tr("Password"), is_secret=True)
        self.ca_file = QLineEdit(frame)
        self.ca_file.setMinimumHeight(em(self, 1.9))
        self.ca_file.setAccessibleName(self.tr("Certificate"))
        self.ca_file.setPlaceholderText(self.tr("only if the server has one of its own"))
        choose = push_button(self.tr("Choose ..."), self._choose_certificate, self)
        certificate = side_by_side(frame, self.ca_file, choose)
        self._form.addRow(self.tr("Certificate"), certificate)
        self._rows = (self.host, self.port, self.dbname, self.user, self.password, certificate)
        self.middle.addWidget(frame)
        # Chosen in a sentence that names the risk, for this server alone.
        self._insecure_host = ""
        self._add_buttons()
        for field in self.findChildren(QLineEdit):
            field.returnPressed.connect(self.go_on.click)

    # -- what a page for an existing class and one for a new class differ in --------------------

    def _add_first_fields(self) -> None:
        self.set_title(self.tr("Open a class with its login"))
        self.set_lead(
            self.tr(
                "The instructor's login, as it was shown or written down when the class was made. It begins"
                " with gan_coordinator."
            )
        )

    def _example_login(self) -> str:
        return "gan_coordinator_..."

    def _add_buttons(self) -> None:
        self.go_on = self.add_button(self.tr("Open"), self._open, is_primary=True)

    # -- the fields -----------------------------------------------------------------------------

    def enter(self) -> None:
        """The first field that is empty has the focus."""
        self.clear_trouble()
        fields = [field for field in self.findChildren(QLineEdit) if field is not self.ca_file]
        # A spin box has a line of text inside.
        fields = [field for field in fields if field.parentWidget() is not self.port]
        next((field for field in fields if not field.text()), self.go_on).setFocus()

    def typed(self) -> dict[str, str]:
        """All but the password."""
        fields = {"host": self.host, "dbname": self.dbname, "user": self.user, "ca_file": self.ca_file}
        return {name: field.text() for name, field in fields.items()} | {"port": str(self.port.value())}

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was, without the password."""
        for name in ("host", "dbname", "user", "ca_file"):
            getattr(self, name).setText(typed.get(name, ""))
        if (port := typed.get("port", "")).isdecimal():
            self.port.setValue(int(port))

    def fill_in(self, address: Address) -> None:
        """Ask for the password of a way in that is known."""
        self.host.setText(address.host)
        self.port.setValue(address.port)
        self.dbname.setText(address.dbname)
        self.user.setText(address.user)
        self.password.clear()

    def fill_in_known(self, known: KnownClass) -> None:
        """The same for a class of the list."""
        self.host.setText(known.hosts[0])
        self.port.setValue(known.port)
        self.dbname.setText(known.dbname)
        self.user.setText(known.user)
        self.password.clear()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        self.go_on.setEnabled(not is_waiting)

    def login(self) -> LoginWish | None:
        """The login that was typed; None: something is missing, and was said."""
        for field in (self.host, self.dbname, self.user, self.password):
            if not field.text().strip():
                words = self.tr("Please fill in: {field}.").format(field=field.accessibleName())
                self.tell_missing(field, words)
                return None
        try:
            host, port, _ = parse_address(self.host.text(), self.port.value())
        except GanDesktopError as error:
            self.tell(error)
            return None
        return LoginWish(
            host=host,
            port=port,
            dbname=self.dbname.text().strip(),
            user=self.user.text().strip(),
            password=self.password.text(),
            ca_file=self.ca_file.text().strip(),
            is_insecure=host == self._insecure_host,
        )

    def _open(self) -> None:
        self.clear_trouble()
        if (login := self.login()) is not None:
            self.tried.emit(login)

    def _choose_certificate(self) -> None:
        dialog = QFileDialog(self, self.tr("The server's certificate"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        certificates = self.tr("Certificates ({pattern})").format(pattern="*.pem *.crt *.cer")
        dialog.setNameFilters([certificates, self.tr("All files (*)")])
        dialog.fileSelected.connect(self.ca_file.setText)
        dialog.open()

    # -- what can be wrong ----------------------------------------------------------------------

    def tell(self, error: GanDesktopError) -> None:
        """Say what is wrong, with what can be done about it here."""
        if isinstance(error, ConnectionFailed) and _NO_ENCRYPTION in error.message:
            self._tell_open()
        elif isinstance(error, ConnectionFailed):
            self.show_trouble(self._about_connection(error), [(self.tr("Try again"), self.go_on.click)])
        elif isinstance(error, SchemaError) and "too old for this program" in error.title:
            words = self.tr("An older version of the program made this class. It can be brought up to date.")
            self.show_trouble(
                Trouble(error.title, words, is_warning=True),
                [(self.tr("Bring it up to date ..."), self._ask_upgrade)],
            )
        else:
            super().tell(error)

    def _about_connection(self, error: ConnectionFailed) -> Trouble:
        """In the words of somebody who has a login of the server, not a card."""
        trouble = Trouble.of(error)
        told = {
            "login": (
                self.tr("The login was refused"),
                self.tr(
                    'The server does not let "{user}" in with this password. Check both; capital letters'
                    " count."
                ),
            ),
            "database": (
                self.tr("No such database"),
                self.tr(
                    'The server has no database "{name}", or does not let "{user}" into it. Its'
                    " administrator can make one."
                ),
            ),
            "refused": (
                self.tr("No database answers there"),
                self.tr(
                    "The computer {host} is there, but no database answers at port {port}. Check the port"
                    " (usually 5432); the server may be off, or a firewall in between."
                ),
            ),
            "unreachable": (
                self.tr("The server does not answer"),
                self.tr(
                    "Nothing comes back from {host}, port {port}. A firewall of your school or of the server"
                    " is likely: ask both IT departments whether this port is open."
                ),
            ),
            "unknown_host": (
                self.tr("There is no such server"),
                self.tr('No computer is called "{host}". Check how it is written, and that you are online.'),
            ),
            "forbidden": (
                self.tr("The server does not accept this computer"),
                self.tr(
                    "Its administrator decides who may connect from where (pg_hba.conf), and can allow it."
                ),
            ),
        }
        if error.cause not in told or error.title != ConnectionFailed.default_title:
            return trouble
        title, words = told[error.cause]
        return replace(
            trouble,
            title=title,
            message=words.format(
                host=self.host.text().strip(),
                port=self.port.value(),
                name=self.dbname.text().strip(),
                user=self.user.text().strip(),
            ),
        )

    def _ask_upgrade(self) -> None:
        if (login := self.login()) is not None:
            self.upgrade_wanted.emit(login)

    def _tell_open(self) -> None:
        words = self.tr(
            "The server offers no encryption: others in the same network could read along what travels, or"
            " pose as the server. Its administrator can turn encryption on. Go on without it only in a"
            " network of your own."
        )
        trouble = Trouble(self.tr("The connection would not be encrypted"), words)
        self.show_trouble(trouble, [(self.tr("Go on without encryption"), self._do_without)])

    def _do_without(self) -> None:
        self._insecure_host = parse_address(self.host.text(), self.port.value())[0]
        self.go_on.click()


class ServerPage(LoginPage):
    """A server for a new class: tested first, then the class is made.

    Signals:
        wanted: The administrator's `LoginWish` and the class's title.
    """

    wanted = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.premises: Premises | None = None
        self._tested: LoginWish | None = None
        self.tested = plain_label("", self._frame)
        self.change = link_button(self.tr("Change"), self._forget_test, self)
        self._tested_row = side_by_side(self._frame, self.tested, self.change)
        self._form.addRow(self.tr("Server"), self._tested_row)
        self._form.setRowVisible(self._tested_row, False)
        self.facts = Facts(self)
        self.middle.addWidget(self.facts)
        self.sql = CopyText(self.tr("Copy for the administrator"), self)
        self.middle.addWidget(self.sql)
        self.place = plain_label("", self, role="muted")
        self.middle.addWidget(self.place)
        for field in self.findChildren(QLineEdit):
            if field is not self.title:
                field.textChanged.connect(self._forget_test)

    def _add_first_fields(self) -> None:
        self.set_title(self.tr("A class on a PostgreSQL server"))
        self.set_lead(
            self.tr(
                "It needs PostgreSQL 14 or newer, an empty database, and a login that owns it and may make"
                " logins for the students (CREATEROLE). What is missing is named after the test."
            )
        )
        self.title = add_line(self._form, self.tr("Name of the class"), "Vision 2026")
        self.title.setMaxLength(MAX_TITLE)

    def _example_login(self) -> str:
        return self.tr("the administrator's login for this database")

    def _add_buttons(self) -> None:
        self.go_on = self.add_button(self.tr("Test the connection"), self.test, is_primary=True)

    def enter(self) -> None:
        """As in the base class; and say where the password goes."""
        super().enter()

        def show(has_store: bool) -> None:
            self.place.setText(place_of_password(self, has_store))

        run_in_background(jobs.has_password_store, show, self.tell, owner=self)

    def typed(self) -> dict[str, str]:
        """As in the base class."""
        return super().typed() | {"title": self.title.text()}

    def type_again(self, typed: dict[str, str]) -> None:
        """As in the base class."""
        super().type_again(typed)
        self.title.setText(typed.get("title", ""))

    def test(self) -> None:
        """Look at the server; afterwards the same button makes the class."""
        if self.premises is not None and self.premises.can_hold_new_class and self._tested is not None:
            self._make(self._tested)
            return
        self._forget_test()
        if (login := self.login()) is None:
            return
        busy = self.tr("Connecting to {host} ...").format(host=login.host)
        self.ask(lambda: jobs.look_at(login), lambda premises: self._take(login, premises), busy)

    def _make(self, login: LoginWish) -> None:
        if require_title(self, self.title.text().strip()):
            self.wanted.emit(login, self.title.text().strip())
        else:
            self.title.setFocus()

    def _take(self, login: LoginWish, premises: Premises) -> None:
        self.premises, self._tested = premises, login
        self.facts.show_lines(self._lines(premises))
        self._fold(f"{login.user} @ {login.host}:{login.port}/{login.dbname}")
        self.sql.show_text("\n".join(premises.missing) if premises.schema_version is None else "")
        if premises.missing and premises.schema_version is None:
            self.show_trouble(
                Trouble(
                    self.tr("The login lacks a right"),
                    self.tr(
                        "Copy what stands in the box above and send it to the server's administrator, who"
                        " runs it once. Then test again."
                    ),
                    is_warning=True,
                )
            )
        elif premises.schema_version is not None:
            self._tell_class(login, premises)
        elif premises.can_hold_new_class:
            self.go_on.setText(self.tr("Make the class"))
        self.go_on.setFocus()

    def _tell_class(self, login: LoginWish, premises: Premises) -> None:
        """The database holds a class already."""
        if premises.is_instructor:
            words = self.tr('"{title}" lives here, and this is its instructor\'s login.')
            trouble = Trouble(
                self.tr("There is a class already"), words.format(title=premises.title), is_warning=True
            )
            self.show_trouble(trouble, [(self.tr("Open it"), lambda: self.tried.emit(login))])
        elif premises.needs_upgrade:
            words = self.tr("An older version of the program made it. It can be brought up to date.")
            trouble = Trouble(self.tr("There is a class already"), words, is_warning=True)
            upgrade = (self.tr("Bring it up to date ..."), lambda: self.upgrade_wanted.emit(login))
            self.show_trouble(trouble, [upgrade])
        else:
            words = self.tr(
                "Open it with its instructor's login, or let the server's administrator make another, empty"
                " database."
            )
            self.show_trouble(Trouble(self.tr("There is a class already"), words, is_warning=True))

    def _lines(self, premises: Premises) -> list[tuple[bool | None, str]]:
        encrypted = self.tr("The server answers; the connection is encrypted.")
        is_here = premises.is_encrypted or self._is_this_computer()
        plain = self.tr("The server answers; the connection is NOT encrypted.")
        here = self.tr("The server answers; it runs on this computer.")
        version = self.tr("PostgreSQL {version} (14 or newer is needed)").format(version=premises.postgresql)
        room = self.tr("{number} connections: about {students} students can take part at the same time.")
        num_connections = premises.room.allowed - premises.room.reserved
        lines: list[tuple[bool | None, str]] = [
            (is_here, encrypted if premises.is_encrypted else here if is_here else plain),
            (premises.is_new_enough, version),
            (premises.num_students > 0,
             room.format(number=number(num_connections), students=number(premises.num_students))),
        ]  # fmt: skip
        if premises.schema_version is None:
            lines.append((True, self.tr("The database holds no class yet.")))
            lines.append((not premises.missing, self._right(premises)))
        else:
            lines.append((False, self.tr("The database holds a class already.")))
        return lines

    def _right(self, premises: Premises) -> str:
        if not premises.missing:
            return self.tr("The login may make a class.")
        return self.tr("The login may not make a class yet.")

    def _is_this_computer(self) -> bool:
        return self._tested is not None and self._tested.host in ("localhost", "127.0.0.1", "::1")

    def _fold(self, tested: str) -> None:
        """Let the result have the room of the fields; empty: the fields again."""
        self.tested.setText(tested)
        self._form.setRowVisible(self._tested_row, bool(tested))
        for row in self._rows:
            self._form.setRowVisible(row, not tested)

    def _forget_test(self) -> None:
        self.premises, self._tested = None, None
        self.clear_trouble()
        self._fold("")
        self.facts.show_lines([])
        self.sql.show_text("")
        self.go_on.setText(self.tr("Test the connection"))

    def _do_without(self) -> None:
        self._forget_test()
        super()._do_without()
