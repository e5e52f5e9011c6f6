"""The stored pictures as a table: a row for each data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject

from gan_desktop.gui.admin.keyed_table import Column, KeyedTable
from gan_desktop.gui.words import ago, megabytes, number

if TYPE_CHECKING:
    from gan_desktop.database.shards import StoredPictures

NAME, PICTURES, SIZE, ROOM, USED_BY, ADDED = range(6)


def pictures_table(parent: QObject) -> KeyedTable[StoredPictures]:
    """An empty table of data sets."""
    columns: list[Column[StoredPictures]] = [
        Column(_tr("Pictures"), lambda row: row.name),
        Column(
            _tr("How many"), lambda row: number(row.num_images), lambda row: row.num_images, is_number=True
        ),
        Column(
            _tr("Size"), lambda row: size_words(row.image_size), lambda row: row.image_size, is_number=True
        ),
        Column(_tr("Storage"), storage_words, _num_bytes, is_number=True),
        Column(
            _tr("Used by"),
            lambda row: ", ".join(use.name for use in row.uses) or _tr("nobody"),
            tone=lambda row: None if row.uses else "muted",
        ),
        Column(
            _tr("Added"),
            lambda row: ago(row.created_at.timestamp()),
            lambda row: row.created_at.timestamp(),
            tone=lambda _row: "muted",
        ),
    ]
    return KeyedTable(columns, lambda row: row.dataset_id, parent)


def size_words(image_size: int) -> str:
    """The edges of a square picture."""
    return f"{image_size} \u00d7 {image_size}"


def storage_words(row: StoredPictures) -> str:
    """Where its bytes are, and how many."""
    here, elsewhere = row.num_bytes / 1e6, row.num_bytes_elsewhere / 1e6
    if not elsewhere:
        return megabytes(here)
    return _tr("{size} on the web").format(size=megabytes(elsewhere))


def _num_bytes(row: StoredPictures) -> float:
    return row.num_bytes + row.num_bytes_elsewhere


def _tr(text: str) -> str:
    return QCoreApplication.translate("images", text)
