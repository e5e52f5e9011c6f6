"""How far somebody has come on the way to a class of one's own; kept on the disk, without a password."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

logger = logging.getLogger(__name__)

FILE = "class_wizard.json"


class Step(StrEnum):
    """The pages of the class wizard."""

    WHERE = "where"
    HERE = "here"
    SERVER = "server"
    OPEN = "open"
    LOGIN = "login"
    UPGRADE = "upgrade"
    REACH = "reach"
    PEOPLE = "people"
    PICTURES = "pictures"
    READY = "ready"


# The class is there: what follows makes it ready for the lesson.
FURNISHING = (Step.REACH, Step.PEOPLE, Step.PICTURES, Step.READY)
# Where one may go on after a start; the others are about a password, or about a class that is there.
_WORTH_KEEPING = {Step.HERE, Step.SERVER, *FURNISHING}


@dataclass(frozen=True)
class ClassDraft:
    """The page on which somebody stopped.

    Attributes:
        class_id: Of the class that was made; empty: none yet.
        visit: Which other computer has come, as words; empty: none yet.
        typed: What was typed and is no secret, by page and name of the field.
        is_left: The person has left for the class meanwhile: the next start does not ask to go on.
    """

    step: Step = Step.WHERE
    class_id: str = ""
    visit: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    is_left: bool = False


def load_draft(folder: Path) -> ClassDraft:
    """The draft as it was kept; an empty one where there is none, or a damaged one."""
    try:
        values = json.loads((folder / FILE).read_text("utf-8"))
        typed = {str(name): str(value) for name, value in values["typed"].items()}
        draft = ClassDraft(
            Step(values["step"]),
            str(values["class_id"]),
            str(values["visit"]),
            typed,
            is_left=values.get("is_left") is True,
        )
        return draft if draft.step in _WORTH_KEEPING else ClassDraft(typed=typed)
    except FileNotFoundError:
        return ClassDraft()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("How far the making of a class was could not be read: %s", error)
        return ClassDraft()


def is_half_way(draft: ClassDraft) -> bool:
    """Whether somebody stopped with a class that is there, and not ready for the lesson."""
    return draft.step in FURNISHING and not draft.is_left
