"""Join cards on paper: eight to a page, to be cut apart, as a PDF or on a printer.

Each says whose it is and for which class, and has the card's link as a QR code and as a line. A card
that is too long for a code (it carries its server's certificate) names its file instead.

Lengths are in millimetres here; `_Pen` turns them into the device's dots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import segno
from PySide6.QtCore import QBuffer, QCoreApplication, QLocale, QMarginsF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPagedPaintDevice,
    QPageLayout,
    QPageSize,
    QPainter,
    QPainterPath,
    QPdfWriter,
    QPen,
)

from gan_desktop.join_card import JoinCard

COLUMNS, ROWS = 2, 4
MARGIN = 10.0  # that printers leave white
PADDING = 4.0  # inside a card
CODE_EDGE = 38.0  # of the QR code with its white border
LINE_HEIGHT = 17.0  # for the link in words
# White around a QR code, in modules: the standard asks for four (ISO/IEC 18004, 6.3.8).
QUIET_ZONE = 4
DOTS_PER_INCH = 600
_PLAIN = Qt.TextFlag.TextWordWrap
_ANYWHERE = Qt.TextFlag.TextWrapAnywhere


@dataclass(frozen=True)
class SheetCard:
    """What stands on one card.

    Attributes:
        file_name: Of the card's file, for a card without a QR code.
    """

    name: str
    card: JoinCard
    file_name: str = ""


def link_code(card: JoinCard) -> segno.QRCode:
    """The QR code of a card's link: what a phone or a webcam reads from paper.

    The lowest level of error correction makes the largest squares; segno raises it where that costs nothing.
    """
    return segno.make(card.to_link(), error="l", micro=False)


def code_image(card: JoinCard, edge: int) -> QImage:
    """The QR code as a picture for the screen, at most `edge` pixels, black on white in any theme."""
    matrix = link_code(card).matrix
    size = len(matrix) + 2 * QUIET_ZONE
    picture = QImage(size, size, QImage.Format.Format_Grayscale8)
    picture.fill(Qt.GlobalColor.white)
    for y, row in enumerate(matrix):
        for x, is_dark in enumerate(row):
            if is_dark:
                picture.setPixel(x + QUIET_ZONE, y + QUIET_ZONE, 0xFF000000)
    # Whole pixels for each square: a blurred edge costs readers.
    return picture.scaled(size * max(1, edge // size), size * max(1, edge // size))


def cards_pdf(cards: Sequence[SheetCard]) -> bytes:
    """The cards as a PDF. May be called in any thread."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(DOTS_PER_INCH)
    writer.setTitle(_tr("Join cards"))
    writer.setCreator("GAN Desktop")
    draw_cards(writer, cards)
    return bytes(buffer.data().data())


def page_layout() -> QPageLayout:
    """The paper of the person's country, to its very edge: the white at the edges is ours."""
    is_american = QLocale.system().measurementSystem() is QLocale.MeasurementSystem.ImperialUSSystem
    size = QPageSize(QPageSize.PageSizeId.Letter if is_american else QPageSize.PageSizeId.A4)
    return QPageLayout(size, QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0))


def draw_cards(device: QPagedPaintDevice, cards: Sequence[SheetCard]) -> None:
    """Draw the cards on as many pages as they need. May be called in any thread."""
    device.setPageLayout(page_layout())
    painter = QPainter(device)
    try:
        pen = _Pen(painter)
        page = page_layout().pageSize().size(QPageSize.Unit.Millimeter)
        width, height = (page.width() - 2 * MARGIN) / COLUMNS, (page.height() - 2 * MARGIN) / ROWS
        for number, card in enumerate(cards):
            row, column = divmod(number % (COLUMNS * ROWS), COLUMNS)
            if number and row == column == 0:
                device.newPage()
            place = QRectF(MARGIN + column * width, MARGIN + row * height, width, height)
            pen.frame(place)
            _draw_card(pen, place.adjusted(PADDING, PADDING, -PADDING, -PADDING), card)
    finally:
        painter.end()


