"""Join cards: `class card`, `class new-cards`, `class cards`, `class withdraw-card`."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_code import DEFAULT_TIME, DEFAULT_USES
from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file
from gan_desktop.class_commands.people import entrance_of, entrance_options
from gan_desktop.command_line import count, say
from gan_desktop.errors import GanDesktopError
from gan_desktop.files import new_private_file

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance
    from gan_desktop.database.address import Address
    from gan_desktop.database.enrolment import CardKind
    from gan_desktop.join_card import JoinCard

_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    card = commands.add(
        "card",
        "make a join card: for a student, the class or a lab",
        _card,
        commands.login,
        entrance_options(),
    )
    whose = card.add_mutually_exclusive_group(required=True)
    whose.add_argument("student", nargs="?", metavar="NAME", help="a new personal card; the former one ends")
    whose.add_argument(
        "--class", dest="for_class", action="store_true", help="a code for everybody in the room"
    )
    whose.add_argument(
        "--room", dest="for_room", action="store_true", help="a file for the computers of a lab"
    )
    card.add_argument("--uses", type=count, metavar="N", help=f"how many may join with it ({DEFAULT_USES})")
    card.add_argument(
        "--until",
        # Not `until`, which is a worker's option.
        dest="valid",
        type=until,
        metavar="WHEN",
        help="18:30, 2027-01-31, '2027-01-31 18:30', 90min, 8h or 14d (class card: 12h, room card: 180d)",
    )
    card.add_argument("--save", type=Path, metavar="FILE", help="write the card to a new file of yours")
    card.add_argument("--link", action="store_true", help="print it as a link")
    card.add_argument("--qr", action="store_true", help="print its link as a QR code")
    card.add_argument("--yes", action="store_true", help="do not ask before a personal card is replaced")

    many = commands.add(
        "new-cards",
        "make new personal cards for many, in one zip",
        _new_cards,
        commands.login,
        entrance_options(),
    )
    many.add_argument(
        "--zip", type=Path, required=True, metavar="FILE", help="a new file, for you alone to read"
    )
    many.add_argument(
        "--everybody", action="store_true", help="also for those who have joined, whose former cards end"
    )
    many.add_argument("--yes", action="store_true", help="do not ask before cards are replaced")

    commands.add("cards", "list class cards and room cards", _cards, commands.login)
    withdraw = commands.add(
        "withdraw-card", "end a class card or room card; who has joined stays", _withdraw, commands.login
    )
    withdraw.add_argument("card", type=count, metavar="NUMBER", help="as `class cards` shows it")


def until(text: str) -> datetime | timedelta:
    """An option's time: a time of day, a date, both, or a length."""
    if span := re.fullmatch(r"(\d{1,4})\s*(m|min|h|d)", text.strip()):
        return timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        if re.fullmatch(r"\d{1,2}:\d\d", text.strip()):
            hour, minute = map(int, text.split(":"))
            today = datetime.combine(datetime.now(), time(hour, minute)).astimezone()
            return today if today > datetime.now().astimezone() else today + timedelta(days=1)
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time. Write 18:30, 2027-01-31, '2027-01-31 18:30', 90min, 8h or 14d"
        ) from None
    if len(text.strip()) <= len("2027-01-31"):  # a day lasts until its end
        moment += timedelta(days=1)
    return moment.astimezone()


def _card(options: argparse.Namespace, log_in: LogIn) -> None:
    _, coordinator = log_in()
    way = entrance_of(options, coordinator)
    if options.qr and not way.card("gan_card_123456789012", "x" * 32).fits_a_qr_code:
        raise GanDesktopError(
            "The cards of this class are too long for a QR code: they hold the server's certificate, or many"
            " addresses. Hand them out as files (--save FILE), or name fewer addresses (--host ADDRESS).",
            title="No QR code",
        )
    if options.student is not None:
        _personal_card(options, coordinator, way)
    else:
        _card_for_many(options, coordinator, way)


