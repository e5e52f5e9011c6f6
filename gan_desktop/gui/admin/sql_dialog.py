"""The SQL behind a table, to be read, copied and asked again elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QTabWidget, QWidget

from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.theme import em


class SqlDialog(Sheet):
    """Shows statements, each under its title. They come from the program's own query files.

    Args:
        statements: Title and SQL of each; the first is shown first.
    """

    def __init__(self, statements: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(
            parent.tr("The SQL behind this table"),
            parent.tr(
                "This is what the program asks the class's database. Any program that speaks PostgreSQL"
                " can ask the same with your login."
            ),
            parent,
        )
        self.tabs = QTabWidget(self, documentMode=True)
        self.tabs.setAccessibleName(self.windowTitle())
        for title, sql in statements:
            text = QPlainTextEdit(sql, self, readOnly=True)
            text.setAccessibleName(title)
            text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
            text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
            self.tabs.addTab(text, title)
        self.middle.addWidget(self.tabs, 1)
        self.add_button(self.tr("Copy"), self.copy)
        self.add_button(self.tr("Close"), self.accept, is_primary=True)
        self.resize(em(self, 60), em(self, 28))

    def copy(self) -> None:
        """Put the statement that is shown on the clipboard."""
        text = self.tabs.currentWidget()
        assert isinstance(text, QPlainTextEdit)
        QGuiApplication.clipboard().setText(text.toPlainText())
