"""What the strip shows in each state (docs: the table of states): one row of the table is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QCoreApplication

from gan_desktop.gui.translation import engine_text
from gan_desktop.records import StateChanged, WorkerState
from gan_desktop.sentences import sentence


class Action(StrEnum):
    """What the main button and the links of the strip do."""

    START = "start"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    ANYWAY = "anyway"
    KEEP_GOING = "keep_going"
    STOP_NOW = "stop_now"
    TRY_NOW = "try_now"
    SEE_FACES = "see_faces"
    JOIN = "join"
    FIND_CAUSE = "find_cause"
    EXPLAIN_HOLD = "explain_hold"
    RUN_QUIETER = "run_quieter"
    CHANGE_LIMITS = "change_limits"
    SAVE_PICTURE = "save_picture"
    NEW_CARD = "new_card"


@dataclass(frozen=True)
class Situation:
    """What decides the strip's look.

    Attributes:
        preparing: What goes on before there is a worker; empty: nothing.
        has_class: Whether a class was joined.
        is_contributing: Whether there is a worker.
        retrying_s: How long there has been no connection.
        has_ended, has_moved: The course is over; or the class lives on another server.
        needs_card: The class takes this login no more.
    """

    state: StateChanged
    preparing: str = ""
    has_class: bool = True
    is_contributing: bool = True
    retrying_s: float = 0.0
    has_ended: bool = False
    has_moved: bool = False
    needs_card: bool = False


@dataclass(frozen=True)
class Look:
    """The strip at one moment.

    Attributes:
        colour: A field of `theme.Colours`, for the icon. Its shape says the same.
        progress: 0 to 1; -1: it goes on, nobody knows how far; None: no bar.
        link: An action offered beside the sentence.
    """

    icon: str
    colour: str
    sentence: str
    button: Action
    is_enabled: bool = True
    progress: float | None = None
    link: Action | None = None


# Icon, its colour, main button, link.
_ROWS: dict[WorkerState, tuple[str, str, Action, Action | None]] = {
    WorkerState.JOINING: ("search", "accent", Action.CANCEL, None),
    WorkerState.CHECKING: ("hardware", "accent", Action.CANCEL, None),
    WorkerState.WAITING_NO_TRAINING: ("clock", "muted", Action.PAUSE, None),
    WorkerState.WAITING_PAUSED: ("clock", "muted", Action.PAUSE, None),
    WorkerState.WAITING_COORDINATOR_AWAY: ("clock", "warning", Action.PAUSE, None),
    WorkerState.WAITING_NONE_FREE: ("clock", "accent", Action.PAUSE, None),
    WorkerState.WAITING_ON_HOLD: ("hand", "warning", Action.PAUSE, Action.EXPLAIN_HOLD),
    WorkerState.CLAIMING: ("search", "accent", Action.PAUSE, None),
    WorkerState.LOADING: ("download", "accent", Action.PAUSE, None),
    WorkerState.COMPUTING: ("play", "good", Action.PAUSE, None),
    WorkerState.UPLOADING: ("upload", "accent", Action.PAUSE, None),
    WorkerState.PAUSED: ("pause", "muted", Action.RESUME, None),
    WorkerState.PAUSED_BATTERY: ("battery", "warning", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.PAUSED_HOT: ("hot", "warning", Action.RESUME, Action.RUN_QUIETER),
    WorkerState.PAUSED_IN_USE: ("person", "muted", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.PAUSED_HOURS: ("moon", "muted", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.PAUSED_PROGRAM: ("hand", "muted", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.PAUSED_METERED: ("offline", "warning", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.PAUSED_MEMORY: ("hardware", "warning", Action.ANYWAY, Action.CHANGE_LIMITS),
    WorkerState.FINISHING: ("finish", "good", Action.KEEP_GOING, Action.STOP_NOW),
    WorkerState.STOPPED: ("stop", "muted", Action.START, None),
    WorkerState.RETRYING: ("offline", "warning", Action.TRY_NOW, None),
    WorkerState.COMPLETE: ("check", "good", Action.SEE_FACES, Action.SAVE_PICTURE),
}
# What is done of a unit is still on its way.
_HANDING_IN = {WorkerState.COMPUTING, WorkerState.UPLOADING, WorkerState.FINISHING}
# After so long without a connection the strip offers to look for the cause.
FIND_CAUSE_S = 120.0


def look_of(now: Situation) -> Look:
    """The strip's look in a situation."""
    if now.preparing:
        return Look("clock", "accent", now.preparing, Action.CANCEL, progress=-1.0)
    if not now.has_class:
        words = _tr("You have not joined a class yet.")
        return Look("people", "muted", words, Action.JOIN)
    state, detail = now.state.state, now.state.detail
    if now.has_moved and not (now.is_contributing and state in _HANDING_IN):
        words = _tr("The class has moved to another server. Ask your instructor for the new card.")
        return Look("info", "warning", words, Action.NEW_CARD)
    if now.has_ended and not now.is_contributing and state is not WorkerState.COMPLETE:
        words = _tr("The class has ended. Its faces and your record stay here, also without a connection.")
        return Look("check", "good", words, Action.SEE_FACES, link=Action.SAVE_PICTURE)
    if now.needs_card and not now.is_contributing and state is not WorkerState.COMPLETE:
        words = _tr("Stopped: the class does not take this card any more. What you have done is kept.")
        return Look("card", "warning", words, Action.NEW_CARD)
    icon, colour, button, link = _ROWS[state]
    if state is WorkerState.STOPPED and now.is_contributing:
        # The worker hands in and says goodbye.
        return Look("upload", "muted", _tr("Handing in what is done ..."), Action.START, False, -1.0)
    if state is WorkerState.RETRYING and now.retrying_s > FIND_CAUSE_S:
        link = Action.FIND_CAUSE
    return Look(
        icon,
        colour,
        engine_text(sentence(state, detail)),
        button,
        is_enabled=state is not WorkerState.PAUSED_HOT and detail.get("can_override", True),
        progress=_progress(state, detail),
        link=link,
    )