def _personal_card(options: argparse.Namespace, coordinator: Address, way: Entrance) -> None:
    from gan_desktop.class_admin.cards import renew_card
    from gan_desktop.class_admin.people import find_student

    if options.uses or options.valid:
        raise GanDesktopError(
            "--uses and --until are for class cards and room cards.", title="Not for this card"
        )
    student = find_student(coordinator, options.student)
    confirm(
        f"A new card for {student.name} ({student.user}) ends the former one: computers that use it stop.",
        is_sure=options.yes,
    )
    with new_file(options.save) as write:
        card = renew_card(coordinator, way, student.user)
        if options.save:
            write(card.to_file_text().rstrip())
        elif not options.qr or options.link:
            say(f"{student.name} joins with:")
            say(f"  gan-desktop join {card.to_link()}")
    _show(options, card)


def _new_cards(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.card_files import LINKS_FILE, cards_zip
    from gan_desktop.class_admin.cards import renew_cards
    from gan_desktop.class_admin.people import students

    _, coordinator = log_in()
    way = entrance_of(options, coordinator)
    chosen = [s for s in students(coordinator) if not s.is_withdrawn]
    if not options.everybody:
        chosen = [student for student in chosen if not student.has_joined]
    if not chosen:
        raise GanDesktopError(
            "Everybody in the class has joined already. For new cards in spite of that: --everybody",
            title="No cards to make",
        )
    if num_joined := sum(student.has_joined for student in chosen):
        confirm(
            f"{num_joined} of {len(chosen)} have joined already. Their cards end, and the computers that use"
            " them stop. Go on?",
            is_sure=options.yes,
        )
    with new_private_file(options.zip) as file:
        file.write(cards_zip(renew_cards(coordinator, way, chosen)))
    say(f"The cards of {len(chosen)} people are in {options.zip}; {LINKS_FILE} there has their links.")
    say("Cards that were made for them before are no longer valid.")


def _card_for_many(options: argparse.Namespace, coordinator: Address, way: Entrance) -> None:
    from gan_desktop.class_admin.cards import enrol_card
    from gan_desktop.class_code import shown_address, shown_code

    kind: CardKind = "class" if options.for_class else "room"
    with new_file(options.save) as write:
        card, made = enrol_card(
            coordinator, way, kind, options.uses or DEFAULT_USES, options.valid or DEFAULT_TIME[kind]
        )
        if options.save:
            write(card.to_file_text().rstrip())
        what = "people" if kind == "class" else "computers"
        say(
            f"Card {made.card_id} of {way.class_name}: up to {made.max_uses} {what}, until"
            f" {made.valid_until.astimezone():%A %d %B, %H:%M}."
        )
        if kind == "class":
            address = shown_address(way.hosts[0], way.port, way.dbname)
            insecure = " --insecure" if way.insecure else ""
            say(f"  Address  {address}")
            say(f"  Code     {shown_code(card.password)}")
            say("Everybody joins with both:")
            say(f"  gan-desktop join {shown_code(card.password)} --host {address}{insecure}")
        elif options.save:
            say(f"On every computer: gan-desktop join {options.save.name} --store-in-file")
        elif not options.qr:
            say(f"  {card.to_link()}")
    _show(options, card)


def _show(options: argparse.Namespace, card: JoinCard) -> None:
    """The forms that were asked for beside the card's own."""
    if options.link and (options.save or options.for_class):
        say(card.to_link())
    if not options.qr:
        return
    import segno

    segno.make(card.to_link(), error="l", micro=False).terminal(out=sys.stdout, compact=True, border=2)


def _cards(_: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.cards import enrol_cards
    from gan_desktop.people_tables import print_cards

    print_cards(enrol_cards(log_in()[1]))


def _withdraw(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.cards import withdraw_enrol_card

    withdraw_enrol_card(log_in()[1], options.card)
    say(f"Card {options.card} lets nobody in any more. Who has joined with it stays.")
