"""The dialog for a mistake in the program: what to do, and a report to copy."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.theme import em, scale_font


class ErrorDialog(QDialog):
    """Shows a report without secrets (`error_report.error_report`)."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Something went wrong"))
        title = QLabel(self.tr("This is a mistake in the program, not yours."), self)
        scale_font(title, 1.2, bold=True)
        words = QLabel(
            self.tr(
                "You can go on. If it happens again, start the program anew and give this report to your"
                " instructor. Passwords have been removed from it."
            ),
            self,
        )
        words.setWordWrap(True)
        self._report = QPlainTextEdit(report, self, readOnly=True)
        self._report.setAccessibleName(self.tr("Report"))
        self._report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = QPushButton(self.tr("Copy the report"), self)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(report))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (title, words, self._report, buttons):
            column.addWidget(widget)
        self.resize(em(self, 40), em(self, 24))
