"""Join cards in their three forms: what is written is read again, and what is wrong is named."""

from __future__ import annotations

import base64
import json
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from gan_desktop.error_report import without_secrets
from gan_desktop.join_card import (
    LINK,
    MAX_BYTES,
    CardProblem,
    JoinCard,
    JoinCardError,
    parse_card,
    read_card_file,
)
from gan_desktop.names import is_name
from tests.integration.tls import make_certificate

SECRET = "hunter2-Pferd"
CARD = JoinCard(
    class_name="Vision 2026",
    hosts=("192.168.1.20", "ana-laptop.local"),
    port=23456,
    dbname="gan_desktop",
    user="s_4f2a9c01ab34",
    password=SECRET,
)
ENROL = replace(CARD, enrol="class", insecure=True, name="Zoë")

plain = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
cards = st.builds(
    JoinCard,
    class_name=plain,
    hosts=st.lists(st.from_regex(r"[a-z0-9.:-]{1,30}", fullmatch=True), min_size=1, max_size=8).map(tuple),
    port=st.integers(1, 65_535),
    dbname=plain,
    user=plain,
    password=plain,
    insecure=st.booleans(),
    enrol=st.sampled_from([None, "class", "room"]),
    name=st.none() | plain,
)


def problem(text: str) -> CardProblem:
    """What is wrong with a text; nothing of it may be seen in the error."""
    with pytest.raises(JoinCardError) as caught:
        parse_card(text)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert SECRET not in shown
    assert base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")[:-2] not in shown
    assert len(caught.value.message) > 30
    return caught.value.problem


def with_value(key: str, value: Any) -> str:
    return json.dumps({**CARD.to_json(), key: value})


# -- writing and reading -------------------------------------------------------------------------


@given(card=cards)
def test_every_form_is_read_as_it_was_written(card: JoinCard) -> None:
    for text in (card.to_file_text(), card.to_link(), card.to_line()):
        assert parse_card(text) == card


@given(
    card=cards, width=st.integers(5, 78), mark=st.sampled_from(["\n", "\r\n", " ", "\n> ", "=\r\n", "\u200b"])
)
def test_a_link_that_a_mail_program_has_broken_is_mended(card: JoinCard, width: int, mark: str) -> None:
    for whole in (card.to_line(), card.to_link()):
        start = len(LINK) if whole.startswith(LINK) else 2
        pieces = [whole[:start]] + [whole[i : i + width] for i in range(start, len(whole), width)]
        assert parse_card(f"  {mark.join(pieces)} \n") == card


@pytest.mark.parametrize(
    "around",
    [
        "<{}>",
        '"{}"',
        "Dear Ana,\n\nyour card for the class:\n\n  {}\n\nKind regards\nThe instructor",
        "{}\n-- \nSent from my phone",
        "{}=",
    ],
)
def test_a_link_is_found_in_the_mail_around_it(around: str) -> None:
    assert parse_card(around.format(CARD.to_link())) == CARD


@pytest.mark.parametrize("front", ["gandesktop://join%23", "gandesktop://join/#", "GanDesktop://Join#"])
def test_what_browsers_and_chats_make_of_a_link_is_understood(front: str) -> None:
    assert parse_card(front + CARD.to_line()) == CARD


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_however_an_editor_has_saved_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "zoe.gandjoin"
    file.write_bytes(ENROL.to_file_text().replace("\n", "\r\n").encode(encoding))
    assert read_card_file(file) == ENROL
    file.write_text(ENROL.to_link(), encoding=encoding)
    assert read_card_file(file) == ENROL


def test_keys_of_later_programs_are_passed_over() -> None:
    assert parse_card(with_value("colour", "green")) == CARD


def test_a_card_does_not_show_its_password() -> None:
    assert SECRET not in repr(CARD)
    assert SECRET not in str(CARD)


def test_no_form_of_a_card_survives_in_an_error_report() -> None:
    for form in (CARD.to_link(), CARD.to_line(), CARD.to_link().replace("#", "%23")):
        report = without_secrets(f"ValueError: {form} is wrong")
        assert CARD.to_line()[:40] not in report and report.endswith("is wrong")


def test_a_card_fits_a_qr_code_and_one_with_a_certificate_does_not() -> None:
    largest = replace(
        ENROL,
        class_name="A class with quite a long name, 2026/27",
        hosts=("192.168.100.100", "172.16.100.100", "10.100.100.100", "a-computer-with-a-long-name.local"),
        password="x" * 32,
    )
    assert len(CARD.to_link()) < 260
    assert largest.fits_a_qr_code
    code = segno.make(largest.to_link(), error="l", micro=False)
    assert code.symbol_size(border=2)[0] <= 80
    pinned = replace(CARD, ca_pem=make_certificate("gan.school.example").pem)
    assert parse_card(pinned.to_link()) == pinned
    assert not pinned.fits_a_qr_code


# -- what is wrong -------------------------------------------------------------------------------


