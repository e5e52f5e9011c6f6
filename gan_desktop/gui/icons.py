"""Our own small set of icons, `resources/icons/*.svg`, drawn in the colours of the theme.

A file holds strokes in `currentColor`; each icon is drawn in the sizes that screens of 100% to 200% need.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Protocol

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gan_desktop.gui.theme import colours

_SIZES = (16, 20, 24, 32, 48, 64)


class _HasIcon(Protocol):
    def setIcon(self, icon: QIcon, /) -> None: ...  # noqa: N802


def icon(name: str, colour: str | None = None) -> QIcon:
    """An icon in a colour (the theme's text colour without one); greyed where it is disabled.

    It does not change with the theme: give it to widgets with `set_icon`.
    """
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(_pixmap(name, size, colour or colours().text))
        made.addPixmap(_pixmap(name, size, colours().muted), QIcon.Mode.Disabled)
    return made


def set_icon(target: _HasIcon, name: str, colour: str | None = None) -> None:
    """Let a button or an action show an icon, in the colours of whatever theme is on.

    Args:
        target: A QObject with `setIcon`.
        colour: A field of `theme.Colours`, such as `accent`; None: that of the text.
    """
    assert isinstance(target, QObject)
    keeper = target.findChild(_IconKeeper, options=Qt.FindChildOption.FindDirectChildrenOnly)
    if keeper is None:
        keeper = _IconKeeper(target)
    keeper.show(name, colour)


def pixmap(name: str, size: int, colour: str, ratio: float = 1.0) -> QPixmap:
    """An icon as a picture of `size` logical pixels, each `ratio` wide; `colour` as in `set_icon`."""
    drawn = _pixmap(name, round(size * ratio), getattr(colours(), colour))
    drawn.setDevicePixelRatio(ratio)
    return drawn


def application_icon() -> QIcon:
    """The program's own icon."""
    made = QIcon()
    for size in (*_SIZES, 128, 256):
        made.addPixmap(_draw(_svg("app.svg"), size))
    return made


class _IconKeeper(QObject):
    """Draws a target's icon anew when the theme changes."""

    def __init__(self, target: QObject) -> None:
        super().__init__(target)
        self._name, self._colour = "", ""
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._draw)

    def show(self, name: str, colour: str | None) -> None:
        """Show an icon; the one that is there already costs nothing."""
        wanted = name, colour or "text"
        if wanted != (self._name, self._colour):
            self._name, self._colour = wanted
            self._draw()

    def _draw(self) -> None:
        target: _HasIcon = self.parent()  # type: ignore[assignment]
        target.setIcon(icon(self._name, getattr(colours(), self._colour)))


@cache
def _svg(file: str) -> str:
    return (resources.files("gan_desktop.gui") / "resources" / file).read_text("utf-8")


def _pixmap(name: str, size: int, colour: str) -> QPixmap:
    return _draw(_svg(f"icons/{name}.svg").replace("currentColor", colour), size)


def _draw(svg: str, size: int) -> QPixmap:
    drawn = QPixmap(size, size)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn
