"""The strip on top of every page: state, one sentence, main button; below it a small line of details."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.session import Session
from gan_desktop.gui.strip_look import Action, Look, Situation, icon_of, label_of, look_of
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.records import Notice, StateChanged, UnitComputed, UnitDelivered, UnitDropped, WorkerState

# Passing states that are over sooner are not worth an eye's turn.
SHORTEST_SHOWN_MS = 700
_PASSING = {
    WorkerState.JOINING,
    WorkerState.CHECKING,
    WorkerState.CLAIMING,
    WorkerState.LOADING,
    WorkerState.UPLOADING,
    WorkerState.WAITING_NONE_FREE,
    WorkerState.RETRYING,
}
_RESTING = {state for state in WorkerState if state.name.startswith("PAUSED")}
_OVER = {WorkerState.STOPPED, WorkerState.COMPLETE}
# A unit is in work, or on its way here.
_WITH_A_UNIT = {WorkerState.CLAIMING, WorkerState.LOADING, WorkerState.COMPUTING, WorkerState.UPLOADING}
NOTICE_SHOWN_MS = 15_000
EARLIEST_HOUR = 6


class Strip(QFrame):
    """Shows the session's state and steers it.

    Signals:
        look_changed: A `Look`, for whoever shows the same elsewhere.
    """

    look_changed = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._handing_in: list[int] = []
        self._retrying_since: float | None = None
        self._look: Look | None = None
        self._state = session.state
        set_role(self, "bar")
        self._build()
        self._later = QTimer(self, singleShot=True, interval=SHORTEST_SHOWN_MS)
        self._later.timeout.connect(self._show_newest)
        self._notice_over = QTimer(self, singleShot=True, interval=NOTICE_SHOWN_MS)
        self._notice_over.timeout.connect(self._show_details)
        session.state_changed.connect(self._take_state)
        session.preparing_changed.connect(self._show)
        session.class_changed.connect(self._show_newest)
        session.totals_changed.connect(self._show)
        session.link_changed.connect(self._show)
        session.joined_as.connect(self._show_details)
        session.unit_computed.connect(self._begin_hand_in)
        session.unit_delivered.connect(self._end_hand_in)
        session.unit_dropped.connect(self._tell_dropped)
        session.notice_given.connect(self._tell_notice)
        self._show_newest()

    # -- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence = QLabel(self)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setWordWrap(True)
        self._sentence.setAccessibleName(self.tr("State"))
        scale_font(self._sentence, 1.12, bold=True)
        use_tabular_digits(self._sentence)
        # Room for two lines, so that a long sentence moves nothing.
        self._sentence.setMinimumHeight(em(self._sentence, 2.1))
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._link = self._link_button()
        self._progress = QProgressBar(self, maximum=1_000, textVisible=False)
        self._progress.setAccessibleName(self.tr("Progress of the unit"))
        set_role(self._progress, "thin")
        self._progress.setFixedWidth(em(self, 9))
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(False)
        self._progress.setSizePolicy(keep)
        self._device = self._link_button()
        self._device.setToolTip(self.tr("Why this one? See the page Hardware."))
        self._device.clicked.connect(lambda: self._session.show_page("hardware"))
        self._details = QLabel(self)
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        self._details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self._details, "muted")
        self._build_button()
        self._lay_out()

    def _link_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(button, "link")
        button.hide()
        return button

    def _build_button(self) -> None:
        self._button = MainButton(self)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self._button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self._button, "main")
        scale_font(self._button, 1.05)
        # The widest label decides, so that nothing moves when another one is shown.
        labels = (label_of(action) for action in (Action.START, Action.ANYWAY, Action.KEEP_GOING))
        widest = max(self._button.fontMetrics().horizontalAdvance(label) for label in labels)
        self._button.setMinimumWidth(widest + em(self._button, 5))
        self._button.clicked.connect(self.press)
        self._link.clicked.connect(self._follow_link)

        menu = QMenu(self._button)
        self._pauses = [
            self._entry(menu, self.tr("Pause %n minutes", None, minutes), self._pause_for(minutes), "pause")
            for minutes in (15, 30, 60)
        ]
        until = self.tr("Pause until tomorrow {hour}:00").format(hour=EARLIEST_HOUR)
        self._pauses.append(self._entry(menu, until, self._pause_until_morning, "moon"))
        menu.addSeparator()
        words = self.tr("Finish this unit, then stop")
        self._finish = self._entry(menu, words, self._session.finish_unit, "finish")
        self._finish.setShortcut(QKeySequence("Ctrl+F6"))
        self._stop = self._entry(menu, self.tr("Stop now"), self._session.stop_now, "stop")
        self._stop.setShortcut(QKeySequence("Shift+F6"))
        self._button.setMenu(menu)

        self._start = QAction(self.tr("Start"), self, shortcut=QKeySequence(Qt.Key.Key_F5))
        self._start.triggered.connect(self._start_or_resume)
        self._pause = QAction(self.tr("Pause"), self, shortcut=QKeySequence(Qt.Key.Key_F6))
        self._pause.triggered.connect(lambda: self._session.pause())
        self.addActions([self._start, self._pause])

    def _entry(self, menu: QMenu, text: str, act: Callable[[], None], icon: str) -> QAction:
        entry = menu.addAction(text)
        icons.set_icon(entry, icon)
        entry.triggered.connect(lambda _checked=False: act())
        return entry

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.addWidget(self._sentence, 1)
        first.addWidget(self._link)
        second = QHBoxLayout()
        second.setSpacing(em(self, 0.6))
        second.addWidget(self._progress)
        second.addWidget(self._device)
        second.addWidget(self._details, 1)
        # The small line keeps its place when nothing stands in it.
        second.addStrut(em(self, 1.4))
        middle = QVBoxLayout()
        middle.setSpacing(em(self, 0.1))
        middle.addLayout(first)
        middle.addLayout(second)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 1.0), em(self, 0.5), em(self, 1.0), em(self, 0.5))
        row.setSpacing(em(self, 0.9))
        row.addWidget(self._icon)
        row.addLayout(middle, 1)
        row.addWidget(self._button)

    # -- showing --------------------------------------------------------------------------------

    @Slot(object)
    def _take_state(self, changed: StateChanged) -> None:
        is_retrying = changed.state is WorkerState.RETRYING
        if not is_retrying:
            self._retrying_since = None
        elif self._retrying_since is None:
            self._retrying_since = time.monotonic()
        if changed.state in _PASSING and changed.state is not self._state.state:
            if not self._later.isActive():
                self._later.start()
        else:
            self._show_newest()

    @Slot()
    def _show_newest(self) -> None:
        self._later.stop()
        self._state = self._session.state
        self._show()

    @Slot()
    def _show(self) -> None:
        session = self._session
        since = self._retrying_since
        look = look_of(
            Situation(
                self._state,
                preparing=session.preparing,
                has_class=session.joined is not None,
                is_contributing=session.is_contributing,
                retrying_s=time.monotonic() - since if since is not None else 0.0,
                has_ended=session.has_ended,
                has_moved=session.has_moved,
                needs_card=session.needs_card,
            )
        )
        self._enable(session.is_contributing)
        if look == self._look:
            return
        self._look = look
        self.look_changed.emit(look)
        self._sentence.setText(look.sentence)
        self._icon.setPixmap(icons.pixmap(look.icon, em(self, 1.9), look.colour, self.devicePixelRatioF()))
        self._button.setText(label_of(look.button))
        self._button.setEnabled(True)
        self._button.setToolTip(_tip(look.button))
        icons.set_icon(self._button, icon_of(look.button))
        self._link.setVisible(look.link is not None)
        if look.link is not None:
            self._link.setText(label_of(look.link))
        self._show_progress(look.progress)
        self._show_details()

    def _enable(self, is_contributing: bool) -> None:
        """What is not possible now stays in the menu, greyed."""
        state = self._session.state.state
        can_pause = is_contributing and state not in _OVER | {WorkerState.FINISHING}
        self._pause.setEnabled(can_pause and state not in _RESTING)
        for entry in self._pauses:
            # Also while it rests: a pause may be made longer, or shorter.
            entry.setEnabled(can_pause)
        self._finish.setEnabled(is_contributing and state in _WITH_A_UNIT)
        self._stop.setEnabled(is_contributing and state not in _OVER)

    def _show_progress(self, progress: float | None) -> None:
        self._progress.setVisible(progress is not None)
        if progress is not None and progress < 0:
            self._progress.setRange(0, 0)
        elif progress is not None:
            self._progress.setRange(0, 1_000)
            self._progress.setValue(round(1_000 * progress))

    @Slot()
    def _show_details(self) -> None:
        """The small line: what computes, what is on its way."""
        joined = self._session.joined_as_now if self._session.is_contributing else None
        self._device.setVisible(joined is not None)
        if joined is not None:
            device = self.tr("Graphics card") if joined.hardware.gpu_name else self.tr("Processor (why?)")
            self._device.setText(device)
        if self._notice_over.isActive():
            return
        units = ", ".join(str(unit_id) for unit_id in self._handing_in)
        is_told = self._state.state is WorkerState.UPLOADING
        self._details.setText(
            self.tr("handing in {units}").format(units=units) if units and not is_told else ""
        )

    @Slot(object)
    def _begin_hand_in(self, computed: UnitComputed) -> None:
        self._handing_in.append(computed.unit.unit_id)
        self._show_details()

    @Slot(object)
    def _end_hand_in(self, delivered: UnitDelivered) -> None:
        self._forget(delivered.unit.unit_id)

    @Slot(object)
    def _tell_dropped(self, dropped: UnitDropped) -> None:
        self._forget(dropped.unit_id)
        words = self.tr("Unit {unit}: {reason}")
        self._tell(words.format(unit=dropped.unit_id, reason=engine_text(dropped.reason)))

    @Slot(object)
    def _tell_notice(self, notice: Notice) -> None:
        self._tell(engine_text(notice.text))

    def _forget(self, unit_id: int) -> None:
        self._handing_in = [known for known in self._handing_in if known != unit_id]
        self._show_details()

    def _tell(self, text: str) -> None:
        """Show a sentence in the small line for a while; the log keeps it."""
        self._details.setText(text)
        self._details.setToolTip(text)
        self._notice_over.start()

    # -- steering -------------------------------------------------------------------------------

    @property
    def look(self) -> Look | None:
        """What is shown now."""
        return self._look

    def menu_entries(self) -> list[QAction]:
        """What the main button's menu offers, for other menus too."""
        return self._button.menu().actions()

    @Slot()
    def press(self) -> None:
        """Do what the main button says."""
        if self._look is not None and self._look.is_enabled:
            self._act(self._look.button)

    @Slot()
    def _follow_link(self) -> None:
        if self._look is not None and self._look.link is not None:
            self._act(self._look.link)

    def _act(self, action: Action) -> None:
        session = self._session
        acts: dict[Action, Callable[[], None]] = {
            Action.START: session.start,
            Action.CANCEL: session.stop_now,
            Action.PAUSE: session.pause,
            Action.RESUME: session.resume,
            Action.ANYWAY: session.contribute_anyway,
            Action.KEEP_GOING: session.keep_going,
            Action.STOP_NOW: session.stop_now,
            Action.TRY_NOW: session.try_now,
            Action.SEE_FACES: lambda: session.show_page("gallery"),
            Action.JOIN: session.ask_to_join,
            Action.FIND_CAUSE: self._find_cause,
            Action.EXPLAIN_HOLD: lambda: session.show_page("help/hold"),
            Action.RUN_QUIETER: lambda: session.change_preferences(pace="quiet"),
            Action.CHANGE_LIMITS: lambda: session.show_page("settings"),
            Action.SAVE_PICTURE: session.save_my_picture,
            Action.NEW_CARD: lambda: session.ask_to_join("card"),
        }
        acts[action]()

    def _find_cause(self) -> None:
        link = self._session.link
        if link is not None and link.error is not None:
            self._session.tell_trouble(link.error)
        self._session.try_now()

    def _start_or_resume(self) -> None:
        if self._look is not None and self._look.button in (Action.START, Action.RESUME, Action.ANYWAY):
            self.press()

    def _pause_for(self, minutes: int) -> Callable[[], None]:
        return lambda: self._session.pause(time.time() + 60 * minutes)

    def _pause_until_morning(self) -> None:
        tomorrow = datetime.now() + timedelta(days=1)
        morning = tomorrow.replace(hour=EARLIEST_HOUR, minute=0, second=0, microsecond=0)
        self._session.pause(morning.timestamp())


class MainButton(QToolButton):
    """A button with a menu at its side, which opens by the Down key too: Qt has none for it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name."""
        if event.key() == Qt.Key.Key_Down:
            self.showMenu()
        else:
            super().keyPressEvent(event)


def _tip(action: Action) -> str:
    return {Action.START: "F5", Action.RESUME: "F5", Action.ANYWAY: "F5", Action.PAUSE: "F6"}.get(action, "")
