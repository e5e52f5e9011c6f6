"""The picture to remember the class by: one's nine faces before and after, and what one has done for them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QDate, QLocale, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.theme import LIGHT
from gan_desktop.gui.words import number

WIDTH, HEIGHT, MARGIN = 1_600, 1_060, 60
EDGE = 710
TITLE_PX, WORDS_PX = 46, 30


@dataclass(frozen=True)
class Keepsake:
    """All that stands on the picture. Iterations are those of the two sheets of nine faces (PNG)."""

    title: str
    line: str
    first_iteration: int
    first_sheet: bytes
    last_iteration: int
    last_sheet: bytes


def keepsake_line(snapshot: ClassSnapshot, first: int, last: int) -> str:
    """One's own images, the iterations, and how many others took part; what is not known is left out."""
    credit, totals = snapshot.credit, snapshot.totals
    parts = []
    if credit is not None and credit.images:
        parts.append(_tr("{number} images").format(number=number(credit.images)))
    words = _tr("iterations {first} to {last}")
    parts.append(words.format(first=number(first), last=number(last)))
    num_others = 0
    if totals is not None:
        num_others = totals.num_people - bool(credit is not None and credit.units)
    if num_others > 0:
        parts.append(QCoreApplication.translate("keepsake", "with %n other(s)", None, num_others))
    return ", ".join(parts)


def paint_keepsake(keepsake: Keepsake) -> QImage:
    """Paint it, in the light colours whatever the theme is: it will be seen elsewhere."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    image.fill(QColor(LIGHT.card))
    painter = QPainter(image)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    head = QRectF(MARGIN, MARGIN - 16, WIDTH - 2 * MARGIN, 70)
    today = QLocale().toString(QDate.currentDate(), QLocale.FormatType.LongFormat)
    _write(painter, head, keepsake.title, TITLE_PX, LIGHT.text, Qt.AlignmentFlag.AlignLeft, bold=True)
    _write(painter, head, today, WORDS_PX, LIGHT.muted, Qt.AlignmentFlag.AlignRight)
    top = MARGIN + 80
    for left, sheet, iteration in (
        (MARGIN, keepsake.first_sheet, keepsake.first_iteration),
        (WIDTH - MARGIN - EDGE, keepsake.last_sheet, keepsake.last_iteration),
    ):
        painter.drawImage(QRectF(left, top, EDGE, EDGE), _smooth(sheet))
        words = _tr("Iteration {number}").format(number=number(iteration))
        below = QRectF(left, top + EDGE + 8, EDGE, 50)
        _write(painter, below, words, WORDS_PX, LIGHT.muted, Qt.AlignmentFlag.AlignHCenter)
    foot = QRectF(MARGIN, HEIGHT - MARGIN - 50, WIDTH - 2 * MARGIN, 60)
    _write(painter, foot, keepsake.line, round(1.2 * WORDS_PX), LIGHT.text, Qt.AlignmentFlag.AlignHCenter)
    painter.end()
    return image


def _smooth(sheet: bytes) -> QImage:
    mode = Qt.TransformationMode.SmoothTransformation
    return QImage.fromData(sheet).scaled(EDGE, EDGE, Qt.AspectRatioMode.IgnoreAspectRatio, mode)


def _write(
    painter: QPainter,
    room: QRectF,
    words: str,
    height_px: int,
    colour: str,
    side: Qt.AlignmentFlag,
    *,
    bold: bool = False,
) -> None:
    font = QFont(painter.font())
    font.setPixelSize(height_px)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    painter.save()
    painter.setFont(font)
    painter.setPen(QColor(colour))
    # Of a long title the end is left out, so that the date keeps its place.
    share = 0.68 if bold else 1.0
    shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, round(share * room.width()))
    painter.drawText(room, int(side | Qt.AlignmentFlag.AlignVCenter), shown)
    painter.restore()


def _tr(text: str) -> str:
    return QCoreApplication.translate("keepsake", text)
