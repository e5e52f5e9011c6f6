"""The strip on top of every page: how the training stands, the main button, below it the lesson's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.lesson.bar import LessonBar
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.strip_look import Action, Look, Situation, icon_of, label_of, look_of
from gan_desktop.gui.strip import MainButton
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.records import RunStatus

# The pace of so long a time says when the last iteration is due.
PACE_S = 600.0
SHORTEST_PACE_S = 15.0
FIRST_PACED = 3


class TeachingStrip(QFrame):
    """Shows how the training stands, and steers it."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._look: Look | None = None
        self._pace: deque[tuple[float, int, int]] = deque()
        set_role(self, "bar")
        self._build()
        self._lay_out()
        session.snapshot_changed.connect(self._take_snapshot)
        for signal in (
            session.preparing_changed,
            session.class_changed,
            session.link_changed,
            session.coordination_changed,
        ):
            signal.connect(self._show)
        self._show()

    # -- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence = QLabel(self, wordWrap=True)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setAccessibleName(self.tr("State"))
        scale_font(self._sentence, 1.12, bold=True)
        use_tabular_digits(self._sentence)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._progress = QProgressBar(self, maximum=1_000, textVisible=False)
        self._progress.setAccessibleName(self.tr("Progress of the training"))
        set_role(self._progress, "thin")
        self._progress.setFixedWidth(em(self, 9))
        self._details = QLabel(self)
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        self._details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self._details, "muted")
        self._build_button()

    def _build_button(self) -> None:
        self.button = MainButton(self)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self.button, "main")
        scale_font(self.button, 1.05)
        widest = max(self.button.fontMetrics().horizontalAdvance(label_of(action)) for action in Action)
        self.button.setMinimumWidth(widest + em(self.button, 5))
        self.button.clicked.connect(self.press)
        menu, session = QMenu(self.button), self._session
        self._resume = self._entry(menu, self.tr("Resume"), "play", self._start_or_resume, Qt.Key.Key_F5)
        self._pause = self._entry(
            menu, self.tr("Pause"), "pause", lambda: session.steer(RunStatus.PAUSED), Qt.Key.Key_F6
        )
        menu.addSeparator()
        self._rest = self._entry(
            menu, self.tr("Stop running it in this window"), "stop", session.stop_coordinating
        )
        self._finish = self._entry(menu, self.tr("Finish the training ..."), "finish", self.finish)
        self.button.setMenu(menu)
        self.addActions([self._resume, self._pause])

    def _entry(
        self, menu: QMenu, text: str, icon: str, act: Callable[[], None], key: Qt.Key | None = None
    ) -> QAction:
        entry = menu.addAction(text)
        icons.set_icon(entry, icon)
        if key is not None:
            entry.setShortcut(QKeySequence(key))
        entry.triggered.connect(lambda _checked=False: act())
        return entry

    def _lay_out(self) -> None:
        second = QHBoxLayout()
        second.setSpacing(em(self, 0.6))
        second.addWidget(self._progress)
        second.addWidget(self._details, 1)
        # The small line keeps its place when nothing stands in it.
        second.addStrut(em(self, 1.4))
        middle = QVBoxLayout()
        middle.setSpacing(em(self, 0.1))
        middle.addWidget(self._sentence)
        middle.addLayout(second)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.9))
        row.addWidget(self._icon)
        row.addLayout(middle, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 1.0), em(self, 0.5), em(self, 1.0), em(self, 0.5))
        column.setSpacing(em(self, 0.3))
        column.addLayout(row)
        column.addWidget(LessonBar(self._session, self))

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def _take_snapshot(self) -> None:
        training, now = self._session.snapshot.training, self._session.snapshot.read_at
        if training is not None:
            run = training.run
            if self._pace and (self._pace[-1][1] != run.run_id or run.status is not RunStatus.RUNNING):
                self._pace.clear()
            self._pace.append((now, run.run_id, run.iteration))
            while self._pace[0][0] < now - PACE_S:
                self._pace.popleft()
        self._show()

    @Slot()
    def _show(self) -> None:
        look = look_of(self._situation())
        if look == self._look:
            return
        self._look = look
        self._sentence.setText(look.sentence)
        self._icon.setPixmap(icons.pixmap(look.icon, em(self, 1.9), look.colour, self.devicePixelRatioF()))
        self.button.setText(label_of(look.button))
        icons.set_icon(self.button, icon_of(look.button))
        self._details.setText(look.details)
        self._progress.setVisible(look.progress is not None)
        if look.progress is not None and look.progress < 0:
            self._progress.setRange(0, 0)
        elif look.progress is not None:
            self._progress.setRange(0, 1_000)
            self._progress.setValue(round(1_000 * look.progress))
        self._resume.setEnabled(look.button in (Action.START, Action.RESUME, Action.RUN_HERE))
        self._pause.setEnabled(look.button is Action.PAUSE)
        self._rest.setEnabled(self._session.coordination.place == "here")
        self._finish.setEnabled(look.button in (Action.PAUSE, Action.RESUME, Action.RUN_HERE))

    def _situation(self) -> Situation:
        session, status = self._session, self._session.snapshot.status
        if status is None:
            return Situation(
                session.preparing,
                has_class=session.taught is not None,
                is_read=False,
                is_connected=session.link is None or session.link.is_connected,
            )
        # psycopg2 is here by now: something was read with it.
        from gan_desktop.class_admin.status import Standing, current_run, standing

        present = (Standing.WORKING, Standing.WAITING)
        totals = session.snapshot.totals
        return Situation(
            session.preparing,
            has_class=session.taught is not None,
            is_connected=session.link is None or session.link.is_connected,
            has_pictures=bool(status.datasets),
            has_ended=totals is not None and totals.ended_at is not None,
            has_moved=totals is not None and totals.has_moved,
            run=current_run(status.runs),
            coordination=session.coordination,
            num_working=sum(standing(worker) in present for worker in status.workers),
            seconds_left=self._seconds_left(),
        )

    def _seconds_left(self) -> float | None:
        training = self._session.snapshot.training
        if training is None or len(self._pace) < 2:
            return None
        (began, _, first), (ended, _, last) = self._pace[0], self._pace[-1]
        # The first iterations come while computers are still joining: their pace says little.
        if last < FIRST_PACED or last <= first or ended - began < SHORTEST_PACE_S:
            return None
        left = training.run.config.target_iterations - last
        return max(0.0, left * (ended - began) / (last - first))

    # -- steering -------------------------------------------------------------------------------

    @property
    def look(self) -> Look | None:
        """What is shown now."""
        return self._look

    @Slot()
    def press(self) -> None:
        """Do what the main button says."""
        session = self._session
        acts: dict[Action, Callable[[], None]] = {
            Action.BEGIN_CLASS: session.ask_to_begin,
            Action.TRY_NOW: session.refresh,
            Action.ADD_PICTURES: lambda: session.show_page("images/import"),
            Action.NEW_TRAINING: lambda: session.show_page("training/new"),
            Action.START: self._run_here,
            Action.RUN_HERE: self._run_here,
            Action.PAUSE: lambda: session.steer(RunStatus.PAUSED),
            Action.RESUME: lambda: session.steer(RunStatus.RUNNING),
            Action.SEE_RESULTS: lambda: session.show_page("results"),
        }
        if self._look is not None:
            acts[self._look.button]()

    def _start_or_resume(self) -> None:
        if self._look is not None and self._look.button in (Action.START, Action.RESUME, Action.RUN_HERE):
            self.press()

    def _run_here(self) -> None:
        if (run := self._situation().run) is not None:
            self._session.begin_training(run.run_id)

    @Slot()
    def finish(self) -> None:
        """End the training for good, if the instructor means it."""
        box = QMessageBox(self.window())
        box.setWindowTitle("GAN Desktop Teaching")
        box.setText(self.tr("Finish the training?"))
        box.setInformativeText(
            self.tr(
                "Computers hand in what they have, and this training cannot go on. Its results stay, and a"
                " new training can begin with them."
            )
        )
        finish = box.addButton(self.tr("Finish the training"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        finish.clicked.connect(lambda: self._session.steer(RunStatus.COMPLETE))
        box.finished.connect(box.deleteLater)
        box.open()
