"""The few lines of Python that draw from a checkpoint, to copy."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.theme import em


class LoaderSheet(Sheet):
    """Shows the lines; what they need stands above them."""

    def __init__(self, title: str, snippet: str, needs: str, parent: QWidget) -> None:
        super().__init__(title, "", parent)
        self.lead.setText(
            self.tr(
                "These lines draw a face from it in Python, without GAN Desktop: pip install {packages}"
            ).format(packages=needs)
        )
        self.lead.show()
        self.lines = QPlainTextEdit(snippet, self)
        self.lines.setReadOnly(True)
        self.lines.setTabChangesFocus(True)
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.lines.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.lines.setAccessibleName(self.tr("Lines of Python"))
        self.middle.addWidget(self.lines, 1)
        self.copy_button = self.add_button(self.tr("&Copy"), self._copy)
        icons.set_icon(self.copy_button, "copy")
        self.add_button(self.tr("Close"), self.accept, is_primary=True)
        self.resize(em(self, 46), em(self, 26))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.lines.toPlainText())
        self.copy_button.setText(self.tr("Copied"))
