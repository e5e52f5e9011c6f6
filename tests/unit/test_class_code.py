"""Codes on the projector: typed by people, they lead to the card's login."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_desktop.class_code import (
    CODE_LENGTH,
    CODE_LETTERS,
    card_of_code,
    code_login,
    is_code,
    new_code,
    shown_address,
    shown_code,
)
from gan_desktop.join_card import JoinCardError

ADDRESS = "192.168.1.20:23456"

codes = st.text(st.sampled_from(CODE_LETTERS), min_size=CODE_LENGTH, max_size=CODE_LENGTH)


def test_no_letter_of_a_code_is_taken_for_another() -> None:
    assert len(set(CODE_LETTERS)) == 32
    assert not set("01OI") & set(CODE_LETTERS)
    assert len({new_code() for _ in range(100)}) == 100
    assert all(is_code(new_code()) for _ in range(100))


@given(code=codes)
def test_a_code_is_understood_however_it_is_typed(code: str) -> None:
    card = card_of_code(code, ADDRESS)
    assert (card.password, card.user, card.enrol) == (code, code_login(code), "class")
    spellings = (shown_code(code), code.lower(), " ".join(code), f" {code[:4]}\u2013{code[4:]}\n")
    assert {card_of_code(spelling, ADDRESS) for spelling in spellings} == {card}


@pytest.mark.parametrize(
    "text", ["", "K7PF2", "K7PF2-QXM3A-2", "K7PF2-QXM30", "K7PF2-QXM3I", "anas.gandjoin"]
)
def test_what_is_no_code_is_refused_with_how_one_looks(text: str) -> None:
    assert not is_code(text)
    with pytest.raises(JoinCardError, match="K7PF2-QXM3A"):
        card_of_code(text, ADDRESS)


@pytest.mark.parametrize(
    ("address", "host", "port", "dbname"),
    [
        ("192.168.1.20", "192.168.1.20", 5432, "gan_desktop"),
        (" 192.168.1.20:23456 ", "192.168.1.20", 23456, "gan_desktop"),
        ("db.school.example/vision", "db.school.example", 5432, "vision"),
        ("db.school.example:5433/vision", "db.school.example", 5433, "vision"),
        ("[2001:db8::1]:5433", "2001:db8::1", 5433, "gan_desktop"),
        ("[fe80::1%eth0]/x", "fe80::1%eth0", 5432, "x"),
        ("2001:db8::1", "2001:db8::1", 5432, "gan_desktop"),
    ],
)
def test_an_address_is_read_and_shown_again(address: str, host: str, port: int, dbname: str) -> None:
    card = card_of_code(new_code(), address)
    assert (card.hosts, card.port, card.dbname) == ((host,), port, dbname)
    assert card_of_code(card.password, shown_address(host, port, dbname)) == card


@pytest.mark.parametrize(
    "address", ["", ":5432", "a b", "host:port", "host:70000", "host:0", "a,b", "[::1", "x/"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    if address == "x/":  # an empty database is the usual one
        assert card_of_code(new_code(), address).dbname == "gan_desktop"
        return
    with pytest.raises(JoinCardError):
        card_of_code(new_code(), address)
