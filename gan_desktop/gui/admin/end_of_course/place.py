"""The form for a database on a server: where it is, who makes classes there."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QLineEdit, QVBoxLayout, QWidget

from gan_desktop.class_code import DEFAULT_PORT, parse_address
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.gui.admin.wizard.jobs import LoginWish
from gan_desktop.gui.admin.wizard.page import add_line, make_form
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.theme import em

# What connection_errors.py says of a server without encryption: only then is doing without one offered.
_NO_ENCRYPTION = "offers no encryption"


class PlaceForm(QWidget):
    """Fields for one database with the login that owns it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        frame, form = make_form(self)
        self.host = add_line(form, self.tr("Server"), "db.school.example")
        self.port = CalmSpinBox(frame, minimum=1, maximum=65_535, value=DEFAULT_PORT)
        self.port.setMinimumHeight(em(self, 1.9))
        self.port.setAccessibleName(self.tr("Port"))
        form.addRow(self.tr("Port"), self.port)
        self.dbname = add_line(form, self.tr("Database"), self.tr("an empty one"))
        self.user = add_line(form, self.tr("Login"), self.tr("the administrator's login for this database"))
        self.password = add_line(form, self.tr("Password"), is_secret=True)
        self.certificate = add_line(
            form, self.tr("Certificate"), self.tr("a file, only if the server has one of its own")
        )
        self.insecure = QCheckBox(
            self.tr("Go on without &encryption: others in the network can read along"), self
        )
        self.insecure.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addWidget(frame)
        column.addWidget(self.insecure)
        self.host.textChanged.connect(self._forget_risk)

    def login(self) -> LoginWish:
        """What was typed.

        Raises:
            SettingsError: Something is missing; its field has the focus.
            GanDesktopError: The server's address cannot be one.
        """
        for field in (self.host, self.dbname, self.user, self.password):
            if not field.text().strip():
                field.setFocus()
                words = self.tr("Please fill in: {field}.").format(field=field.accessibleName())
                raise SettingsError(words, title=self.tr("Something is missing"))
        host, port, _ = parse_address(self.host.text(), self.port.value())
        return LoginWish(
            host=host,
            port=port,
            dbname=self.dbname.text().strip(),
            user=self.user.text().strip(),
            password=self.password.text(),
            ca_file=self.certificate.text().strip(),
            is_insecure=self.insecure.isChecked(),
        )

    def look_at(self, error: GanDesktopError) -> None:
        """Offer to do without encryption where the server has none."""
        self.insecure.setVisible(self.insecure.isVisible() or _NO_ENCRYPTION in error.message)

    def fields(self) -> list[QLineEdit]:
        """The lines of text, in their order."""
        return [self.host, self.dbname, self.user, self.password, self.certificate]

    def _forget_risk(self) -> None:
        # It was accepted for the server that stood here.
        self.insecure.setChecked(False)
        self.insecure.hide()
