"""Class codes that can be shown again: kept where the instructor's own password is, and nowhere else.

The class's database has only a verifier of a code. On a computer without a password store the instructor's
password may lie in a file that nobody else can read: then a code lies in one beside it. Where neither is,
a code is known to the program that made it, as long as it runs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from gan_desktop.class_admin.cards import enrol_cards
from gan_desktop.credentials import forget_password, store_password, stored_password, write_password_file
from gan_desktop.database.address import Address
from gan_desktop.database.enrolment import EnrolCard
from gan_desktop.errors import CredentialsError
from gan_desktop.settings import DatabaseSettings


def keep_code(coordinator: Address, card: EnrolCard, code: str, folder: Path | None = None) -> bool:
    """Keep a code that was just made; False: this computer has no place for it.

    Args:
        folder: Of this class's files with codes, as in the functions below; None: the password store.
    """
    if folder is None:
        return store_password(_login(coordinator, card), code)
    try:
        write_password_file(_file(folder, card), code)
    except CredentialsError:
        # The card is made already: a code that is known to this program alone still lets people in.
        return False
    return True


def kept_code(coordinator: Address, card: EnrolCard, folder: Path | None = None) -> str | None:
    """The code of a class card, if this computer has kept it."""
    file = _file(folder, card) if folder is not None else None
    try:
        kept = stored_password(_login(coordinator, card), file)
    except CredentialsError:
        return None
    return kept.value if kept is not None else None


def forget_code(coordinator: Address, card: EnrolCard, folder: Path | None = None) -> None:
    """Keep a code no longer, for it leads nowhere any more."""
    forget_password(_login(coordinator, card))
    if folder is not None:
        _file(folder, card).unlink(missing_ok=True)


def code_on_show(coordinator: Address, folder: Path | None = None) -> tuple[EnrolCard, str] | None:
    """The newest card by which people can still come in whose code this computer has kept, and the code."""
    for card in enrol_cards(coordinator):
        if card.kind == "class" and card.is_open and (code := kept_code(coordinator, card, folder)):
            return card, code
    return None


def _file(folder: Path, card: EnrolCard) -> Path:
    # Short names are used again: the number tells a card from an earlier one of that login.
    name = hashlib.sha256(f"{card.login}/{card.card_id}".encode()).hexdigest()[:16]
    return folder / f"{name}.txt"


def _login(coordinator: Address, card: EnrolCard) -> DatabaseSettings:
    return DatabaseSettings(
        host=coordinator.host, port=coordinator.port, database=coordinator.dbname, user=card.login
    )
