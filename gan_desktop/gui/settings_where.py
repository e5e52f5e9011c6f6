"""The card of the settings that touches the computer itself: its disk, its start, its sleep."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLabel, QPushButton, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.autostart import Autostart, this_systems_autostart
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.session import Session
from gan_desktop.gui.settings_fields import SettingsCard, tell
from gan_desktop.gui.theme import use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

# Below a folder that the person chooses: what is cleared later is surely ours.
OWN_FOLDER = "gan-desktop-pictures"
BAD_FOLDER = "This folder cannot be used"


class WhereCard(SettingsCard):
    """Pictures to learn from, the start with the computer, its sleep.

    Args:
        autostart: None: this system's own.
    """

    def __init__(
        self, session: Session, parent: QWidget | None = None, autostart: Autostart | None = None
    ) -> None:
        super().__init__(_tr("Disk and start"), session, parent)
        self._autostart = autostart
        self._place = QLabel(self)
        self._place.setTextFormat(Qt.TextFormat.PlainText)
        self._place.setWordWrap(True)
        self._place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.add_wide(QLabel(self.tr("Pictures to learn from are kept in:"), self))
        self.add_wide(self._place)
        self.choose = QPushButton(self.tr("Choose another folder ..."), self)
        self.choose.clicked.connect(self._ask_folder)
        self.usual = QPushButton(self.tr("The usual folder"), self)
        self.usual.clicked.connect(lambda: session.change_preferences(cache_folder=""))
        self.clear = QPushButton(self.tr("Remove them"), self)
        self.clear.clicked.connect(self._clear)
        self.add(self.choose, self.usual, self.clear)
        self._size = QLabel(self)
        use_tabular_digits(self._size)
        self.limit = self.number("max_cache_gb", 0.5, 4_096.0, "GB")
        self.add(self._size, self.tr("At most"), self.limit)
        self.note = self.add_note()
        self.start = QCheckBox(self.tr("Start contributing when I log in to this computer"), self)
        self.start.clicked.connect(self._turn_autostart)
        self.add(self.start)
        self.add_note(self.tr("Quietly, without opening the window. The limits above hold."))
        self._start_note = self.add_note()
        self.awake = self.switch(
            self.tr("Keep this computer awake while contributing (ONLY while plugged in)"), "keep_awake"
        )
        self.add(self.awake)
        session.preferences_changed.connect(self._show)
        session.class_changed.connect(self._show)
        session.unit_delivered.connect(self._look_at_size)
        self._show()

    def look(self) -> None:
        """See what the disk and the system say now: both may have been changed by others."""
        self._look_at_size()
        run_in_background(self._entry_is_on, self.start.setChecked, self._tell_start_error, owner=self)

    # -- pictures -------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        self._place.setText(str(self._session.shards_folder))
        self.usual.setEnabled(bool(self._session.preferences.cache_folder))
        self._look_at_size()

    @Slot()
    def _look_at_size(self) -> None:
        if self.isVisible():
            folder = self._session.shards_folder
            run_in_background(partial(_use, folder), self._show_size, self._tell_error, owner=self)

    def _show_size(self, num_bytes: int) -> None:
        words = self.tr("They take {number} MB now.")
        self._size.setText(words.format(number=number(num_bytes / 1e6, 0 if num_bytes > 10e6 else 1)))
        self.clear.setEnabled(num_bytes > 0)

    @Slot()
    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Where shall pictures to learn from be kept?"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.take_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def take_folder(self, name: str) -> None:
        """Keep pictures below this folder from now on, if it can be written."""
        folder = Path(name) if Path(name).name == OWN_FOLDER else Path(name) / OWN_FOLDER
        run_in_background(partial(_make, folder), self._use_folder, self._tell_error, owner=self)

    def _use_folder(self, folder: Path) -> None:
        self._session.change_preferences(cache_folder=str(folder))
        is_later = self._session.is_contributing
        later = self.tr(
            "It is used when you next start contributing. What lies in the old folder stays there."
        )
        tell(self.note, later if is_later else "")

    @Slot()
    def _clear(self) -> None:
        self.clear.setEnabled(False)
        folder = self._session.shards_folder
        run_in_background(partial(_clear, folder), self._show_size, self._tell_error, owner=self)
        tell(self.note, self.tr("What is needed is fetched again."))

    def _tell_error(self, error: GanDesktopError) -> None:
        tell(self.note, engine_text(error.message))

    # -- the start with the computer ------------------------------------------------------------

    def _entry(self) -> Autostart:
        return self._autostart or this_systems_autostart()

    def _entry_is_on(self) -> bool:
        return self._entry().is_on()

    @Slot(bool)
    def _turn_autostart(self, on: bool) -> None:
        def turn() -> bool:
            self._entry().turn(on)
            return self._entry().is_on()

        tell(self._start_note, "")
        run_in_background(turn, self.start.setChecked, self._tell_start_error, owner=self)

    def _tell_start_error(self, error: GanDesktopError) -> None:
        tell(self._start_note, engine_text(error.message))
        run_in_background(self._entry_is_on, self.start.setChecked, lambda _error: None, owner=self)


def _use(folder: Path) -> int:
    from gan_desktop.training.shard_folder import ShardFolder

    try:
        return ShardFolder(folder, 0).use().num_bytes
    except OSError as error:
        raise GanDesktopError(
            f"{folder} cannot be read: {error.strerror}. Choose another folder.", title=BAD_FOLDER
        ) from error


def _clear(folder: Path) -> int:
    from gan_desktop.training.shard_folder import ShardFolder

    ShardFolder(folder, 0).clear()
    return _use(folder)


def _make(folder: Path) -> Path:
    """Make the folder, and see that one may write in it."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise GanDesktopError(
            f"{folder.parent} cannot be written: {error.strerror}. Choose another folder.", title=BAD_FOLDER
        ) from error
    return folder


def _tr(text: str) -> str:
    return QCoreApplication.translate("settings", text)
