"""The end of a course, step by step. Each step may be done again, and says before what it will do.

    end      trainings end, students see that the class has ended, nobody new comes in
    credit   everybody's credit as a table, up to a day
    results  weights, faces and curves in a folder
    archive  the whole class as one file
    logins   nobody comes in any more
    erase    names and all else that is personal is gone (erasing.py)

Between `end` and `logins` students' programs still read the class. They remember that it has ended and fetch
what they need without it, so that a login that is closed later is no error to them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from gan_desktop.class_admin.archive import archive_class
from gan_desktop.class_admin.credit import credit, write_csv
from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.results import export_results
from gan_desktop.class_admin.trainings import steer_run
from gan_desktop.database.address import Address
from gan_desktop.database.closing import ClosingFacts, ClosingSteps, Step, StepDone
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.enrolment import EnrolCards
from gan_desktop.database.logins import Logins
from gan_desktop.database.notices import Notices
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, SaveFailed
from gan_desktop.files import new_private_file
from gan_desktop.records import RunStatus

__all__ = ["Closing", "ClosingFacts", "Step", "StepDone"]

# Told of what is being done, of how much of it is done and of how much there is.
Progress = Callable[[str, int, int], None]
# Within this time every program that is open looks at the class.
FAREWELL_S = 20.0
# A program that hears of a pause ends its batch; what it then sends may have a slow way.
HAND_IN_S = 40.0
LOOK_S = 0.5
# The steps of a class's page, in their usual order.
STEPS = (Step.END, Step.CREDIT, Step.RESULTS, Step.ARCHIVE, Step.LOGINS, Step.ERASE)


def _untold(what: str, done: int, total: int) -> None:
    """No progress is shown."""


class NoResults(GanDesktopError):
    """There is nothing that could be written down yet."""

    default_title = "No results yet"


@dataclass(frozen=True)
class Closing:
    """How far a course is from its end."""

    done: Mapping[Step, StepDone]
    facts: ClosingFacts

    @property
    def has_ended(self) -> bool:
        """Whether students see that the class is over here."""
        return Step.END in self.done or Step.MOVE in self.done

    def consequence(self, step: Step) -> str:
        """What a step will do to the class as it is now, in one line."""
        facts = self.facts
        match step:
            case Step.END:
                trainings = {
                    0: "No training goes on.",
                    1: "The training in progress ends for good; the class itself can be opened again.",
                }
                begin = trainings.get(
                    facts.num_trainings,
                    f"{facts.num_trainings} trainings end for good; the class itself can be opened again.",
                )
                return (
                    f"{begin} Students read that the class has ended; until their logins are closed they may"
                    " still look at its faces and their own record."
                )
            case Step.CREDIT:
                return (
                    "Writes one table of everybody's units, images and active hours up to that day. It holds"
                    " names and e-mail addresses."
                )
            case Step.RESULTS:
                return "Writes the weights, the faces and the curves to a folder. It holds no names."
            case Step.ARCHIVE:
                return (
                    f"Writes the whole class to one file of at most {_size(facts.num_bytes)}, without"
                    " passwords; any server can hold the class again. It holds names and e-mail addresses."
                )
            case Step.LOGINS:
                return (
                    f"Closes all logins ({facts.num_open_logins:,}) and class and room cards"
                    f" ({facts.num_cards:,}): nobody comes in any more. Faces, making faces and their own"
                    " record stay in students' programs."
                )
            case Step.ERASE:
                return (
                    "Removes all names, e-mail addresses, student numbers, messages, computers and units for"
                    " good. Weights, faces and curves stay."
                )
            case Step.MOVE:
                return "The class goes on where it lives now."


def closing(coordinator: Address) -> Closing:
    """How far the course is from its end."""
    with log_in(coordinator) as connection:
        return _closing(connection)


def end_class(coordinator: Address) -> None:
    """End what goes on; students see that the class has ended. `open_again` takes the latter back."""
    with log_in(coordinator) as connection:
        steps = ClosingSteps(connection)
        # First of all, so that whoever sees a training complete sees this, too.
        if Step.END not in steps.done():
            steps.record(Step.END)
            Notices(connection).add_event("ended", "The class has ended.")
        for run_id in steps.open_runs():
            steer_run(coordinator, RunStatus.COMPLETE, run_id)
        Runs(connection).wake_workers()


def save_credit(coordinator: Address, folder: Path, until: date, separator: str = ",") -> Path:
    """Write the credit up to and with a day, as a new CSV file in the folder; returns its path.

    Raises:
        SaveFailed: It cannot be written there.
    """
    report = credit(coordinator, until=until)
    with log_in(coordinator) as connection:
        steps = ClosingSteps(connection)
        path = _free(folder, f"{_file_stem(steps.facts().title)}-credit-{until:%Y-%m-%d}", ".csv")
        _make(folder)
        with new_private_file(path) as file:
            write_csv(report, file, separator)
        steps.record(Step.CREDIT, str(path))
    return path


def save_results(coordinator: Address, folder: Path, on_progress: Progress = _untold) -> Path:
    """Write what every training has learned into a new folder of the folder; returns its path.

    Raises:
        SaveFailed: It cannot be written there.
        NoResults: The class has trained nothing yet.
    """
    with log_in(coordinator) as connection:
        title = ClosingSteps(connection).facts().title
        runs = [run for run in Statistics(connection).runs() if run.iteration >= 0]
    if not runs:
        raise NoResults("No training of this class has weights yet.")
    path = _free(folder, f"{_file_stem(title)}-results", "")
    for run in reversed(runs):
        part = path if len(runs) == 1 else _free(path, _file_stem(run.name), "")
        words = f'Writing the results of "{run.name}"'
        export_results(coordinator, part, run_id=run.run_id, on_progress=partial(on_progress, words))
    record_step(coordinator, Step.RESULTS, str(path))
    return path


def save_archive(
    coordinator: Address, folder: Path, *, with_pictures: bool = True, on_progress: Progress = _untold
) -> Path:
    """Write the class as a new file in the folder; returns its path.

    Raises:
        SaveFailed: It cannot be written there.
    """
    with log_in(coordinator) as connection:
        title = ClosingSteps(connection).facts().title
    path = _free(folder, f"{_file_stem(title)}-archive-{date.today():%Y-%m-%d}", ".zip")
    _make(folder)
    with _told(path), new_private_file(path) as file:
        archive_class(coordinator, file, with_pictures=with_pictures, on_progress=on_progress)
    record_step(coordinator, Step.ARCHIVE, str(path))
    return path


def record_step(coordinator: Address, step: Step, place: str = "") -> None:
    """Write down that a step is done, now."""
    with log_in(coordinator) as connection:
        ClosingSteps(connection).record(step, place)


def close_logins(coordinator: Address, on_progress: Progress = _untold) -> int:
    """Let nobody in any more; who was in is out. Returns how many people's logins there are.

    Programs that are open get `FAREWELL_S` from the class's end on to hear of it, and longer to hand in.
    Nobody is removed from the class: in its archive, and after `open_again`, all are there.

    Raises:
        GanDesktopError: The class has not ended, nor moved.
    """
    with log_in(coordinator) as connection:
        steps = ClosingSteps(connection)
        _await_farewell(steps, Statistics(connection), on_progress)
        return shut_out(connection)


def shut_out(connection: Connection) -> int:
    """Close all logins at once, over a connection of `log_in`; returns how many people's there are."""
    steps = ClosingSteps(connection)
    for card in EnrolCards(connection).in_use():
        EnrolCards(connection).withdraw(card.card_id)
    users = steps.people_logins()
    Logins(connection).close_all(users)
    steps.stop_workers()
    if Step.LOGINS not in steps.done():
        steps.record(Step.LOGINS)
        Notices(connection).add_event("closed", "All logins of the class were closed.")
    return len(users)


