"""Saving what somebody made: where to, and writing it whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from gan_desktop.errors import SaveFailed


def ask_where(parent: QWidget, title: str, file_name: str, save: Callable[[Path], None]) -> None:
    """Ask for a file without blocking; `save` gets the answer, nothing happens without one.

    Args:
        file_name: The one offered; its ending is added to what is typed without one.
    """
    suffix = Path(file_name).suffix
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(f"*{suffix}")
    dialog.setDefaultSuffix(suffix[1:])
    dialog.selectFile(file_name)
    dialog.fileSelected.connect(lambda name: save(Path(name)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def write_file(path: Path, data: bytes) -> Path:
    """Write a file; returns where. Not in the window's thread.

    Raises:
        SaveFailed: The disk is full, or the folder cannot be written.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        words = f"{path.name} could not be saved: {error.strerror or error}. Choose another folder."
        raise SaveFailed(words) from error
    return path
