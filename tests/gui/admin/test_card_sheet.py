"""Cards on paper: what is printed is read back, as a phone's camera would."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtWidgets import QApplication

from gan_desktop.gui.admin.students.card_sheet import SheetCard, cards_pdf, code_image, draw_cards
from gan_desktop.gui.translation import install_translation
from gan_desktop.join_card import JoinCard
from tests.integration.tls import make_certificate

QR_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
PER_PAGE = 8
LONG_NAME = "Maximilian Alexander von und zu Hohenfels"[:40]


def card(name: str = "Ana Silva", **changes: object) -> JoinCard:
    fields: dict[str, object] = {
        "class_name": "Vision 2026",
        "hosts": ("192.168.178.120", "teachers-laptop"),
        "port": 23456,
        "dbname": "gan_desktop",
        "user": f"s_{secrets.token_hex(6)}",
        "password": secrets.token_urlsafe(18),
        "insecure": True,
        "name": name,
    }
    return JoinCard(**(fields | changes))  # type: ignore[arg-type]


def sheet(*names: str) -> list[SheetCard]:
    return [SheetCard(name, card(name), f"{name}.gandjoin") for name in names]


def pages(pdf: bytes, dots_per_inch: int = 200) -> list[Image.Image]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=dots_per_inch / 72).to_pil() for page in document]
    finally:
        document.close()


def words(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def codes(picture: Image.Image) -> set[str]:
    # Others, with nearly no redundancy, are now and then seen in a page's random dots.
    return {found.text for found in zxingcpp.read_barcodes(picture, QR_CODES)}


def test_every_printed_code_is_its_persons_link() -> None:
    cards = sheet("Ana Silva", LONG_NAME, *(f"Student {number}" for number in range(7)))
    printed = pages(cards_pdf(cards))
    assert len(printed) == 2
    links = [each.card.to_link() for each in cards]
    assert codes(printed[0]) == set(links[:PER_PAGE])
    assert codes(printed[1]) == set(links[PER_PAGE:])


def test_the_largest_code_that_a_card_may_have_is_read_too() -> None:
    hosts = ("192.168.178.120", "lab.computer-science.university.example", "teachers-laptop-in-room-2.14")
    largest = card(LONG_NAME, hosts=hosts, class_name="Generative models, winter 2026/27, A")
    assert largest.fits_a_qr_code and len(largest.to_link()) > 420
    [page] = pages(cards_pdf([SheetCard(LONG_NAME, largest)]), dots_per_inch=150)
    assert codes(page) == {largest.to_link()}


def test_a_card_says_whose_it_is_and_what_to_do() -> None:
    [one] = sheet("Ana Silva")
    said = words(cards_pdf([one]))
    assert "Ana Silva" in said and "Vision 2026" in said
    assert 'choose "Join a class"' in " ".join(said.split())
    assert "This card is your password" in " ".join(said.split())
    assert "Scan the code with your phone" in " ".join(said.split())
    # The link in words, whatever way it is broken.
    assert one.card.to_line() in "".join(said.split())


def test_a_card_says_where_the_connection_is_not_encrypted() -> None:
    told = "The connection is not encrypted"
    for is_insecure in (True, False):
        printed = cards_pdf([SheetCard("Ana", card("Ana", insecure=is_insecure))])
        assert (told in " ".join(words(printed).split())) is is_insecure


def test_a_long_name_and_title_stay_inside_their_card() -> None:
    title = "Generative models of pictures and their training on many computers, group A, wi"
    long = SheetCard("W" * 40, card("W" * 40, class_name=title))
    [page] = pages(cards_pdf([long] * 2), dots_per_inch=100)
    # Between the words of the first card and the line to cut along there is nothing but white.
    width, height = page.size
    edge = page.convert("L").crop(
        (round(0.485 * width), round(0.05 * height), round(0.495 * width), height // 4)
    )
    assert edge.getextrema()[0] == 255


def test_a_card_with_a_certificate_names_its_file_instead() -> None:
    pinned = card(ca_pem=make_certificate("db.school.example").pem)
    assert not pinned.fits_a_qr_code
    pdf = cards_pdf([SheetCard("Ana Silva", pinned, "Ana Silva.gandjoin")])
    assert codes(pages(pdf)[0]) == set()
    said = " ".join(words(pdf).split())
    assert "Open the file Ana Silva.gandjoin" in said
    assert pinned.password not in said


def test_a_printer_gets_the_same_pages(tmp_path: Path) -> None:
    cards = sheet(*(f"Student {number}" for number in range(9)))
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "printed.pdf"))
    draw_cards(printer, cards)
    printed = pages((tmp_path / "printed.pdf").read_bytes())
    assert [len(codes(page)) for page in printed] == [8, 1]


def test_cards_are_drawn_away_from_the_windows_thread() -> None:
    drawn: list[bytes] = []
    thread = threading.Thread(target=lambda: drawn.append(cards_pdf(sheet("Ana Silva"))))
    thread.start()
    thread.join()
    assert len(pages(drawn[0])) == 1


def test_cards_speak_the_windows_language(application: QApplication) -> None:
    install_translation(application, "de")
    said = " ".join(words(cards_pdf(sheet("Ana Silva"))).split())
    assert "Diese Karte ist dein Passwort" in said


@pytest.mark.parametrize("edge", [180, 400])
def test_the_code_on_the_screen_is_read_too(edge: int, tmp_path: Path) -> None:
    one = card()
    picture = code_image(one, edge)
    assert picture.width() <= edge
    picture.save(str(tmp_path / "code.png"))
    assert codes(Image.open(tmp_path / "code.png")) == {one.to_link()}
