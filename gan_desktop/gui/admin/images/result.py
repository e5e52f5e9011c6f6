"""What became of an import: counts, the skipped files with their reasons, what is left to do on the web."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.images.job import Imported
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.saving import ask_where, write_file
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

# All are written to a saved list.
NUM_SHOWN = 1_000


class ResultCard(QFrame):
    """Stays until it is closed, or the next import begins."""

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._skipped: tuple[tuple[str, str], ...] = ()
        set_role(self, "card")
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.show_skipped = QPushButton(self.tr("Show the skipped files"), self)
        set_role(self.show_skipped, "link")
        self.show_skipped.clicked.connect(lambda _checked=False: self._toggle())
        self.save = QPushButton(self.tr("Save this list ..."), self)
        set_role(self.save, "link")
        self.save.clicked.connect(lambda _checked=False: self._save())
        self.skipped = QPlainTextEdit(self, readOnly=True)
        self.skipped.setAccessibleName(self.tr("Skipped files"))
        self.skipped.setFixedHeight(em(self, 6))
        close = QToolButton(self, autoRaise=True)
        close.setAccessibleName(self.tr("Close"))
        icons.set_icon(close, "close")
        close.clicked.connect(self.hide)
        line = QHBoxLayout()
        line.setSpacing(em(self, 0.6))
        line.addWidget(self.words, 1)
        line.addWidget(self.show_skipped)
        line.addWidget(self.save)
        line.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.9), em(self, 0.5), em(self, 0.6), em(self, 0.5))
        column.addLayout(line)
        column.addWidget(self.skipped)
        self.hide()

    def show_import(self, imported: Imported) -> None:
        """Tell of an import that has come to its end."""
        summary = imported.summary
        said = self.tr("Imported: {learned} pictures to learn from, {kept} kept for measuring.").format(
            learned=number(summary.num_images - summary.num_held_out), kept=number(summary.num_held_out)
        )
        if summary.num_skipped:
            said += " " + self.tr("%n file(s) skipped.", None, summary.num_skipped)
        if imported.web is not None:
            words = self.tr("Now copy the files of {folder} to where {url} shows them, then check them.")
            said += "\n" + words.format(folder=imported.web.folder, url=imported.web.url)
        self.tell(said)
        self._skipped = summary.skipped
        self.show_skipped.setVisible(bool(summary.skipped))
        self.skipped.setPlainText("\n".join(self._lines(NUM_SHOWN)))

    def tell(self, words: str) -> None:
        """Tell of something else that is done."""
        self._skipped = ()
        self.words.setText(words)
        for widget in (self.skipped, self.save, self.show_skipped):
            widget.hide()
        self.show()

    def _lines(self, most: int | None = None) -> list[str]:
        return [f"{name}: {engine_text(reason)}" for name, reason in self._skipped[:most]]

    def _toggle(self) -> None:
        is_shown = self.skipped.isHidden()
        self.skipped.setVisible(is_shown)
        self.save.setVisible(is_shown)
        self.show_skipped.setVisible(not is_shown)

    def _save(self) -> None:
        ask_where(self, self.tr("Skipped files"), "skipped.txt", self._write)

    def _write(self, path: Path) -> None:
        text = "\n".join(self._lines()) + "\n"
        run_in_background(
            lambda: write_file(path, text.encode()),
            lambda _path: None,
            self._session.tell_trouble,
            owner=self,
        )
