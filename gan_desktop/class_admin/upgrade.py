"""Bringing a class that an older program made up to this program's version."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from gan_desktop.database.address import Address
from gan_desktop.database.schema import FIRST_PROGRAM, SCHEMA_VERSION, upgrade_class
from gan_desktop.database.upgrade import ProgramInUse, look_before_upgrade
from gan_desktop.errors import SchemaError

# What each version of the database brought, for the instructor.
_CHANGES = {
    2: (
        "Join cards for a whole class or a room, and the list of the course's students.",
        "Going back to a checkpoint while everybody goes on working.",
        "Credit is written down for each unit, so that it can be counted between two dates.",
        "A course is ended step by step, and its people's data can be erased.",
    ),
}


@dataclass(frozen=True)
class UpgradePlan:
    """What an upgrade would change, and for whom.

    Attributes:
        changes: A sentence each.
        minimum_program: Students need this program version, or a newer one, afterwards.
        programs: Computers heard of in the last four weeks.
        too_old: Those among them whose program is older than that; they will be told what to do.
    """

    title: str
    from_version: int
    to_version: int
    changes: tuple[str, ...]
    minimum_program: str
    programs: tuple[ProgramInUse, ...]
    too_old: tuple[ProgramInUse, ...]

    @property
    def is_needed(self) -> bool:
        """False where the class fits this program already."""
        return self.from_version < self.to_version


def plan_upgrade(administrator: Address) -> UpgradePlan:
    """Look what an upgrade would mean; nothing is changed.

    Args:
        administrator: The login that made the class.

    Raises:
        SchemaError: No class here, one of a newer version, not its maker's login, or a coordinator is
            at work.
    """
    before = look_before_upgrade(administrator)
    if before.is_coordinated and before.schema_version < SCHEMA_VERSION:
        raise SchemaError(
            "The class's coordinator is at work, and an older program's would stumble. Stop it first (Ctrl+C"
            " in its window), then upgrade; students may go on.",
            title="The class is at work",
        )
    versions = range(before.schema_version + 1, SCHEMA_VERSION + 1)
    return UpgradePlan(
        title=before.title,
        from_version=before.schema_version,
        to_version=SCHEMA_VERSION,
        changes=tuple(sentence for version in versions for sentence in _CHANGES.get(version, ())),
        minimum_program=FIRST_PROGRAM,
        programs=tuple(before.programs),
        too_old=tuple(program for program in before.programs if _is_too_old(program.program_version)),
    )


def upgrade(administrator: Address) -> UpgradePlan:
    """Bring a class up to date; nothing of its data is lost, and all rights are made anew.

    Raises:
        SchemaError: As `plan_upgrade`.
    """
    plan = plan_upgrade(administrator)
    upgrade_class(administrator)
    return plan


def _is_too_old(program_version: str | None) -> bool:
    # The student's own words: whatever is no version is not one that we have made.
    try:
        return Version(program_version or "") < Version(FIRST_PROGRAM)
    except InvalidVersion:
        return True
