"""What an instructor sends to people so that they come in: to be copied into a mail or onto a page."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from gan_desktop.join_card import JoinCard


def personal_invitation(name: str, card: JoinCard) -> str:
    """The text for one person. It holds the card, which is a password."""
    words = _tr(
        "Hello {name},\n\n"
        'this is your way into "{title}":\n\n'
        '1. Start GAN Desktop and choose "Join a class".\n'
        "2. Paste this line:\n\n"
        "{link}\n\n"
        "3. Check name and class, and join.\n\n"
        "The line is your password: give it to nobody."
    )
    return words.format(name=name, title=card.class_name, link=card.to_link())


def code_invitation(title: str, address: str, code: str, uses: int, until: str) -> str:
    """The text for everybody in the room, with the class code."""
    words = _tr(
        'Join "{title}":\n\n'
        '1. Start GAN Desktop and choose "Join a class".\n'
        '2. Choose "{entry}".\n'
        "3. Address: {address}\n"
        "    Code: {code}\n\n"
        "The code is good for {uses} people, until {until}."
    )
    # As it stands in the join wizard.
    entry = _tr("I have a code and an address from the projector")
    return words.format(title=title, entry=entry, address=address, code=code, uses=uses, until=until)


def room_invitation(file_name: str) -> str:
    """What one does with the card of a lab, on each of its computers."""
    words = _tr(
        "Put the card where all computers of the room find it, and run on each:\n\n"
        'gan-desktop join "{file}" --store-in-file --start\n\n'
        "Each computer gets an account of its own, by its name. Running it again changes nothing.\n"
        "Whoever has the card can come in: keep it off public shares."
    )
    return words.format(file=file_name)


def _tr(text: str) -> str:
    return QCoreApplication.translate("invitation", text)