@given(data=st.data(), card=cards.filter(lambda card: "}" not in json.dumps(card.to_json())[:-1]))
def test_a_card_cut_off_anywhere_says_that_its_end_is_missing(data: st.DataObject, card: JoinCard) -> None:
    text = data.draw(st.sampled_from([card.to_file_text().rstrip(), card.to_link(), card.to_line()]))
    start = len(LINK) if text.startswith(LINK) else 0
    # Two letters that say nothing may be missing at the end of base64.
    end = data.draw(st.integers(start + 4, len(text) - 3))
    assert problem(text[:end]) is CardProblem.CUT_OFF


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "hello",
        "gandesktop://join#",
        "gandesktop://join#hello",
        "https://school.example/card",
        "<!DOCTYPE html><html><body>Please log in</body></html>",
        "# mine\ndatabase:\n  host: db.school.example\n  password: " + SECRET,
        "{}",
        "[]",
        '{"database": {}}',
        "{" * 5_000 + "}",
        "[" * 60_000,
        CARD.to_file_text() + CARD.to_file_text(),
        CARD.to_file_text().replace('"port"', "port"),
        CARD.to_line()[:20] + "AAAA" + CARD.to_line()[24:],
        "eyJ2Ijox",
    ],
)
def test_what_is_no_card_is_called_so(text: str) -> None:
    assert problem(text) in {CardProblem.NOT_A_CARD, CardProblem.CUT_OFF}


def test_common_mistakes_are_recognised() -> None:
    for text, words in (
        ("<html>", "web page"),
        ("database:\n  host: x", "config.yaml"),
        ("", "is empty"),
    ):
        with pytest.raises(JoinCardError, match=words):
            parse_card(text)


@pytest.mark.parametrize("version", [2, 99])
def test_a_card_of_a_newer_program_says_so(version: int) -> None:
    assert problem(with_value("v", version)) is CardProblem.TOO_NEW


@pytest.mark.parametrize("key", ["class", "hosts", "port", "dbname", "user", "password"])
def test_a_missing_key_is_named(key: str) -> None:
    values = CARD.to_json()
    del values[key]
    assert problem(json.dumps(values)) is CardProblem.MISSING_KEY
    with pytest.raises(JoinCardError, match=f"no {key}"):
        parse_card(json.dumps(values))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", "1"), ("v", True), ("v", 0), ("v", None), ("v", 1.5),
        ("port", 0), ("port", 65_536), ("port", "5432"), ("port", True), ("port", 1.5), ("port", None),
        ("hosts", []), ("hosts", "db.school.example"), ("hosts", ["x"] * 9), ("hosts", [5]), ("hosts", [""]),
        ("hosts", ["a,b"]), ("hosts", ["/var/run/postgresql"]), ("hosts", ["@abstract"]), ("hosts", ["a b"]),
        ("hosts", ["a\n"]), ("hosts", ["host=evil"]), ("hosts", [["a"]]), ("hosts", ["x" * 254]),
        ("class", ""), ("class", "x" * 81), ("class", "two\nlines"), ("class", 5), ("class", " x "),
        ("class", "in\u200bvisible"), ("class", "\u202edlrow"), ("class", "\ufeffmark"),
        ("class", "\x1b[31mred"),
        ("class", "tag\U000e0041"), ("class", "soft\u00adhyphen"), ("class", "\u2028"),
        ("dbname", ""), ("dbname", "a\0b"), ("dbname", "x" * 64), ("user", []), ("user", "x\ny"),
        ("password", ""), ("password", None), ("password", "a\0b"), ("password", "x" * 201), ("password", {}),
        ("ca_pem", "not a certificate"), ("ca_pem", 5), ("ca_pem", ""),
        ("ca_pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("insecure", "yes"), ("insecure", 1), ("enrol", "everybody"), ("enrol", True), ("enrol", ["class"]),
        ("name", ""), ("name", "x" * 41), ("name", "\x07"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_its_key(key: str, value: Any) -> None:
    assert problem(with_value(key, value)) is CardProblem.WRONG_VALUE
    with pytest.raises(JoinCardError, match=rf"card's {key} is not"):
        parse_card(with_value(key, value))


def test_half_a_surrogate_pair_is_refused() -> None:
    assert problem(CARD.to_file_text().replace("Vision", "\\ud800")) is CardProblem.WRONG_VALUE


def test_a_private_key_is_not_passed_on_by_mistake() -> None:
    certificate = make_certificate("gan.school.example")
    with pytest.raises(JoinCardError, match="ca_pem"):
        replace(CARD, ca_pem=certificate.pem + certificate.key_pem.decode())


def test_names_of_all_scripts_and_emoji_are_welcome() -> None:
    for name in ("Zoë", "山田", "محمد", "می‌خواهم", "👩‍🔬 Ana"):
        assert parse_card(replace(CARD, class_name=name, name=name).to_link()).name == name
        assert is_name(name)


def test_an_enormous_text_or_file_is_not_read(tmp_path: Path) -> None:
    assert problem("x" * (MAX_BYTES + 1)) is CardProblem.TOO_LARGE
    file = tmp_path / "film.gandjoin"
    with file.open("wb") as film:
        film.truncate(10_000_000_000)
    with pytest.raises(JoinCardError) as caught:
        read_card_file(file)
    assert caught.value.problem is CardProblem.TOO_LARGE


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.gandjoin", tmp_path):
        with pytest.raises(JoinCardError, match="cannot be read") as caught:
            read_card_file(path)
        assert caught.value.problem is CardProblem.UNREADABLE
    picture = tmp_path / "picture.gandjoin"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xff" + SECRET.encode())
    with pytest.raises(JoinCardError) as caught:
        read_card_file(picture)
    assert caught.value.problem is CardProblem.NOT_A_CARD
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ['{"v": ' + "9" * 5_000 + "}", "[" * 100_000, '{"v": ' + "[" * 60_000])
def test_what_somebody_made_up_to_stumble_over_is_no_card(text: str) -> None:
    with pytest.raises(JoinCardError):
        parse_card(text[:MAX_BYTES])
