"""The three plots of a training and the words for their curves (the table of words is the guide's)."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.chart_legend import CurveWords, Legend
from gan_desktop.gui.plot import LineLook, Plot
from gan_desktop.gui.words import percent

_DASHED = Qt.PenStyle.DashLine


@dataclass(frozen=True)
class ChartRow:
    """One plot and its legend.

    Attributes:
        curves: Their places in a course's values.
    """

    curves: slice
    words: tuple[CurveWords, ...]
    plot: Plot
    legend: Legend


def chart_rows(parent: QWidget) -> tuple[ChartRow, ...]:
    """Losses, shares that the discriminator judges right, distance to real pictures."""
    losses = Plot((LineLook(0), LineLook(1, _DASHED)), parent)
    shares = Plot(
        (LineLook(2), LineLook(3, _DASHED)),
        parent,
        y_limits=(0.0, 100.0),
        guide=50.0,
        write_y=lambda value, _decimals: percent(value / 100),
    )
    distance = Plot((LineLook(0, has_dots=True),), parent)
    losses.setAccessibleName(parent.tr("Losses of generator and discriminator"))
    shares.setAccessibleName(parent.tr("Real pictures recognised and fakes caught, in percent"))
    distance.setAccessibleName(parent.tr("Distance to real pictures"))
    return (
        _row(slice(0, 2), losses, _loss_words(parent)),
        _row(slice(2, 4), shares, _share_words(parent)),
        _row(slice(4, 5), distance, _distance_words(parent)),
    )


def _row(curves: slice, plot: Plot, words: tuple[CurveWords, ...]) -> ChartRow:
    legend = Legend(list(zip(words, plot.looks, strict=True)), plot.parentWidget())
    return ChartRow(curves, words, plot, legend)


def _loss_words(parent: QWidget) -> tuple[CurveWords, ...]:
    return (
        CurveWords(
            parent.tr("Generator's loss"),
            "G_loss",
            parent.tr("Small when the discriminator takes the generator's pictures for real ones (G_loss)."),
            decimals=2,
        ),
        CurveWords(
            parent.tr("Discriminator's loss"),
            "D_loss",
            parent.tr("Small when the discriminator tells real pictures and fakes apart (D_loss)."),
            decimals=2,
        ),
    )


def _share_words(parent: QWidget) -> tuple[CurveWords, ...]:
    return (
        CurveWords(
            parent.tr("Real pictures recognised"),
            "D_real",
            parent.tr("Of 100 real pictures, so many the discriminator takes for real (D_real)."),
            is_percent=True,
        ),
        CurveWords(
            parent.tr("Fakes caught"),
            "D_fake",
            parent.tr("Of 100 generated pictures, so many the discriminator takes for fakes (D_fake)."),
            is_percent=True,
        ),
    )


def _distance_words(parent: QWidget) -> tuple[CurveWords, ...]:
    words = parent.tr(
        "How much small pieces of the generated pictures differ from those of real pictures that nobody"
        " learns from (sliced Wasserstein distance). It does not reach 0: two sets of real pictures differ,"
        " too."
    )
    return (CurveWords(parent.tr("Distance to real pictures"), parent.tr("lower is better"), words),)
