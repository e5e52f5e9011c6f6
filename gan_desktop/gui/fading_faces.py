"""A picture of faces that turns into the next one softly."""

from __future__ import annotations

from PySide6.QtCore import QVariantAnimation, Slot
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.faces_view import FacesView

FADE_MS = 300


class FadingFacesView(FacesView):
    """As `FacesView`, and `turn_to` fades from the picture that is there to another of the same size."""

    def __init__(self, parent: QWidget | None = None, *, least_em: float = 12.0) -> None:
        super().__init__(parent, least_em=least_em)
        self._old, self._new = QPixmap(), QPixmap()
        self._fade = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=FADE_MS)
        self._fade.valueChanged.connect(self._mix)

    def turn_to(self, png: bytes, *, fade: bool) -> None:
        """Show a picture, softly if `fade` and where there is one to fade from."""
        old = self._picture
        self.show_picture(png)
        if fade and old.size() == self._picture.size() and self.isVisible():
            self._old, self._new = old, self._picture
            self._fade.start()

    def show_picture(self, png: bytes) -> None:
        """Show a picture at once."""
        self._fade.stop()
        super().show_picture(png)

    def show_words(self, words: str) -> None:
        """Show a sentence until there is a picture."""
        self._fade.stop()
        super().show_words(words)

    @Slot(object)
    def _mix(self, share: float) -> None:
        mixed = QPixmap(self._old)
        painter = QPainter(mixed)
        painter.setOpacity(share)
        painter.drawPixmap(0, 0, self._new)
        painter.end()
        self._picture = mixed
        self.update()
