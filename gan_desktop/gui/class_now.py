"""The class at this very moment, as far as this computer knows."""

from __future__ import annotations

from dataclasses import dataclass

from gan_desktop.gui.session import Session
from gan_desktop.records import AT_WORK


@dataclass(frozen=True)
class ClassNow:
    """Who is at work.

    Attributes:
        num_computers: At least one while this one works: the class may not have been read again yet.
        images_per_second: Of all together; None: the class has not heard of any speed yet.
    """

    num_computers: int
    images_per_second: float | None


def class_now(session: Session) -> ClassNow | None:
    """Who is at work now; None: nobody can say, for want of a connection."""
    totals, link = session.snapshot.totals, session.link
    if totals is None or link is None or not link.is_connected:
        return None
    is_at_work = session.is_contributing and session.state.state in AT_WORK
    num_computers = max(totals.num_computers, int(is_at_work))
    speed = totals.images_per_second
    return ClassNow(num_computers, None if num_computers and not speed else speed)
