"""The page of the curves: the class's or this computer's, with a paragraph on how to read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.chart_export import CourseTable, write_picture, write_table
from gan_desktop.gui.chart_guide import ChartGuide
from gan_desktop.gui.charts import Charts
from gan_desktop.gui.course import ClassCourse, ComputerCourse, Course
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import ago
from gan_desktop.records import Progress, UnitProgress, UnitStarted

# A picture for a report or a slide is larger than the screen's.
PICTURE_RATIO = 2.0
# How long the outcome of saving is told.
SAID_MS = 15_000
# Below this the paragraph would take the curves' room: it is folded away until somebody asks for it.
ROOM_FOR_GUIDE_EM = 62


class ChartsPage(QWidget):
    """Follows the session; the class's curves are shown first."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._class_course, self._computer_course = ClassCourse(), ComputerCourse()
        self._is_guide_chosen = self._is_curve_shown = False
        self.charts = Charts(self)
        self._empty = _EmptyCharts(self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.charts)
        self._stack.addWidget(self._empty)
        self._guide = ChartGuide(self)
        self._note = QLabel(self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        set_role(self._note, "muted")
        self._note.hide()
        self._said = ""
        self._silence = QTimer(self, interval=SAID_MS, singleShot=True)
        self._silence.timeout.connect(self._be_silent)
        self._lay_out(self._make_bar())
        self._follow(session)
        self._take_history(session.snapshot.history)
        self.show_source(is_class=True)

    # -- building -------------------------------------------------------------------------------

    def _make_bar(self) -> QHBoxLayout:
        self._class_button = self._segment(self.tr("The class"))
        self._computer_button = self._segment(self.tr("This computer"))
        self._class_button.setToolTip(self.tr("One point for each iteration"))
        self._computer_button.setToolTip(self.tr("Each batch that this computer learns from"))
        group = QButtonGroup(self)
        group.addButton(self._class_button)
        group.addButton(self._computer_button)
        group.buttonClicked.connect(lambda button: self.show_source(is_class=button is self._class_button))
        self._whole_button = QPushButton(self.tr("Show all"), self)
        self._whole_button.setToolTip(self.tr("Wheel or + and - zoom, dragging moves; 0 shows all again."))
        self._whole_button.clicked.connect(self.charts.show_whole)
        self._save_button = QPushButton(self.tr("Save"), self)
        icons.set_icon(self._save_button, "save")
        menu = QMenu(self._save_button)
        menu.addAction(self.tr("Picture (PNG) ..."), self.ask_where_to_save_picture)
        menu.addAction(self.tr("Table of what is shown (CSV) ..."), self.ask_where_to_save_table)
        self._save_button.setMenu(menu)
        self._guide_button = QPushButton(self.tr("How to read this"), self)
        self._guide_button.setCheckable(True)
        icons.set_icon(self._guide_button, "help")
        self._guide_button.clicked.connect(self._choose_guide)
        self._guide_button.toggled.connect(self._guide.setVisible)
        self.charts.view_changed.connect(self._whole_button.setEnabled)
        bar = QHBoxLayout()
        bar.setSpacing(0)
        bar.addWidget(self._class_button)
        bar.addWidget(self._computer_button)
        bar.addStretch(1)
        for button in (self._whole_button, self._save_button, self._guide_button):
            bar.addSpacing(em(self, 0.5))
            bar.addWidget(button)
        return bar

    def _segment(self, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(True)
        set_role(button, "segment")
        return button

    def _lay_out(self, bar: QHBoxLayout) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(em(self, 0.7))
        middle.addWidget(self._stack, 1)
        middle.addWidget(self._guide)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(bar)
        column.addLayout(middle, 1)
        column.addWidget(self._note)
        self._guide.hide()

    def _follow(self, session: Session) -> None:
        session.history_changed.connect(self._take_history)
        session.class_changed.connect(self._begin_anew)
        session.joined_as.connect(self._take_join)
        session.unit_started.connect(self._take_unit)
        session.unit_progressed.connect(self._take_progress)
        session.link_changed.connect(self._show_state)
        session.training_changed.connect(self._show_state)
        session.state_changed.connect(self._show_why_empty)

    # -- what arrives ---------------------------------------------------------------------------

    @Slot(object)
    def _begin_anew(self) -> None:
        self._class_course.clear()
        self._computer_course.clear()
        self._be_silent()
        self.show_source(is_class=self.charts.course is self._class_course)

    @Slot(object)
    def _take_history(self, history: tuple[Progress, ...]) -> None:
        self._class_course.replace(history)
        self._changed(self._class_course)

    @Slot(object)
    def _take_join(self) -> None:
        self._computer_course.join()

    @Slot(object)
    def _take_unit(self, started: UnitStarted) -> None:
        self._computer_course.begin_unit(started)

    @Slot(object)
    def _take_progress(self, progress: UnitProgress) -> None:
        if self._computer_course.add(progress):
            self._changed(self._computer_course)

    def _changed(self, course: Course) -> None:
        if course is self.charts.course:
            if bool(len(course.buffer)) != self._is_curve_shown:
                self._show_state()
            self.charts.refresh()

    # -- what is shown --------------------------------------------------------------------------

    def show_source(self, *, is_class: bool) -> None:
        """Show the class's iterations, or this computer's batches."""
        (self._class_button if is_class else self._computer_button).setChecked(True)
        self.charts.show_course(self._class_course if is_class else self._computer_course)
        self._show_state()

    @Slot()
    def _show_why_empty(self) -> None:
        # The worker's state changes ten times a second; where there are curves, it changes nothing.
        if not self._is_curve_shown:
            self._show_state()

    @Slot()
    def _show_state(self) -> None:
        words = "" if len(self.charts.course.buffer) else self._why_empty()
        self._is_curve_shown = not words
        self._empty.show_words(words)
        self._stack.setCurrentWidget(self._empty if words else self.charts)
        self._save_button.setEnabled(not words)
        self._whole_button.setEnabled(not words and self.charts.is_part_shown)
        self._show_note()

    def _show_note(self) -> None:
        note = self._said or self._stale_words()
        self._note.setText(note)
        self._note.setVisible(bool(note))

    def _stale_words(self) -> str:
        link = self._session.link
        if link is None or link.is_connected or not self._is_curve_shown:
            return ""
        if self.charts.course is self._computer_course:
            return ""
        words = self.tr("No connection to the class, {since}. These are the iterations seen last.")
        return words.format(since=ago(link.since))

    def _why_empty(self) -> str:
        session = self._session
        if session.joined is None:
            return self.tr("Join a class, and its curves appear here.")
        if self.charts.course is self._computer_course:
            if session.is_contributing:
                return self.tr("The first figures come with this computer's first unit.")
            return self.tr("Press Start contributing, and what this computer learns appears here.")
        if session.link is None:
            return self.tr("Getting the class's curves ...")
        if session.snapshot.training is not None:
            return self.tr("The class has no iteration yet. Its curves begin with the first one.")
        if not session.link.is_connected:
            return self.tr("No connection to the class. Its curves appear here as soon as it is back.")
        return self.tr("Your instructor has not started the training yet. The curves begin with it.")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name: until somebody chooses, the paragraph is there where it has room."""
        super().resizeEvent(event)
        if not self._is_guide_chosen:
            self._guide_button.setChecked(self.width() >= em(self, ROOM_FOR_GUIDE_EM))

    @Slot()
    def _choose_guide(self) -> None:
        self._is_guide_chosen = True

    # -- saving ---------------------------------------------------------------------------------

    @Slot()
    def ask_where_to_save_picture(self) -> None:
        """Ask for a file, then save what is shown as PNG."""
        self._ask_where(self.tr("Save picture"), "png", self.save_picture)

    @Slot()
    def ask_where_to_save_table(self) -> None:
        """Ask for a file, then save the points in view as CSV."""
        self._ask_where(self.tr("Save table"), "csv", self.save_table)

    def save_picture(self, path: Path) -> None:
        """Write the plots and their legends, in twice the screen's resolution."""
        picture = self.charts.picture(PICTURE_RATIO)
        run_in_background(lambda: write_picture(path, picture), self._saved, self._not_saved, owner=self)

    def save_table(self, path: Path) -> None:
        """Write the points in view."""
        table = CourseTable(self.charts.course, self.charts.view)
        run_in_background(lambda: write_table(path, table), self._saved, self._not_saved, owner=self)

    def _ask_where(self, title: str, suffix: str, save: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self, title)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"*.{suffix}")
        dialog.setDefaultSuffix(suffix)
        dialog.selectFile(f"{self._file_name()}.{suffix}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: save(Path(name)))
        dialog.open()

    def _file_name(self) -> str:
        return "gan-class" if self.charts.course is self._class_course else "gan-this-computer"

    def _saved(self, path: Path) -> None:
        self._say(self.tr("Saved as {file}.").format(file=str(path)))

    def _not_saved(self, error: GanDesktopError) -> None:
        self._say(engine_text(error.message))

    def _say(self, words: str) -> None:
        self._said = words
        self._silence.start()
        self._show_note()

    @Slot()
    def _be_silent(self) -> None:
        self._said = ""
        self._show_note()


class _EmptyCharts(QFrame):
    """Instead of the curves: why there are none, and when they come."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._icon = QPushButton(self, flat=True)
        self._icon.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._icon.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._icon.setStyleSheet("border: none; background: transparent;")
        self._icon.setIconSize(QSize(em(self, 3), em(self, 3)))
        icons.set_icon(self._icon, "charts", "muted")
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 3), em(self), em(self, 3), em(self))
        column.addStretch(1)
        column.addWidget(self._icon)
        column.addWidget(self._words)
        column.addStretch(1)

    def show_words(self, words: str) -> None:
        """Say why there is no curve."""
        self._words.setText(words)
