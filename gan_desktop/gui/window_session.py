"""What the sessions of both windows have in common: folders, preferences, the banner, the newest faces."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from PySide6.QtCore import QObject, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.preferences import Preferences, load_preferences, save_preferences
from gan_desktop.gui.trouble import Trouble
from gan_desktop.records import SampleDrawn

if TYPE_CHECKING:
    from gan_desktop.gui.class_reader import ClassLink


@dataclass(frozen=True)
class Places:
    """Where this program keeps what: its data, what can be fetched again, the person's settings."""

    data: Path
    cache: Path
    config: Path

    @classmethod
    def of_this_user(cls) -> Places:
        """The system's usual folders."""
        return cls(
            data=platformdirs.user_data_path("gan-desktop", appauthor=False),
            cache=platformdirs.user_cache_path("gan-desktop", appauthor=False),
            config=platformdirs.user_config_path("gan-desktop", appauthor=False),
        )

    @classmethod
    def below(cls, folder: Path) -> Places:
        """All in one folder (`--folder`, the demo)."""
        return cls(folder, folder, folder)


class WindowSession(QObject):
    """What pages, banner and tray of any window can rely on; see the subclasses for the rest."""

    sample_arrived = Signal(object)
    link_changed = Signal(object)
    preparing_changed = Signal(str)
    trouble_changed = Signal(object)
    preferences_changed = Signal(object)
    page_wanted = Signal(str)
    shut_down_done = Signal()

    def __init__(self, places: Places, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.places = places
        self._preferences_path = places.config / "preferences.json"
        self._preferences, damaged = load_preferences(self._preferences_path)
        self._trouble = Trouble("Settings", damaged, is_warning=True) if damaged else None
        self._preparing = ""
        self._newest_sample: SampleDrawn | None = None
        self._link: ClassLink | None = None

    # -- what is known --------------------------------------------------------------------------

    @property
    def newest_sample(self) -> SampleDrawn | None:
        """The newest grid of faces that is here."""
        return self._newest_sample

    @property
    def link(self) -> ClassLink | None:
        """How we stand with the class's database; None before the first try."""
        return self._link

    @property
    def trouble(self) -> Trouble | None:
        """What the banner shows."""
        return self._trouble

    @property
    def preparing(self) -> str:
        """What goes on before there is anything to show; mostly empty."""
        return self._preparing

    @property
    def preferences(self) -> Preferences:
        """What the person likes."""
        return self._preferences

    # -- what can be asked ----------------------------------------------------------------------

    def change_preferences(self, **changes: Any) -> None:
        """Change some preferences; they act and are written at once."""
        changed = dataclasses.replace(self._preferences, **changes)
        if changed == self._preferences:
            return
        self._preferences = changed
        try:
            save_preferences(self._preferences_path, changed)
        except OSError as error:
            words = self.tr("Your settings could not be written ({reason}). They hold until you quit.")
            self.tell_trouble(
                Trouble(self.tr("Settings"), words.format(reason=error.strerror), is_warning=True)
            )
        self._apply_preferences()
        self.preferences_changed.emit(changed)

    def _apply_preferences(self) -> None:
        """Let changed preferences act, before anybody is told of them."""

    def show_page(self, key: str) -> None:
        """Turn to a page (see the window's `PAGES`)."""
        self.page_wanted.emit(key)

    def prepare(self, sentence: str) -> None:
        """Say what goes on before there is anything to show; empty: nothing any more."""
        if sentence != self._preparing:
            self._preparing = sentence
            self.preparing_changed.emit(sentence)

    def tell_trouble(self, trouble: Trouble | GanDesktopError) -> None:
        """Show a banner below the strip."""
        self._trouble = trouble if isinstance(trouble, Trouble) else Trouble.of(trouble)
        self.trouble_changed.emit(self._trouble)

    @Slot()
    def dismiss_trouble(self) -> None:
        """Take the banner away."""
        if self._trouble is not None:
            self._trouble = None
            self.trouble_changed.emit(None)

    # -- the reading thread's news --------------------------------------------------------------

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        if self._newest_sample is None or sample.iteration >= self._newest_sample.iteration:
            self._newest_sample = sample
        self.sample_arrived.emit(sample)

    @Slot(object)
    def _take_link(self, link: ClassLink) -> None:
        self._link = link
        self.link_changed.emit(link)
