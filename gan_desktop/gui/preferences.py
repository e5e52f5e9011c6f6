"""What the person at this computer likes: one record, kept as JSON in the user's config folder.

The window writes a changed record at once, and whoever looks at it acts at once: there is no OK button.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gan_desktop.files import write_whole

logger = logging.getLogger(__name__)

PaceName = Literal["quiet", "balanced", "full"]
Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Preferences:
    """Everything one can set. Options are worded as limits: True or a number holds something back.

    Attributes:
        name: How the class sees this computer; empty: its host name.
        language: `de`, `en` ...; empty: the system's.
        pace: Share of the time in which batches are computed.
        only_plugged_in: Otherwise on battery too, above `battery_percent`.
        only_when_idle: Only after nobody has touched mouse or keyboard for `idle_minutes`.
        only_between_hours: Only from `from_time` to `until_time` (`HH:MM`, over midnight too).
        not_while_running: Programs that this computer must be left to, as in the list of processes.
        max_temperature_c: Cool down above this.
        max_memory_gb, max_mbit_s: Caps; None: none.
        cache_folder: Where pictures to learn from lie; empty: the system's cache folder.
        max_cache_gb: The most these pictures take.
        keep_awake: Do not let the computer fall asleep while contributing on mains.
        less_motion: Cut from picture to picture instead of fading; films wait to be started.
        forget_me: A shared computer: at the end remove password, pictures and settings.
    """

    name: str = ""
    language: str = ""
    theme: Theme = "system"
    pace: PaceName = "balanced"
    only_plugged_in: bool = False
    battery_percent: int = 40
    only_when_idle: bool = False
    idle_minutes: int = 3
    only_between_hours: bool = False
    from_time: str = "20:00"
    until_time: str = "07:00"
    not_while_running: tuple[str, ...] = ()
    only_unmetered: bool = True
    max_temperature_c: int = 85
    max_memory_gb: float | None = None
    max_mbit_s: float | None = None
    cache_folder: str = ""
    max_cache_gb: float = 10.0
    keep_awake: bool = True
    less_motion: bool = False
    forget_me: bool = False


def load_preferences(path: Path) -> tuple[Preferences, str]:
    """The stored preferences, and a sentence where some could not be read (mostly empty).

    What is damaged takes its default; a damaged file is kept beside as `.damaged`.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        if not isinstance(values, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        return Preferences(), ""
    except (OSError, ValueError) as error:
        logger.warning("%s: %s", path, error)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return Preferences(), "Your settings could not be read. The usual ones are in force again."
    kinds = get_type_hints(Preferences)
    fitting: dict[str, Any] = {}
    for name, value in values.items():
        value = tuple(value) if isinstance(value, list) else value
        if name in kinds and _fits(value, kinds[name]):
            fitting[name] = value
    lost = len(fitting) < len(values.keys() & kinds.keys())
    sentence = "Some of your settings could not be read and are the usual ones again." if lost else ""
    return Preferences(**fitting), sentence


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Write the whole file or leave the old one.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(dataclasses.asdict(preferences), indent=2).encode())


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a field's type."""
    if isinstance(kind, types.UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
