"""Ways in that are typed: a code with its address, everything by hand, the class's new address."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QWidget

from gan_desktop.class_code import DEFAULT_DATABASE, DEFAULT_PORT, card_of_code, parse_address
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.joining.page import WizardPage, push_button
from gan_desktop.gui.theme import em
from gan_desktop.gui.trouble import Trouble
from gan_desktop.join_card import JoinCard, is_certificate
from gan_desktop.names import MAX_NAME

_NO_CERTIFICATE = "it is no certificate in PEM form"
_BAD_CERTIFICATE = "This certificate cannot be used"


class TypedPage(WizardPage):
    """A page of fields; Return in any of them goes on.

    Signals:
        card_made: A `JoinCard`.
    """

    card_made = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = QFormLayout()
        self.form.setVerticalSpacing(em(self, 0.6))
        self.form.setHorizontalSpacing(em(self))
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.middle.addLayout(self.form)
        self.go_on = self.add_button(self.tr("Go on"), self._go_on, is_primary=True)

    def field(self, label: str, example: str = "") -> QLineEdit:
        """Another field below the others."""
        field = self.line(label, example)
        self.form.addRow(label, field)
        return field

    def line(self, label: str, example: str = "") -> QLineEdit:
        """A field that stands nowhere yet."""
        field = QLineEdit(self)
        field.setPlaceholderText(example)
        field.setMinimumHeight(em(self, 1.9))
        field.setAccessibleName(label)
        field.returnPressed.connect(self.go_on.click)
        return field

    def enter(self) -> None:
        """The first field that is empty has the focus."""
        self.clear_trouble()
        fields = self.findChildren(QLineEdit)
        next((field for field in fields if not field.text()), fields[0]).setFocus()

    def _go_on(self) -> None:
        self.clear_trouble()
        try:
            self._take()
        except GanDesktopError as error:
            self.show_trouble(Trouble.of(error))

    def _take(self) -> None:
        raise NotImplementedError


class CodePage(TypedPage):
    """The code on the projector, and the address beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("Type what the projector shows"))
        self.set_lead(
            self.tr(
                "A code has ten letters and figures; large or small, with or without the dash, is the same."
            )
        )
        self.code = self.field(self.tr("Code"), "K7PF2-QXM3A")
        self.address = self.field(self.tr("Address"), "192.168.1.20:23456")

    def _take(self) -> None:
        self.card_made.emit(card_of_code(self.code.text(), self.address.text()))

    def typed(self) -> dict[str, str]:
        """What may be kept: a code is a password."""
        return {"address": self.address.text()}

    def type_again(self, typed: dict[str, str]) -> None:
        """Fill the fields as they were."""
        self.address.setText(typed.get("address", ""))


class ByHandPage(TypedPage):
    """What a card holds, field by field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("Join by hand"))
        self.set_lead(self.tr("Type what your instructor gave you."))
        self.host = self.field(self.tr("Host name"), "db.school.example")
        self.port = CalmSpinBox(self, minimum=1, maximum=65_535, value=DEFAULT_PORT)
        self.port.setMinimumHeight(em(self, 1.9))
        self.port.setAccessibleName(self.tr("Port"))
        self.form.addRow(self.tr("Port"), self.port)
        self.dbname = self.field(self.tr("Database"))
        self.dbname.setText(DEFAULT_DATABASE)
        self.user = self.field(self.tr("Login"))
        self.password = self.field(self.tr("Password"))
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.ca_file = self._certificate_field()

    def _certificate_field(self) -> QLineEdit:
        field = self.line(self.tr("Certificate"), self.tr("only if you were given a file for it: ca.pem"))
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.4))
        row.addWidget(field, 1)
        row.addWidget(push_button(self.tr("Choose ..."), self._ask_certificate, self))
        self.form.addRow(field.accessibleName(), row)
        return field

    def _ask_certificate(self) -> None:
        dialog = QFileDialog(self, self.tr("Which certificate?"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Certificates ({pattern})").format(pattern="*.pem *.crt"), "*"])
        dialog.fileSelected.connect(self.ca_file.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take(self) -> None:
        for field in (self.host, self.dbname, self.user, self.password):
            if not field.text().strip():
                field.setFocus()
                words = self.tr("Please fill in: {field}.").format(field=field.accessibleName())
                self.show_trouble(Trouble(self.tr("Something is missing"), words, is_warning=True))
                return
        place = parse_address(self.host.text(), self.port.value())
        if name := self.ca_file.text().strip():
            self.go_on.setEnabled(False)
            read = partial(_read_certificate, Path(name))
            run_in_background(read, self._take_certificate, self._tell_certificate, owner=self)
        else:
            self._make_card(place[0], place[1], None)

    def _take_certificate(self, pem: str) -> None:
        self.go_on.setEnabled(True)
        host, port, _ = parse_address(self.host.text(), self.port.value())
        self._make_card(host, port, pem)

    def _tell_certificate(self, error: GanDesktopError) -> None:
        self.go_on.setEnabled(True)
        self.show_trouble(Trouble.of(error))

    def _make_card(self, host: str, port: int, ca_pem: str | None) -> None:
        dbname = self.dbname.text().strip()
        self.card_made.emit(
            JoinCard(
                class_name=dbname if dbname != DEFAULT_DATABASE else host,
                hosts=(host,),
                port=port,
                dbname=dbname,
                user=self.user.text().strip(),
                password=self.password.text(),
                ca_pem=ca_pem,
            )
        )

    def typed(self) -> dict[str, str]:
        """What may be kept: all but the password."""
        fields = {"host": self.host, "dbname": self.dbname, "user": self.user, "ca_file": self.ca_file}
        return {name: field.text() for name, field in fields.items()} | {"port": str(self.port.value())}

    def type_again(self, typed: dict[str, str]) -> None:
        """Fill the fields as they were."""
        self.host.setText(typed.get("host", ""))
        self.dbname.setText(typed.get("dbname", DEFAULT_DATABASE))
        self.user.setText(typed.get("user", ""))
        self.ca_file.setText(typed.get("ca_file", ""))
        if (port := typed.get("port", "")).isdecimal():
            self.port.setValue(int(port))


class AddressPage(TypedPage):
    """One field: where the class is now.

    Signals:
        address_typed: Host and port.
    """

    address_typed = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._port = DEFAULT_PORT
        self.set_title(self.tr("Where is the class now?"))
        self.address = self.field(self.tr("Address"), "192.168.1.20:23456")
        self.address.setMaxLength(300)

    def ask_for(self, class_name: str, port: int) -> None:
        """Ask for the address of a class; `port` is the one it had."""
        self._port = port
        words = self.tr(
            'A class on a laptop gets a new address in every room. Type the one of "{name}" that the'
            " projector"
            " shows. Your login and your credit stay the same."
        )
        self.set_lead(words.format(name=class_name))
        self.address.clear()

    def _take(self) -> None:
        host, port, _ = parse_address(self.address.text(), self._port)
        self.address_typed.emit(host, port)


def _read_certificate(file: Path) -> str:
    try:
        pem = file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _NO_CERTIFICATE
        raise SettingsError(f"{file} cannot be read: {reason}.", title=_BAD_CERTIFICATE) from error
    if not is_certificate(pem):
        raise SettingsError(f"{file} cannot be read: {_NO_CERTIFICATE}.", title=_BAD_CERTIFICATE)
    return pem


def name_field(parent: QWidget, label: str) -> QLineEdit:
    """A field for the name that the class shows."""
    field = QLineEdit(parent, maxLength=MAX_NAME)
    field.setAccessibleName(label)
    return field
