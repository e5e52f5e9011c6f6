"""A training's curves as a picture, as the charts draw them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from gan_desktop.gui.charts import Charts
from gan_desktop.gui.course import ClassCourse
from gan_desktop.gui.theme import em
from gan_desktop.records import Progress

WIDTH_EM, HEIGHT_EM = 56, 36
PICTURE_RATIO = 2.0


def curves_picture(history: Sequence[Progress]) -> QImage:
    """Draw all iterations of a training, in the window's colours. In the window's thread."""
    charts = Charts()
    # Laid out and drawn as if it were seen, and never on the screen.
    charts.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    charts.resize(em(charts, WIDTH_EM), em(charts, HEIGHT_EM))
    course = ClassCourse()
    course.replace(history)
    charts.show_course(course)
    charts.show()
    QApplication.sendPostedEvents()
    charts.redraw()
    picture = charts.picture(PICTURE_RATIO)
    charts.close()
    charts.deleteLater()
    return picture


def as_png(picture: QImage) -> bytes:
    """A picture as a PNG file."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(content.data())