def _await_farewell(steps: ClosingSteps, statistics: Statistics, on_progress: Progress) -> None:
    done = steps.done()
    ended = [done[step].done_at for step in (Step.END, Step.MOVE) if step in done]
    if not ended:
        raise GanDesktopError(
            "End the class first: students' programs have to hear of it before their logins are closed.",
            title="The class goes on",
        )
    until = min(ended) + timedelta(seconds=FAREWELL_S)
    while (left := (until - statistics.server().at).total_seconds()) > 0:
        on_progress("Letting students' programs hear of it", round(FAREWELL_S - left), round(FAREWELL_S))
        time.sleep(min(left, 1.0))
    await_hand_ins(steps, on_progress)


def await_hand_ins(steps: ClosingSteps, on_progress: Progress = _untold) -> None:
    """Wait until nobody hands anything in any more, after a training's pause or end; `HAND_IN_S` at most."""
    give_up_at = time.monotonic() + HAND_IN_S
    while steps.facts().num_out and (left := give_up_at - time.monotonic()) > 0:
        on_progress("Waiting until all have handed in", round(HAND_IN_S - left), round(HAND_IN_S))
        time.sleep(LOOK_S)


def open_again(coordinator: Address) -> None:
    """Let the class go on after all: everybody's card works again. Class and room cards have to be made anew.

    Raises:
        GanDesktopError: Nobody is left in it.
    """
    with log_in(coordinator) as connection:
        steps = ClosingSteps(connection)
        if Step.ERASE in steps.done():
            raise GanDesktopError(
                "The people of this class were erased. Restore its archive, or make a new class.",
                title="Nobody could come back",
            )
        if Step.LOGINS in steps.done():
            Logins(connection).open_all(steps.people_logins())
        steps.forget([Step.END, Step.LOGINS, Step.MOVE])
        Notices(connection).add_event("reopened", "The class goes on after all.")
        Runs(connection).wake_workers()


def _closing(connection: Connection) -> Closing:
    steps = ClosingSteps(connection)
    return Closing(steps.done(), steps.facts())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveFailed(f"{folder} cannot be made: {error.strerror}. Choose another folder.") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in plain words what the disk refuses while a file is written."""
    try:
        yield
    except OSError as error:
        raise SaveFailed(
            f"{path.name} could not be written: {error.strerror or error}. Nothing of it is left; choose a"
            " folder with more room."
        ) from error


def _file_stem(title: str) -> str:
    """A title as the beginning of a file's name that every system takes."""
    return re.sub(r"[^\w-]+", "-", title).strip("-").lower()[:60] or "class"


def _free(folder: Path, stem: str, ending: str) -> Path:
    """A path in the folder where nothing lies yet: what was written before stays."""
    path, number = folder / f"{stem}{ending}", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{ending}"
    return path


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{max(1, round(num_bytes / 1e6))} MB"
