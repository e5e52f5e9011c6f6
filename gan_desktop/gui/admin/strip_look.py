"""What the instructor's strip shows: each case of `look_of` is one row of the table of states."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from gan_desktop.gui.admin.snapshot import Coordination
from gan_desktop.gui.words import duration, number
from gan_desktop.records import RunStatus

if TYPE_CHECKING:
    from gan_desktop.database.statistics import RunSummary


class Action(StrEnum):
    """What the main button and its menu do."""

    BEGIN_CLASS = "begin_class"
    TRY_NOW = "try_now"
    ADD_PICTURES = "add_pictures"
    NEW_TRAINING = "new_training"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    RUN_HERE = "run_here"
    SEE_RESULTS = "see_results"


@dataclass(frozen=True)
class Situation:
    """What decides the strip's look.

    Attributes:
        preparing: What goes on before there is a class; empty: nothing.
        is_read: The class was looked at.
        is_connected: Its database answers.
        has_ended: The course is over.
        has_moved: The class goes on on another server.
        run: The training to steer (`class_admin.status.current_run`).
        num_working: Computers at work or waiting for the training.
        seconds_left: Until the last iteration, by the pace of the last minutes; None: not known.
    """

    preparing: str = ""
    has_class: bool = True
    is_read: bool = True
    is_connected: bool = True
    has_pictures: bool = True
    has_ended: bool = False
    has_moved: bool = False
    run: RunSummary | None = None
    coordination: Coordination = field(default_factory=Coordination)
    num_working: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Look:
    """The strip at one moment; fields as in the student's strip."""

    icon: str
    colour: str
    sentence: str
    button: Action
    progress: float | None = None
    details: str = ""


def look_of(now: Situation) -> Look:
    """The strip's look in a situation."""
    if now.preparing:
        return Look("clock", "accent", now.preparing, Action.TRY_NOW, progress=-1.0)
    if not now.has_class:
        return Look("people", "muted", _tr("You do not teach a class here yet."), Action.BEGIN_CLASS)
    if not now.is_connected:
        words = _tr(
            "No connection to the class's database. What students' computers have done is kept there."
        )
        return Look("offline", "warning", words, Action.TRY_NOW)
    if not now.is_read:
        return Look("search", "accent", _tr("Looking at the class ..."), Action.TRY_NOW, progress=-1.0)
    if now.has_moved:
        words = _tr("The class has moved to another server. Open it there to go on.")
        return Look("check", "good", words, Action.SEE_RESULTS)
    if now.has_ended:
        words = _tr("The class has ended. What is left to do stands under Server, End of course.")
        return Look("check", "good", words, Action.SEE_RESULTS)
    if now.run is None:
        return _without_training(now)
    return _with_training(now, now.run)


def _without_training(now: Situation) -> Look:
    if not now.has_pictures:
        words = _tr("The class has no pictures to learn from yet.")
        return Look("gallery", "muted", words, Action.ADD_PICTURES)
    return Look("clock", "muted", _tr("The class has no training yet."), Action.NEW_TRAINING)


def _with_training(now: Situation, run: RunSummary) -> Look:
    place = now.coordination.place
    if run.status is RunStatus.COMPLETE and run.iteration < run.target_iterations:
        words = _tr('The training "{name}" was ended at iteration {iteration} of {target}.')
        sentence = words.format(
            name=run.name, iteration=number(max(run.iteration, 0)), target=number(run.target_iterations)
        )
        next_step = Action.SEE_RESULTS if run.iteration > 0 else Action.NEW_TRAINING
        return Look("stop", "muted", sentence, next_step, progress=_share(run))
    if run.status is RunStatus.COMPLETE:
        words = _tr('The training "{name}" is complete: {iterations} iterations.')
        sentence = words.format(name=run.name, iterations=number(run.iteration))
        return Look("check", "good", sentence, Action.SEE_RESULTS, progress=1.0)
    if now.coordination.is_starting:
        return Look("play", "accent", _tr("Starting the training ..."), Action.PAUSE, progress=-1.0)
    if run.status is RunStatus.CREATED:
        words = _tr('The training "{name}" is ready. Computers begin by themselves when it starts.')
        return Look("play", "accent", words.format(name=run.name), Action.START)
    details = _who_runs_it(place)
    if run.status is RunStatus.PAUSED:
        words = _tr("The training is paused at iteration {iteration}. Computers that wait: {number}.")
        sentence = words.format(iteration=number(run.iteration), number=number(now.num_working))
        return Look("pause", "muted", sentence, Action.RESUME, _share(run), details)
    if place == "nobody":
        words = _tr("Nobody runs the training at iteration {iteration}. Computers that wait: {number}.")
        sentence = words.format(iteration=number(run.iteration), number=number(now.num_working))
        return Look("warning", "warning", sentence, Action.RUN_HERE, _share(run))
    target = run.target_iterations
    if now.seconds_left is None:
        words = _tr("Training: iteration {iteration} of {target}")
    else:
        words = _tr("Training: iteration {iteration} of {target}, about {time} left")
    sentence = words.format(
        iteration=number(max(run.iteration, 0)),
        target=number(target),
        time=duration(now.seconds_left) if now.seconds_left is not None else "",
    )
    return Look("play", "good", sentence, Action.PAUSE, _share(run), details)


def _who_runs_it(place: str) -> str:
    return {
        "here": _tr("This window runs the training."),
        "elsewhere": _tr("Another program runs the training; this window watches and steers."),
    }.get(place, "")


def _share(run: RunSummary) -> float:
    return min(1.0, max(run.iteration, 0) / max(1, run.target_iterations))


def label_of(action: Action) -> str:
    """What the button for an action says."""
    return {
        Action.BEGIN_CLASS: _tr("Teach a class"),
        Action.TRY_NOW: _tr("Try now"),
        Action.ADD_PICTURES: _tr("Add pictures"),
        Action.NEW_TRAINING: _tr("New training"),
        Action.START: _tr("Start"),
        Action.PAUSE: _tr("Pause"),
        Action.RESUME: _tr("Resume"),
        Action.RUN_HERE: _tr("Run it here"),
        Action.SEE_RESULTS: _tr("See the results"),
    }[action]


def icon_of(action: Action) -> str:
    """The icon on the button for an action."""
    return {
        Action.BEGIN_CLASS: "people",
        Action.TRY_NOW: "refresh",
        Action.ADD_PICTURES: "gallery",
        Action.PAUSE: "pause",
        Action.SEE_RESULTS: "gallery",
    }.get(action, "play")


def _tr(text: str) -> str:
    return QCoreApplication.translate("teaching strip", text)