def label_of(action: Action) -> str:
    """What a button or link for an action says."""
    return {
        Action.START: _tr("Start contributing"),
        Action.CANCEL: _tr("Cancel"),
        Action.PAUSE: _tr("Pause"),
        Action.RESUME: _tr("Resume"),
        Action.ANYWAY: _tr("Contribute anyway"),
        Action.KEEP_GOING: _tr("Keep going"),
        Action.STOP_NOW: _tr("Stop now, hand in what is done"),
        Action.TRY_NOW: _tr("Try now"),
        Action.SEE_FACES: _tr("See the faces"),
        Action.JOIN: _tr("Join a class"),
        Action.FIND_CAUSE: _tr("Find the cause"),
        Action.EXPLAIN_HOLD: _tr("What does that mean?"),
        Action.RUN_QUIETER: _tr("Run quieter"),
        Action.CHANGE_LIMITS: _tr("Change"),
        Action.SAVE_PICTURE: _tr("Save my picture"),
        Action.NEW_CARD: _tr("Add a new card"),
    }[action]


def icon_of(action: Action) -> str:
    """The icon on the main button for an action."""
    return {
        Action.START: "play",
        Action.CANCEL: "close",
        Action.PAUSE: "pause",
        Action.TRY_NOW: "refresh",
        Action.SEE_FACES: "gallery",
        Action.JOIN: "people",
        Action.NEW_CARD: "card",
    }.get(action, "play")


def _progress(state: WorkerState, detail: Any) -> float | None:
    if state in (WorkerState.COMPUTING, WorkerState.FINISHING) and detail.get("num_images"):
        return float(detail["num_done"] / detail["num_images"])
    if detail.get("num_bytes") and "num_bytes_done" in detail:
        return float(detail["num_bytes_done"] / detail["num_bytes"])
    if state in (WorkerState.JOINING, WorkerState.CHECKING, WorkerState.LOADING, WorkerState.UPLOADING):
        return -1.0
    return None


def _tr(text: str) -> str:
    return QCoreApplication.translate("strip", text)
