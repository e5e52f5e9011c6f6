"""Cards that somebody else wrote: a true class in them, but another server.

The impostor of these tests is a relay in front of the true server, with a certificate of its own: it can say
everything that the class says.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gan_desktop.admission import admit
from gan_desktop.class_admin.cards import Entrance, enrol_card, entrance
from gan_desktop.class_admin.people import add_student
from gan_desktop.cli import main
from gan_desktop.database.accounts import Accounts
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SchemaError
from gan_desktop.join_card import JoinCard
from gan_desktop.known_classes import KnownClasses
from tests.integration.classroom import Classroom
from tests.integration.tls import ELSEWHERE, Certificate, can_listen_elsewhere, make_certificate, tls_relay

pytestmark = pytest.mark.skipif(
    not can_listen_elsewhere(), reason="this system has no second address of its own"
)

OWN, FORGED = make_certificate("gan.school.example"), make_certificate("gan.school.example")


@pytest.fixture
def way(classroom: Classroom) -> Entrance:
    return entrance(classroom.coordinator_address)


@pytest.fixture
def classes(tmp_path: Path) -> KnownClasses:
    return KnownClasses(tmp_path / "config")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    places = tmp_path / "true", tmp_path / "forged"
    for place in places:
        place.mkdir()
    return places


def class_card(classroom: Classroom, way: Entrance) -> JoinCard:
    return enrol_card(classroom.coordinator_address, way, "class", 5, timedelta(hours=1))[0]


def personal_card(classroom: Classroom, way: Entrance) -> JoinCard:
    student = add_student(classroom.coordinator_address, "Ana")
    return way.card(student.user, student.password or "", name="Ana")


def at(card: JoinCard, port: int, trusted: Certificate) -> JoinCard:
    return replace(card, hosts=(ELSEWHERE,), port=port, ca_pem=trusted.pem)


def test_a_class_that_is_where_it_was_is_not_looked_for_elsewhere(
    classroom: Classroom, way: Entrance, classes: KnownClasses, folders: tuple[Path, Path]
) -> None:
    card = class_card(classroom, way)
    known = admit(card, "Ana", classes, in_file=True)
    forged = replace(card, hosts=("nowhere.invalid",), insecure=True)
    again = admit(forged, "Ana", classes, in_file=True)
    assert (again.hosts, again.port, again.insecure) == (known.hosts, known.port, False)
    with tls_relay(way.port, FORGED, folders[1]) as port:
        again = admit(at(card, port, FORGED), "Ana", classes, in_file=True)
    assert (again.hosts, again.ca_pem) == (known.hosts, None)
    assert classes.all() == [again]


def test_a_former_password_is_never_shown_to_a_server_that_only_the_card_vouches_for(
    classroom: Classroom, way: Entrance, classes: KnownClasses, folders: tuple[Path, Path]
) -> None:
    card = class_card(classroom, way)
    with tls_relay(way.port, OWN, folders[0]) as port:
        known = admit(at(card, port, OWN), "Ana", classes, in_file=True)
    with tls_relay(way.port, FORGED, folders[1]) as port:
        for forged in (at(card, port, FORGED), replace(at(card, port, FORGED), ca_pem=None, insecure=True)):
            with pytest.raises(ConnectionFailed) as refused:
                admit(forged, "Ana", classes, in_file=True)
            assert refused.value.title == "The card is for another server"
            assert 'leave "Vision"' in refused.value.message
    assert classes.all() == [known]


def test_a_class_that_moved_is_found_by_its_card_under_the_trust_of_before(
    classroom: Classroom, way: Entrance, classes: KnownClasses, folders: tuple[Path, Path]
) -> None:
    card = class_card(classroom, way)
    with tls_relay(way.port, OWN, folders[0]) as port:
        admit(at(card, port, OWN), "Ana", classes, in_file=True)
    with tls_relay(way.port, OWN, folders[0]) as port:
        moved = admit(replace(at(card, port, OWN), ca_pem=None, insecure=True), "Ana", classes, in_file=True)
    assert (moved.port, moved.ca_pem, moved.insecure) == (port, OWN.pem, False)
    assert classes.all() == [moved]
    assert classes.stored_password(moved) is not None


def test_another_server_does_not_take_a_classs_place_by_saying_its_names(
    classroom: Classroom, way: Entrance, classes: KnownClasses, folders: tuple[Path, Path]
) -> None:
    card = personal_card(classroom, way)
    with tls_relay(way.port, OWN, folders[0]) as port, tls_relay(way.port, FORGED, folders[1]) as forged_port:
        known = admit(at(card, port, OWN), "", classes, in_file=True)
        renewed = replace(card, password=Accounts(classroom.coordinator).renew(card.user).password)
        # An address of the true server in the card proves nothing: it did not answer.
        forged = replace(at(renewed, forged_port, FORGED), hosts=(ELSEWHERE, *known.hosts))
        with pytest.raises(GanDesktopError) as refused:
            admit(forged, "", classes, in_file=True)
        assert refused.value.title == "Another server says it is your class"
        assert classes.all() == [known]
        assert classes.stored_password(known) == card.password
        # At its own place a renewed card is the same class's, and so is a card with the password we have.
        assert admit(at(renewed, port, OWN), "", classes, in_file=True).port == port
        moved = admit(at(renewed, forged_port, FORGED), "", classes, in_file=True)
    assert classes.all() == [moved]


def test_a_title_that_would_write_to_the_screen_is_refused(
    classroom: Classroom, way: Entrance, classes: KnownClasses, capsys: pytest.CaptureFixture[str]
) -> None:
    card = personal_card(classroom, way)
    set_title = "UPDATE gan.class SET title = %s"
    try:
        for title in ("\x1b]52;c;cm0gLXJmIH4=\x07", "Vision\nServer: good.example", "\u202enoisiV"):
            classroom.superuser.execute(set_title, [title])
            with pytest.raises(SchemaError, match="control or invisible"):
                admit(card, "", classes, in_file=True)
    finally:
        classroom.superuser.execute(set_title, ["Vision"])
    assert classes.all() == []
    assert main(["join", "gan\x1b]0;desktop.gandjoin"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\ufffd]0;desktop" in said and said.endswith("\n")
