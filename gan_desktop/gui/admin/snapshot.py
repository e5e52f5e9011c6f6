"""What the instructor's pages know of the class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gan_desktop.class_admin.status import ClassStatus
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.address import Address
    from gan_desktop.database.notices import Event
    from gan_desktop.database.statistics import Room
    from gan_desktop.known_classes import KnownClass
    from gan_desktop.records import ClassTotals, Progress, TrainingNow
    from gan_desktop.settings import HuggingFaceSettings


@dataclass(frozen=True)
class TaughtClass:
    """A class one teaches.

    Attributes:
        address: The way in of the class's coordinator role.
        title: What to call it before it has said so itself.
        hosted_in: The folder of its database where that runs on this computer; None: a server elsewhere.
        known: The way back that is kept of it; None: of config.yaml.
        hub: Where config.yaml wants its network published; None: it says nothing of it.
    """

    address: Address
    title: str = ""
    hosted_in: Path | None = None
    known: KnownClass | None = None
    hub: HuggingFaceSettings | None = None


@dataclass(frozen=True)
class Coordination:
    """Who runs the training.

    Attributes:
        place: This window, another program, or nobody.
        run_id: Which training; None: none.
        is_starting: This window has begun to, and does not have the training yet.
    """

    place: Literal["here", "elsewhere", "nobody"] = "nobody"
    run_id: int | None = None
    is_starting: bool = False


@dataclass(frozen=True)
class TeachingSnapshot:
    """The class at one moment; every part is empty before the first look.

    Attributes:
        status: Trainings, pictures, computers, the queue, the server.
        students: Everybody who has a card or has enrolled, the withdrawn too.
        totals: The class in numbers, and whether it has ended.
        training: The training that goes on, else the last one.
        history: The course of `training`, in order.
        sample_iterations: The iterations of `training` that a grid of faces was drawn of.
        events: What happened last, the newest first.
        room: Connections that the server allows.
        mbit_s: What the class's updates and weights move, over about a minute; None: not known yet.
        read_at: When the reading began, by this computer's `time.time()`.
    """

    status: ClassStatus | None = None
    students: tuple[Student, ...] = ()
    totals: ClassTotals | None = None
    training: TrainingNow | None = None
    history: tuple[Progress, ...] = ()
    sample_iterations: tuple[int, ...] = ()
    events: tuple[Event, ...] = ()
    room: Room | None = None
    mbit_s: float | None = None
    read_at: float = 0.0
