"""Charts as files: the table behind what is shown, and writing it where somebody wishes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage

from gan_desktop.errors import SaveFailed
from gan_desktop.gui.chart_span import Span
from gan_desktop.gui.course import ClassCourse, Course
from gan_desktop.gui.curve_buffer import Floats

_COLUMNS = ("g_loss", "d_loss", "d_real_percent", "d_fake_percent", "distance")


class CourseTable:
    """The points of a course in view: a copy, so that it can be written while the course grows.

    A table holds numbers and empty cells only, no words of anybody: no spreadsheet can take a cell for a
    formula. Numbers have a decimal point in every language.
    """

    def __init__(self, course: Course, view: Span) -> None:
        x = course.buffer.x
        first, end = np.searchsorted(x, (view.low, view.high))
        self._x: Floats = x[first:end].copy()
        self._values: Floats = course.buffer.values[:, first:end].copy()
        self._is_class = isinstance(course, ClassCourse)
        self._others = [self._other(course, at) for at in self._x.tolist()]

    def _other(self, course: Course, x: float) -> int | None:
        return course.num_images_at(x) if isinstance(course, ClassCourse) else course.iteration_at(x)

    def csv(self) -> str:
        """The table as comma-separated values, in the order of x."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(self._lines())
        return text.getvalue()

    def _lines(self) -> Iterator[tuple[str, ...]]:
        # What is measured for the class only would be an empty column.
        num_curves = len(_COLUMNS) if self._is_class else len(_COLUMNS) - 1
        x_names = ("iteration", "images") if self._is_class else ("images", "iteration")
        yield (*x_names, *_COLUMNS[:num_curves])
        for x, other, values in zip(
            self._x.tolist(), self._others, self._values[:num_curves].T.tolist(), strict=True
        ):
            yield (_cell(x), _cell(other), *map(_cell, values))


def _cell(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.7g}"


def write_table(path: Path, table: CourseTable) -> Path:
    """Write a table; returns where.

    Raises:
        SaveFailed: The disk is full, or the folder cannot be written.
    """
    try:
        path.write_text(table.csv(), "utf-8", newline="")
    except OSError as error:
        raise SaveFailed(_words(path, error.strerror or str(error))) from error
    return path


def write_picture(path: Path, picture: QImage) -> Path:
    """Write a picture as PNG; returns where.

    Raises:
        SaveFailed: The disk is full, or the folder cannot be written.
    """
    if not picture.save(str(path), "PNG"):  # type: ignore[call-overload]
        raise SaveFailed(_words(path, "the disk is full, or the folder cannot be written"))
    return path


def _words(path: Path, reason: str) -> str:
    return f"{path.name} could not be saved: {reason}. Choose another folder."
