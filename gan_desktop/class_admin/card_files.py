"""Personal cards on their way to their people: a file each, all in one zip, and a table of links.

A card is a password. Whatever is written here can be read by its owner alone, stands where the instructor
says and nowhere else, and is whole or not there.
"""

from __future__ import annotations

import csv
import io
import re
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from gan_desktop.class_admin.cards import PersonsCard
from gan_desktop.class_admin.credit import harmless
from gan_desktop.errors import GanDesktopError, SaveFailed
from gan_desktop.files import new_private_file, write_whole
from gan_desktop.join_card import FILE_ENDING

LINKS_FILE = "links.csv"
# Windows keeps these names for itself, with any ending; with a number behind them they are ordinary.
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)\d")


def file_names(cards: Sequence[PersonsCard]) -> list[str]:
    """A name for each card's file that every system takes for one; no two are alike."""
    taken: set[str] = set()
    names = []
    for card in cards:
        stem = re.sub(r"[^\w -]", "", card.person.name).strip()[:60] or "student"
        wanted, number = stem, 1
        while wanted.casefold() in taken or _RESERVED.fullmatch(wanted):
            number += 1
            wanted = f"{stem} {number}"
        taken.add(wanted.casefold())
        names.append(f"{wanted}{FILE_ENDING}")
    return names


def links_table(cards: Sequence[PersonsCard]) -> str:
    """Everybody's link, for a mail merge: CSV with name, id and e-mail address."""
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "id", "email", "link"])
    for card in cards:
        person = card.person
        writer.writerow([*map(harmless, (person.name, person.student_id, person.email)), card.card.to_link()])
    # The mark at the front tells spreadsheets that it is UTF-8.
    return "\ufeff" + table.getvalue()


def cards_zip(cards: Sequence[PersonsCard]) -> bytes:
    """A zip with a file for each card and the table of links."""
    files = dict(zip(file_names(cards), (card.card.to_file_text() for card in cards), strict=True))
    files[LINKS_FILE] = links_table(cards)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, time.localtime()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Whoever unpacks it shall be the only one to read it, too.
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text)
    return content.getvalue()


def save_private(path: Path, data: bytes) -> Path:
    """Write a file that its owner alone may read, over one of that name; returns where.

    Raises:
        SaveFailed: The disk is full, or the folder cannot be written.
    """
    try:
        write_whole(path, data, mode=0o600)
    except OSError as error:
        words = f"{path.name} could not be saved: {error.strerror or error}. Choose another folder."
        raise SaveFailed(words) from error
    return path


def save_folder(folder: Path, cards: Sequence[PersonsCard]) -> Path:
    """Write a file for each card and a table of links into a folder; all or none. Returns the table's path.

    Raises:
        GanDesktopError: The folder cannot be made or written, or has a file of such a name.
    """
    links = _new_links_file(folder)
    names = file_names(cards)
    files = {folder / name: card.card.to_file_text() for name, card in zip(names, cards, strict=True)}
    files[links] = links_table(cards)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise GanDesktopError(
            f"{folder} cannot be made: {error.strerror}. Choose another folder.",
            title="The cards were not written",
        ) from error
    written: list[Path] = []
    try:
        for path, text in files.items():
            with new_private_file(path) as file:
                file.write(text.encode())
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return links


def _new_links_file(folder: Path) -> Path:
    """A new table of links; those of the people admitted before stay."""
    path, number = folder / LINKS_FILE, 1
    while path.exists():
        number += 1
        path = (folder / LINKS_FILE).with_stem(f"{Path(LINKS_FILE).stem}-{number}")
    return path
