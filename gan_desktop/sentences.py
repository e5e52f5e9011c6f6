"""What a worker's state is called on every screen: the student's, the instructor's, the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gan_desktop.records import ReadyCheck, WorkerState

Detail = Mapping[str, Any]

# The end of the sentence of a stopped worker. The console, which has no such button, leaves it out.
START_HINT = " Press Start contributing when you like."


def sentence(state: WorkerState, detail: Detail) -> str:
    """The one sentence for a state; `detail` is what travels with it (records.StateChanged)."""
    words = _SENTENCES[state]
    return words if isinstance(words, str) else words(detail)


def about_time(seconds: float | None) -> str:
    """A length of time as people say it."""
    if seconds is None:
        return "measuring the time left"
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5_400:
        return f"about {round(seconds / 60)} min"
    if seconds < 172_800:
        return f"about {round(seconds / 3_600)} h"
    return f"about {round(seconds / 86_400)} days"


def speed_sentence(check: ReadyCheck) -> str:
    """What a computer can do for a training, and with how many processor threads."""
    others = ", ".join(
        f"{_threads(number)}: {_rate(speed)}"
        for number, speed in check.thread_speeds.items()
        if number != check.num_threads
    )
    return (
        f"With {_threads(check.num_threads)} it learns from {_rate(check.images_per_second)} images a second"
        f"{f' ({others})' if others else ''}: about {check.units_per_hour:,.0f} units and"
        f" {check.mb_per_hour:,.0f} MB an hour."
    )


def _threads(number: int) -> str:
    return f"{number} thread{'s' * (number != 1)}"


def _rate(images_per_second: float) -> str:
    return f"{images_per_second:,.0f}" if images_per_second >= 10 else f"{images_per_second:.1f}"


def _joining(detail: Detail) -> str:
    title = detail.get("title")
    return f'Connecting to "{title}" ...' if title else "Connecting to the class ..."


def _away(detail: Detail) -> str:
    seconds, since = detail.get("coordinator_silent_s"), detail.get("since")
    if since and seconds is not None and seconds < 43_200:
        ago = f" since {_clock(datetime.fromisoformat(since))}"
    else:
        ago = f" for {about_time(seconds)}" if seconds else ""
    return f"The class's main computer has been off{ago}. This computer goes on by itself when it returns."


def _none_free(detail: Detail) -> str:
    seconds = detail.get("seconds")
    if seconds is None:
        return "All units are taken. The next ones come soon."
    when = "a moment" if seconds < 2 else f"about {seconds} seconds"
    return f"All units are taken. The next ones come in {when}."


def _loading(detail: Detail) -> str:
    if not detail.get("num_bytes"):
        return "Getting pictures to learn from."
    return f"Getting pictures to learn from: {_megabytes(detail)}."


def _computing(detail: Detail) -> str:
    return (
        f"Learning from unit {detail['unit_id']}: {detail['num_done']:,} of {detail['num_images']:,} images,"
        f" {_left(detail.get('seconds_left'))}."
    )


def _left(seconds: float | None) -> str:
    """The time left as a range: its estimate goes up and down by seconds, which is no news."""
    if seconds is None:
        return "measuring the time left"
    if seconds < 60:
        return "less than a minute left"
    minutes = int(seconds / 60)
    return f"{minutes} to {minutes + 1} min left" if minutes < 90 else f"{about_time(seconds)} left"


def _finishing(detail: Detail) -> str:
    unit = f"unit {detail['unit_id']}" if "unit_id" in detail else "the unit"
    return f"Finishing {unit}, then stopping: {about_time(detail.get('seconds_left'))}."


def _uploading(detail: Detail) -> str:
    return f"Handing in unit {detail['unit_id']}: {_megabytes(detail)}."


def _megabytes(detail: Detail) -> str:
    return f"{detail.get('num_bytes_done', 0) / 1e6:.1f} of {detail['num_bytes'] / 1e6:.1f} MB"


def _retrying(detail: Detail) -> str:
    kept = " Your finished unit is kept here." if detail.get("num_waiting") else ""
    reason = f" {detail['reason']}" if detail.get("reason") else ""
    return f"No connection to the class.{kept}{reason} Next try in {max(1, detail.get('seconds', 1))} s."


# -- why it rests ---------------------------------------------------------------------------------


def _paused(detail: Detail) -> str:
    return f"Paused{_until(detail)}. {_work_done(detail)}"


def _until(detail: Detail) -> str:
    if "until" not in detail:
        return ""
    until, minutes_left = datetime.fromisoformat(detail["until"]), detail["minutes_left"]
    is_today = (until - timedelta(minutes=minutes_left)).date() == until.date()
    left = f"{minutes_left} min" if minutes_left < 90 else f"{round(minutes_left / 60)} h"
    return f" until {'' if is_today else 'tomorrow '}{_clock(until)} ({left} left)"


def _work_done(detail: Detail) -> str:
    """What became of the unit that was in work when the worker was stopped or paused."""
    if "given_back" in detail:
        unit = detail["given_back"]
        return f"Too little of unit {unit} was done to be worth sending: it went back, and nothing was sent."
    return "What was done is handed in."


def _on_battery(detail: Detail) -> str:
    return f"Paused: on battery, {detail['percent']}%. Goes on when plugged in."


def _hot(detail: Detail) -> str:
    return (
        f"Cooling down: graphics card at {detail['temperature_c']} °C, goes on below"
        f" {detail['goes_on_below_c']} °C."
    )


def _outside_hours(detail: Detail) -> str:
    return f"Paused: until {detail['until']}, as set by you."


def _program_runs(detail: Detail) -> str:
    return f"Paused: while {detail['program']} is running, as set by you."


def _too_much_memory(detail: Detail) -> str:
    return (
        f"Paused: this needs {detail['needed_gb']:.1f} GB of memory, and you allow"
        f" {detail['allowed_gb']:.1f} GB."
    )


def _stopped(detail: Detail) -> str:
    num_units = detail.get("total_units", 0)
    safe = {0: "Your units are safe.", 1: "Your unit is safe."}.get(
        num_units, f"Your {num_units:,} units are safe."
    )
    given_back = f" {_work_done(detail)}" if "given_back" in detail else ""
    return f"Stopped.{given_back} {safe}{START_HINT}"


def _complete(detail: Detail) -> str:
    parts = []
    if detail.get("iteration", 0) > 0:
        parts.append(f"{detail['iteration']:,} iteration{'s' * (detail['iteration'] != 1)}")
        if people := detail.get("num_people"):
            parts.append(f"by {people:,} {'people' if people != 1 else 'person'}")
    course = f": {' '.join(parts)}" if parts else ""
    own = f" You trained {detail['num_images']:,} images." if detail.get("num_images") else ""
    return f"The training is complete{course}.{own}"


def _clock(moment: datetime) -> str:
    return f"{moment.hour}:{moment.minute:02d}"


_SENTENCES: Mapping[WorkerState, str | Callable[[Detail], str]] = {
    WorkerState.JOINING: _joining,
    WorkerState.CHECKING: "Checking this computer: trying the graphics card (about 10 s).",
    WorkerState.WAITING_NO_TRAINING: (
        "Your instructor has not started the training yet. It will begin here by itself."
    ),
    WorkerState.WAITING_PAUSED: "Your instructor has paused the training. Nothing to do for you.",
    WorkerState.WAITING_COORDINATOR_AWAY: _away,
    WorkerState.WAITING_NONE_FREE: _none_free,
    WorkerState.WAITING_ON_HOLD: (
        "Your computer's results are on hold until your instructor has looked at them."
    ),
    WorkerState.CLAIMING: "Getting a unit ...",
    WorkerState.LOADING: _loading,
    WorkerState.COMPUTING: _computing,
    WorkerState.UPLOADING: _uploading,
    WorkerState.PAUSED: _paused,
    WorkerState.PAUSED_BATTERY: _on_battery,
    WorkerState.PAUSED_HOT: _hot,
    WorkerState.PAUSED_HOURS: _outside_hours,
    WorkerState.PAUSED_IN_USE: "Paused: you are using this computer.",
    WorkerState.PAUSED_PROGRAM: _program_runs,
    WorkerState.PAUSED_METERED: "Paused: this connection is metered.",
    WorkerState.PAUSED_MEMORY: _too_much_memory,
    WorkerState.FINISHING: _finishing,
    WorkerState.STOPPED: _stopped,
    WorkerState.RETRYING: _retrying,
    WorkerState.COMPLETE: _complete,
}
