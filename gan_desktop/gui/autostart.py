"""Starting with the computer: an entry where each system looks for what to start when the person logs in.

The entry itself is the truth, for people also remove it with their system's own tools. Not for the window's
thread.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

from gan_desktop.errors import SaveFailed

LABEL = "org.gan-desktop.start"
TITLE = "GAN Desktop"
# Windows: the programs of the current user, a value each.
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


class Autostart(Protocol):
    """An entry that is there or not."""

    def is_on(self) -> bool:
        """Whether the system starts the program."""
        ...

    def turn(self, on: bool) -> None:
        """Make the entry or remove it.

        Raises:
            SaveFailed: The system refuses.
        """
        ...


def this_systems_autostart() -> Autostart:
    """The one of the system that we run on."""
    if sys.platform == "win32":
        import winreg

        return RunKey(winreg)
    if sys.platform == "darwin":
        return LaunchAgent(Path.home() / "Library" / "LaunchAgents")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return DesktopEntry(Path(config) / "autostart")


def start_command() -> list[str]:
    """What starts this very program in the tray, contributing."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--in-tray"]
    python = Path(sys.executable)
    # Without a console window, where there is such a Python.
    quiet = python.with_name("pythonw.exe")
    return [str(quiet if quiet.exists() else python), "-m", "gan_desktop", "--in-tray"]


class _EntryFile:
    """An entry that is a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_on(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def turn(self, on: bool) -> None:
        """Write or remove the file.

        Raises:
            SaveFailed: The folder cannot be written.
        """
        try:
            if on:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.write_bytes(self.content())
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error) from error

    def content(self) -> bytes:
        """What the system wants to read."""
        raise NotImplementedError


class DesktopEntry(_EntryFile):
    """Linux (XDG desktop application autostart): a .desktop file in `~/.config/autostart`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "gan-desktop.desktop")

    def content(self) -> bytes:
        """Desktop Entry Specification 1.5."""
        lines = (
            "[Desktop Entry]",
            "Type=Application",
            f"Name={TITLE}",
            f"Exec={' '.join(map(_exec_argument, start_command()))}",
            "Icon=gan-desktop",
            "Terminal=false",
            "X-GNOME-Autostart-enabled=true",
        )
        return "\n".join((*lines, "")).encode()


class LaunchAgent(_EntryFile):
    """macOS (launchd.plist): a property list in `~/Library/LaunchAgents`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / f"{LABEL}.plist")

    def content(self) -> bytes:
        """Started once at login, and not again when the person quits."""
        return plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": start_command(),
                "RunAtLoad": True,
                "ProcessType": "Interactive",
            }
        )


class RunKey:
    """Windows: a value of the user's own Run key.

    Args:
        winreg: The module of that name.
    """

    def __init__(self, winreg: Any) -> None:
        self._winreg = winreg

    def is_on(self) -> bool:
        """Whether the value is there."""
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
                self._winreg.QueryValueEx(key, TITLE)
        except OSError:
            return False
        return True

    def turn(self, on: bool) -> None:
        """Write or remove the value.

        Raises:
            SaveFailed: The computer's administrator does not allow it.
        """
        registry = self._winreg
        try:
            with registry.CreateKey(registry.HKEY_CURRENT_USER, RUN_KEY) as key:
                if on:
                    command = subprocess.list2cmdline(start_command())
                    registry.SetValueEx(key, TITLE, 0, registry.REG_SZ, command)
                else:
                    registry.DeleteValue(key, TITLE)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _refused(error) from error


def _exec_argument(argument: str) -> str:
    """One argument of an Exec line: quoted where need be, and % doubled, which is a field code there."""
    doubled = argument.replace("%", "%%")
    if shlex.quote(argument) == argument:
        return doubled
    for character in '\\"`$':
        doubled = doubled.replace(character, f"\\{character}")
    # The value of a key is unescaped once before the quoting rules apply.
    return f'"{doubled}"'.replace("\\", "\\\\")


def _refused(error: OSError) -> SaveFailed:
    return SaveFailed(
        f"The start with the computer could not be changed: {error.strerror or error}."
        " Your system's own settings have a list of such programs, too.",
        title="Start with the computer",
    )
