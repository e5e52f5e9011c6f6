"""The page of the log: what happened when, with search, and a report to copy for somebody who helps."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl, Slot
from PySide6.QtGui import (
    QAction,
    QDesktopServices,
    QGuiApplication,
    QKeySequence,
    QShortcut,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError, SaveFailed
from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.log_file import LogFile, log_folder
from gan_desktop.gui.log_former import MOST_FORMER, read_lines
from gan_desktop.gui.log_lines import MOST_LINES, Level, Log, LogLine
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text

SAID_MS = 8_000


class LogPage(QWidget):
    """Lines of the chosen level; all are kept, also while another page is shown."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = log_folder(session.places)
        self._file = LogFile(self._folder)
        session.shut_down_done.connect(self._file.close)
        self.log = Log(session, self)
        self.text = QPlainTextEdit(self, readOnly=True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setAccessibleName(self.tr("Log"))
        self.text.setPlaceholderText(self.tr("Nothing has happened yet."))
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        # Also by keyboard: the cursor moves through the lines.
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        use_tabular_digits(self.text)
        self.level = self._make_levels()
        self.search = self._make_search()
        self._said = QLabel(self)
        set_role(self._said, "muted")
        self._silence = QTimer(self, interval=SAID_MS, singleShot=True)
        self._silence.timeout.connect(self._said.clear)
        self._lay_out()
        for line in self.log.lines:
            self._file.write(line.in_file)
        self.log.added.connect(self._add)
        self.log.changed.connect(self._fill)
        self._fill()
        began = time.time()
        run_in_background(
            lambda: read_lines(self._file.former_lines(MOST_FORMER), began),
            self.log.add_former,
            self._tell,
            owner=self,
        )

    # -- building -------------------------------------------------------------------------------

    def _make_levels(self) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(self.tr("What to show"))
        for level, words in (
            (Level.EVENT, self.tr("What happened")),
            (Level.PROBLEM, self.tr("Problems only")),
            (Level.DETAIL, self.tr("Every detail")),
        ):
            box.addItem(words, level.value)
        box.currentIndexChanged.connect(self._fill)
        return box

    def _make_search(self) -> QLineEdit:
        field = QLineEdit(self, clearButtonEnabled=True)
        field.setPlaceholderText(self.tr("Search"))
        field.setAccessibleName(self.tr("Search"))
        field.setMinimumWidth(em(self, 8))
        icon = QAction(field)
        icons.set_icon(icon, "search")
        field.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)
        field.textChanged.connect(self._search_anew)
        field.returnPressed.connect(self.find_next)
        for key, act in (
            (QKeySequence(QKeySequence.StandardKey.Find), self._begin_search),
            (QKeySequence(Qt.Key.Key_F3), self.find_next),
            (QKeySequence("Shift+F3"), self.find_previous),
            (QKeySequence("Shift+Return"), self.find_previous),
        ):
            shortcut = QShortcut(key, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        return field

    def _arrow(self, arrow: Qt.ArrowType, words: str) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setArrowType(arrow)
        button.setToolTip(words)
        button.setAccessibleName(words)
        return button

    def _lay_out(self) -> None:
        back = self._arrow(Qt.ArrowType.UpArrow, self.tr("Previous (Shift+F3)"))
        back.clicked.connect(self.find_previous)
        on = self._arrow(Qt.ArrowType.DownArrow, self.tr("Next (F3)"))
        on.clicked.connect(self.find_next)
        copy = QPushButton(self.tr("Copy report"), self)
        copy.setToolTip(self.tr("The newest lines, without passwords and names, for somebody who helps you"))
        icons.set_icon(copy, "copy")
        copy.clicked.connect(self.copy)
        folder = QPushButton(self.tr("Open the folder"), self)
        folder.setToolTip(str(self._folder))
        icons.set_icon(folder, "folder")
        folder.clicked.connect(self.open_folder)
        line = QHBoxLayout()
        line.setSpacing(em(self, 0.4))
        for widget in (self.level, self.search, back, on):
            line.addWidget(widget)
        line.addWidget(self._said, 1)
        line.addWidget(copy)
        line.addWidget(folder)
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.5)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.addWidget(self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(line)
        column.addWidget(card, 1)

    # -- lines ----------------------------------------------------------------------------------

    @Slot(object)
    def _add(self, line: LogLine) -> None:
        if not line.is_private:
            self._file.write(line.in_file)
        if line.level >= self.level.currentData():
            self.text.appendPlainText(str(line))

    @Slot()
    def _fill(self) -> None:
        wanted, bar = self.level.currentData(), self.text.verticalScrollBar()
        place, is_at_end = bar.value(), bar.value() >= bar.maximum()
        self.text.setPlainText("\n".join(str(line) for line in self.log.lines if line.level >= wanted))
        if is_at_end:
            self.text.moveCursor(QTextCursor.MoveOperation.End)
        else:
            # Somebody reads further up.
            bar.setValue(place)

    def _say(self, words: str) -> None:
        self._said.setText(words)
        self._silence.start()

    # -- search ---------------------------------------------------------------------------------

    @Slot()
    def _begin_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    @Slot()
    def _search_anew(self) -> None:
        """The newest line that holds the words: what one looks for mostly happened just now."""
        self._said.clear()
        if self.search.text():
            self.text.moveCursor(QTextCursor.MoveOperation.End)
            self.find_previous()
        else:
            cursor = self.text.textCursor()
            cursor.clearSelection()
            self.text.setTextCursor(cursor)

    @Slot()
    def find_next(self) -> None:
        """The next place below, or after the last one the first."""
        self._find(QTextDocument.FindFlag(0), QTextCursor.MoveOperation.Start)

    @Slot()
    def find_previous(self) -> None:
        """The next place above, or before the first one the last."""
        self._find(QTextDocument.FindFlag.FindBackward, QTextCursor.MoveOperation.End)

    def _find(self, direction: QTextDocument.FindFlag, other_end: QTextCursor.MoveOperation) -> None:
        words = self.search.text()
        if not words or self.text.find(words, direction):
            return
        before = self.text.textCursor()
        self.text.moveCursor(other_end)
        if not self.text.find(words, direction):
            before.clearSelection()
            self.text.setTextCursor(before)
            self._say(self.tr("No line contains this."))

    # -- for others -----------------------------------------------------------------------------

    @Slot()
    def copy(self) -> None:
        """Put the report on the clipboard; no secret and no name is in it."""
        QGuiApplication.clipboard().setText(self.log.report())
        self._say(self.tr("Copied, without passwords and names."))

    @Slot()
    def open_folder(self) -> None:
        """Show the folder of log and error reports in the system's own file manager."""
        run_in_background(partial(_made, self._folder), self._open, self._tell, owner=self)

    def _open(self, folder: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._say(str(folder))

    def _tell(self, error: GanDesktopError) -> None:
        self._say(engine_text(error.message))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveFailed(
            f"{folder} cannot be made: {error.strerror}. Free some disk space.", title="No folder for the log"
        ) from error
    return folder
