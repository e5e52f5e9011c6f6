"""How far somebody has come on the way into a class: kept on the disk, so that the next start goes on there.

No password is in it, and so no card and no code either: only where a card's file lies, and what was typed
beside the secrets.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gan_desktop.files import write_whole
from gan_desktop.gui.background import run_in_background

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger(__name__)

FILE = "joining.json"


class Step(StrEnum):
    """The pages of the wizard."""

    CHOOSE = "choose"
    TEACH = "teach"
    TRY = "try"
    CARD = "card"
    CODE = "code"
    BY_HAND = "by_hand"
    ADDRESS = "address"
    CONFIRM = "confirm"
    READY = "ready"
    FIRST_UNIT = "first_unit"


# The class is joined already: only the welcome is not over.
WELCOME = {Step.READY, Step.FIRST_UNIT}


@dataclass(frozen=True)
class Draft:
    """The page on which somebody stopped.

    Attributes:
        card_file: Where the card lies; empty: it was pasted, and is not kept.
        class_name: Of the card that was there.
        typed: What was typed and is no secret, by the name of the field.
    """

    step: Step = Step.CHOOSE
    card_file: str = ""
    class_name: str = ""
    typed: dict[str, str] = field(default_factory=dict)


def load_draft(folder: Path) -> Draft:
    """The draft as it was kept; an empty one where there is none, or a damaged one."""
    try:
        values = json.loads((folder / FILE).read_text("utf-8"))
        typed = {str(name): str(value) for name, value in values["typed"].items()}
        return Draft(Step(values["step"]), str(values["card_file"]), str(values["class_name"]), typed)
    except FileNotFoundError:
        return Draft()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("How far the joining was could not be read: %s", error)
        return Draft()


class DraftKeeper:
    """Writes the newest draft, a frozen dataclass, away from the window's thread.

    Args:
        name: Of its file; the instructor's wizard has one of its own.
    """

    def __init__(self, folder: Path, owner: QObject, name: str = FILE) -> None:
        self._path, self._owner = folder / name, owner
        self._lock = threading.Lock()
        self._newest: DataclassInstance | None = None

    def keep(self, draft: DataclassInstance | None) -> None:
        """Keep a draft in the place of the one before; None: none any more."""
        self._newest = draft
        run_in_background(self._write, lambda _: None, lambda _: None, owner=self._owner)

    def _write(self) -> None:
        path = self._path
        # Whichever thread comes last writes what is newest by then.
        with self._lock:
            draft = self._newest
            try:
                if draft is None:
                    path.unlink(missing_ok=True)
                    return
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, json.dumps(dataclasses.asdict(draft), indent=1).encode())
            except OSError as error:
                logger.warning("How far the joining is could not be written: %s", error)
