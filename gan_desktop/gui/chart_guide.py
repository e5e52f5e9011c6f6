"""How to read the curves of a GAN: a paragraph beside them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from gan_desktop.gui.theme import em, scale_font, set_role


class ChartGuide(QFrame):
    """What a healthy GAN looks like. It scrolls where there is little room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setFixedWidth(em(self, 15))
        title = QLabel(self.tr("What a healthy GAN looks like"), self)
        title.setWordWrap(True)
        scale_font(title, 1.15, bold=True)
        words = QLabel(self._words(), self)
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setAlignment(Qt.AlignmentFlag.AlignTop)
        words.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(words)
        area.viewport().setAutoFillBackground(False)
        words.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.8), em(self, 0.7), em(self, 0.5), em(self, 0.6))
        column.setSpacing(em(self, 0.4))
        column.addWidget(title)
        column.addWidget(area, 1)

    def _words(self) -> str:
        return self.tr(
            "Two networks play against each other, so a low loss is no success: what one gains, the other"
            " loses. Usually the discriminator is well ahead: with few pictures it recognises and catches 95%"
            " to 99%, and the generator's loss is high and may even rise. That is healthy while the distance"
            " falls or stays low and the faces are good. If the faces stay noise and the distance stays high,"
            " the discriminator sees through every fake, and the generator learns little from it. Both shares"
            " near 50%: it only guesses.\n\nWhether the faces get better, the distance tells: it falls fast,"
            " then slowly, and never reaches 0. If it rises for long while the faces in the Gallery look more"
            " and more alike, the generator knows only a few faces that pass (mode collapse); the losses may"
            " look calm all the same. Single peaks are normal: each batch has other pictures."
        )
