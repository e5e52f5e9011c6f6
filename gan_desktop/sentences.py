"""What a worker's state is called on every screen: the student's, the instructor's, the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gan_desktop.records import WorkerState

Detail = Mapping[str, Any]


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


def _away(detail: Detail) -> str:
    seconds = detail.get("coordinator_silent_s")
    since = f" for {about_time(seconds)}" if seconds else ""
    return f"The class's main computer has been off{since}. This computer goes on by itself when it returns."


def _none_free(detail: Detail) -> str:
    seconds = detail.get("seconds")
    when = f" in about {max(1, seconds)} seconds" if seconds is not None else " soon"
    return f"All units are taken. The next ones come{when}."


def _computing(detail: Detail) -> str:
    seconds = detail.get("seconds_left")
    left = about_time(seconds) if seconds is None else f"{about_time(seconds)} left"
    return (
        f"Learning from unit {detail['unit_id']}: {detail['num_done']:,} of {detail['num_images']:,} images,"
        f" {left}."
    )


def _finishing(detail: Detail) -> str:
    unit = f"unit {detail['unit_id']}" if "unit_id" in detail else "the unit"
    return f"Finishing {unit}, then stopping: {about_time(detail.get('seconds_left'))}."


def _uploading(detail: Detail) -> str:
    return f"Handing in unit {detail['unit_id']}: {detail['num_bytes'] / 1e6:.1f} MB."


def _retrying(detail: Detail) -> str:
    kept = " Your finished unit is kept here." if detail.get("num_waiting") else ""
    reason = f" {detail['reason']}" if detail.get("reason") else ""
    return f"No connection to the class.{kept}{reason} Next try in {max(1, detail.get('seconds', 1))} s."


_SENTENCES: Mapping[WorkerState, str | Callable[[Detail], str]] = {
    WorkerState.JOINING: "Connecting to the class ...",
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
    WorkerState.LOADING: "Getting pictures to learn from.",
    WorkerState.COMPUTING: _computing,
    WorkerState.UPLOADING: _uploading,
    WorkerState.PAUSED: "Paused. What was done is handed in.",
    WorkerState.FINISHING: _finishing,
    WorkerState.STOPPED: "Stopped. Your units are safe.",
    WorkerState.RETRYING: _retrying,
    WorkerState.COMPLETE: "The training is complete.",
}