class _Pen:
    """Draws on a device in millimetres."""

    def __init__(self, painter: QPainter) -> None:
        self._painter = painter
        self._dots = painter.device().logicalDpiX() / 25.4

    def _in_dots(self, place: QRectF) -> QRectF:
        dots = self._dots
        return QRectF(place.x() * dots, place.y() * dots, place.width() * dots, place.height() * dots)

    def frame(self, place: QRectF) -> None:
        """A dashed line to cut along."""
        self._painter.setPen(QPen(QColor("#b0b0b0"), 0.15 * self._dots, Qt.PenStyle.DashLine))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawRect(self._in_dots(place))

    def words(
        self,
        place: QRectF,
        text: str,
        points: float,
        *,
        is_bold: bool = False,
        is_code: bool = False,
        wrap: Qt.TextFlag = _PLAIN,
    ) -> float:
        """Write a text into a place, smaller where it would not fit; returns how high it is."""
        font = QFont("DejaVu Sans Mono" if is_code else QFont().family())
        if is_code:
            font.setStyleHint(QFont.StyleHint.Monospace)
        font.setBold(is_bold)
        flags = int(wrap) | int(Qt.AlignmentFlag.AlignLeft) | int(Qt.AlignmentFlag.AlignTop)
        box = self._in_dots(place)
        while True:
            font.setPointSizeF(points)
            used = QFontMetricsF(font, self._painter.device()).boundingRect(box, flags, text)
            if (used.height() <= box.height() and used.width() <= box.width()) or points <= 4:
                break
            points -= 0.25
        self._painter.setFont(font)
        self._painter.setPen(QColor("black"))
        self._painter.drawText(box, flags, text)
        return used.height() / self._dots

    def code(self, place: QRectF, card: JoinCard) -> None:
        """A QR code that fills a square place, its white border included."""
        matrix = link_code(card).matrix
        edge = place.width() / (len(matrix) + 2 * QUIET_ZONE)
        path = QPainterPath()
        for y, row in enumerate(matrix):
            for first, length in _dark_runs(row):
                path.addRect(
                    self._in_dots(
                        QRectF(
                            place.x() + (first + QUIET_ZONE) * edge,
                            place.y() + (y + QUIET_ZONE) * edge,
                            length * edge,
                            edge,
                        )
                    )
                )
        # Rows touch: as one shape they leave no hairline between them.
        path.setFillRule(Qt.FillRule.WindingFill)
        self._painter.fillPath(path, QColor("black"))


def _draw_card(pen: _Pen, place: QRectF, card: SheetCard) -> None:
    has_code = card.card.fits_a_qr_code
    left, top = place.x(), place.y()
    if has_code:
        pen.code(QRectF(left, top, CODE_EDGE, CODE_EDGE), card.card)
        left += CODE_EDGE + 2
    width = place.right() - left
    used = pen.words(QRectF(left, top, width, 12), card.name, 14, is_bold=True)
    top += used + 0.8
    used = pen.words(QRectF(left, top, width, 8), card.card.class_name, 9)
    top += used + 1.6
    bottom = place.bottom() - (LINE_HEIGHT + 1 if has_code else 0)
    pen.words(QRectF(left, top, width, bottom - top), _steps(card, has_code=has_code), 8)
    if has_code:
        line = QRectF(place.x(), place.bottom() - LINE_HEIGHT, place.width(), LINE_HEIGHT)
        pen.words(line, card.card.to_link(), 6, is_code=True, wrap=_ANYWHERE)


def _steps(card: SheetCard, *, has_code: bool) -> str:
    steps = [
        _tr('1. Start GAN Desktop and choose "Join a class".'),
        _tr(
            "2. Scan the code with your phone and send the line to your computer, or ask for your card as a"
            " file."
        )
        if has_code
        else _tr("2. Open the file {file} that you were given with this card.").format(file=card.file_name),
        _tr("3. Check name and class, and join."),
        "",
        _tr("This card is your password: give it to nobody."),
    ]
    if card.card.insecure:
        steps.append(_tr("The connection is not encrypted: others in the same network can read along."))
    return "\n".join(steps)


def _dark_runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Where dark squares begin in a row of a code, and how many stand side by side."""
    runs: list[tuple[int, int]] = []
    for x, is_dark in enumerate(row):
        if not is_dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs


def _tr(text: str) -> str:
    return QCoreApplication.translate("card_sheet", text)
