from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gan_desktop.gui import theme
from gan_desktop.gui.chart_legend import NOTHING
from gan_desktop.gui.chart_span import Span
from gan_desktop.gui.charts import REDRAW_MS, Charts
from gan_desktop.gui.course import ClassCourse, ComputerCourse, Mark
from gan_desktop.gui.curve_buffer import CurveBuffer
from gan_desktop.gui.plot import NumberAxis
from gan_desktop.records import Progress, UnitProgress, UnitStarted, WorkUnit


def unit_started(unit_id: int, iteration: int) -> UnitStarted:
    return UnitStarted(WorkUnit(unit_id, 1, iteration, 0, 7, (), 512, "token", 60.0, 60.0))


def batch(unit_id: int, num_done: int, loss_g: float = 1.5) -> UnitProgress:
    return UnitProgress(unit_id, num_done, 512, loss_g, 0.75, 0.8, 0.9)


def iteration(number: int, distance: float | None = None, num_joined: int = 0) -> Progress:
    return Progress(number, 1_000 * number, 1.0 + number, 0.5, 0.8, 0.9, distance, num_joined)


@pytest.fixture
def charts(qtbot: QtBot) -> Charts:
    """Three iterations of a class in a window of the smallest size."""
    course = ClassCourse()
    course.replace([iteration(1, distance=700.0, num_joined=3), iteration(2), iteration(3)])
    charts = Charts()
    qtbot.addWidget(charts)
    charts.resize(780, 400)
    charts.show_course(course)
    charts.show()
    return charts


# -- points -------------------------------------------------------------------------------------


def test_full_buffer_keeps_the_newest_points_in_order() -> None:
    buffer = CurveBuffer(1, capacity=5)
    for x in range(23):
        buffer.append(x, (10 * x,))
    assert buffer.x.tolist() == [18, 19, 20, 21, 22]
    assert buffer.values.tolist() == [[180, 190, 200, 210, 220]]
    assert buffer.num_forgotten == 18


def test_few_points_are_drawn_as_they_are() -> None:
    buffer = CurveBuffer(2)
    buffer.replace([(0, 1, 2), (1, 3, 4), (2, 5, 6)])
    thinned = buffer.thinned(0, 2, most=10)
    assert thinned.x.tolist() == [0, 1, 2]
    assert thinned.mean.tolist() == [[1, 3, 5], [2, 4, 6]]
    assert thinned.group_size == 1


def test_groups_hold_mean_smallest_and_largest_of_their_points() -> None:
    buffer = CurveBuffer(1)
    buffer.replace([(x, x * x) for x in range(8)])
    thinned = buffer.thinned(0, 7.5, most=4)
    assert thinned.group_size == 2
    assert thinned.x.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert thinned.mean.tolist() == [[0.5, 6.5, 20.5, 42.5]]
    assert thinned.low.tolist() == [[0, 4, 16, 36]]
    assert thinned.high.tolist() == [[1, 9, 25, 49]]


def test_no_curve_is_thinned_to_more_points_than_allowed() -> None:
    buffer = CurveBuffer(1, capacity=1_000)
    for x in range(2_777):
        buffer.append(x, (math.sin(x),))
        if x % 97 == 0:
            # One group more at each side runs to the edges of the plot.
            assert len(buffer.thinned(x - 800, x, most=50).x) <= 52


def test_new_point_changes_the_last_group_only() -> None:
    buffer = CurveBuffer(1, capacity=64)
    for x in range(130):
        buffer.append(x, (x % 7,))
    before = buffer.thinned(100, 200, most=10)
    buffer.append(130, (1_000,))
    after = buffer.thinned(100, 200, most=10)
    assert np.array_equal(before.mean[0, 1:-1], after.mean[0, 1 : len(before.x) - 1])


def test_what_was_not_measured_is_left_out_of_the_mean() -> None:
    buffer = CurveBuffer(1)
    nan = float("nan")
    buffer.replace([(0, 4), (1, nan), (2, nan), (3, nan), (4, 6), (5, 8), (6, nan), (7, 2)])
    thinned = buffer.thinned(0, 8, most=4)
    assert np.array_equal(thinned.mean, [[4, nan, 7, 2]], equal_nan=True)
    assert np.array_equal(thinned.low, [[4, nan, 6, 2]], equal_nan=True)


def test_part_in_view_reaches_beyond_both_edges() -> None:
    buffer = CurveBuffer(1)
    buffer.replace([(x, x) for x in range(100)])
    thinned = buffer.thinned(40.5, 50.5, most=20)
    assert thinned.x[0] <= 40
    assert thinned.x[-1] >= 51
    assert len(thinned.x) <= 14


def test_empty_buffer_gives_empty_curves() -> None:
    assert CurveBuffer(3).thinned(0, 1, most=10).mean.shape == (3, 0)


# -- the part in view ---------------------------------------------------------------------------


def test_zoom_keeps_the_cursor_where_it_is() -> None:
    zoomed = Span(0, 100).zoomed(2, around=25)
    assert zoomed == Span(12.5, 62.5)
    assert Span(0, 100).zoomed(2, around=500) == Span(25, 75)


def test_view_moves_no_farther_than_the_ends() -> None:
    whole = Span(0, 100)
    assert Span(40, 60).moved(0.5, whole) == Span(50, 70)
    assert Span(90, 98).moved(1, whole) == Span(92, 100)
    assert Span(1, 21).moved(-1, whole) == Span(0, 20)


# -- courses ------------------------------------------------------------------------------------


def test_batches_of_all_units_stand_in_one_row() -> None:
    course = ComputerCourse()
    course.join()
    course.begin_unit(unit_started(41, iteration=7))
    course.add(batch(41, 16))
    course.add(batch(41, 32))
    course.begin_unit(unit_started(42, iteration=7))
    course.add(batch(42, 16))
    course.begin_unit(unit_started(43, iteration=9))
    course.add(batch(43, 16))
    assert course.buffer.x.tolist() == [16, 32, 48, 64]
    assert course.iterations == [Mark(0, 7), Mark(48, 9)]
    assert course.joins == [Mark(0, 1)]
    assert [course.iteration_at(x) for x in (0, 47, 48, 1_000)] == [7, 7, 9, 9]


def test_repeated_batches_do_not_go_back() -> None:
    course = ComputerCourse()
    course.begin_unit(unit_started(41, 7))
    assert course.add(batch(41, 32))
    # After an out-of-memory the unit begins anew in smaller pieces.
    assert not course.add(batch(41, 16))
    assert course.add(batch(41, 48))
    assert course.buffer.x.tolist() == [32, 48]


def test_shares_are_kept_in_percent_and_the_distance_is_the_class_s() -> None:
    course = ComputerCourse()
    course.begin_unit(unit_started(41, 7))
    course.add(batch(41, 16))
    assert course.buffer.values[:4, 0].tolist() == [1.5, 0.75, 80, 90]
    assert math.isnan(course.buffer.values[4, 0])


def test_class_course_shows_joins_and_images() -> None:
    course = ClassCourse()
    course.replace([iteration(1, num_joined=2), iteration(2), iteration(3, distance=90.0)])
    assert course.joins == [Mark(1, 2)]
    assert course.num_images_at(3) == 3_000
    assert course.buffer.values[4, 2] == 90


def test_cleared_course_begins_at_nothing_again() -> None:
    course = ComputerCourse()
    course.join()
    course.begin_unit(unit_started(41, 7))
    course.add(batch(41, 16))
    course.clear()
    course.begin_unit(unit_started(1, 2))
    course.add(batch(1, 16))
    assert course.buffer.x.tolist() == [16]
    assert course.joins == []
    assert course.iterations == [Mark(0, 2)]


# -- the plots ----------------------------------------------------------------------------------


def test_newest_values_are_written_without_a_cursor(charts: Charts) -> None:
    assert charts.values() == [4.0, 0.5, 80.0, 90.0, 700.0]
    assert "Fakes caught: 90%" in charts.spoken()
    assert "Distance to real pictures: 700" in charts.spoken()


def test_cursor_goes_by_keys_and_back_to_the_newest(qtbot: QtBot, charts: Charts) -> None:
    charts.setFocus()
    qtbot.keyClick(charts, Qt.Key.Key_Left)
    assert charts.cursor_x == 3
    qtbot.keyClick(charts, Qt.Key.Key_Left)
    assert charts.cursor_x == 2
    assert charts.values()[0] == 3.0
    assert "Iteration 2" in charts.spoken()
    qtbot.keyClick(charts, Qt.Key.Key_Home)
    assert charts.cursor_x == 1
    qtbot.keyClick(charts, Qt.Key.Key_Left)
    assert charts.cursor_x == 1
    qtbot.keyClick(charts, Qt.Key.Key_End)
    assert charts.cursor_x == 3
    qtbot.keyClick(charts, Qt.Key.Key_Escape)
    assert charts.cursor_x is None


def test_distance_holds_until_it_is_measured_again(qtbot: QtBot, charts: Charts) -> None:
    charts.move_cursor(2)
    assert charts.values()[4] == 700


def test_mouse_moves_the_cursor_to_the_nearest_point(qtbot: QtBot, charts: Charts) -> None:
    qtbot.waitExposed(charts)
    plot = charts._rows[0].plot
    spot = QPointF(plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(2.1, 1.0))))
    nothing = Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        plot.viewport(), QMouseEvent(QEvent.Type.MouseMove, spot, plot.viewport().mapToGlobal(spot), *nothing)
    )
    assert charts.cursor_x == 2
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert charts.cursor_x is None


def test_zoom_by_keys_shows_a_part_and_zero_shows_all(qtbot: QtBot, charts: Charts) -> None:
    course = ClassCourse()
    course.replace([iteration(number) for number in range(1, 101)])
    charts.show_course(course)
    whole = charts.view
    charts.setFocus()
    with qtbot.waitSignal(charts.view_changed, check_params_cb=lambda is_part: is_part is True):
        qtbot.keyClick(charts, Qt.Key.Key_Plus)
    assert charts.view.width == pytest.approx(whole.width / 1.5)
    before = charts.view
    qtbot.keyClick(charts, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert charts.view.low > before.low
    qtbot.keyClick(charts, Qt.Key.Key_0)
    assert charts.view == whole
    qtbot.keyClick(charts, Qt.Key.Key_Minus)
    assert charts.view == whole
    assert not charts.is_part_shown


def test_view_never_gets_narrower_than_a_few_points(qtbot: QtBot, charts: Charts) -> None:
    course = ClassCourse()
    course.replace([iteration(number) for number in range(1, 101)])
    charts.show_course(course)
    for _ in range(30):
        charts.zoom(3)
    assert 7 <= charts.view.width <= 9


def test_wheel_zooms_all_plots_together(qtbot: QtBot, charts: Charts) -> None:
    course = ClassCourse()
    course.replace([iteration(number) for number in range(1, 101)])
    charts.show_course(course)
    plot = charts._rows[1].plot
    middle = QPointF(plot.viewport().rect().center())
    wheel = QWheelEvent(
        middle,
        plot.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), wheel)
    assert charts.is_part_shown
    for row in charts._rows:
        low, high = row.plot.viewRange()[0]
        assert (low, high) == pytest.approx((charts.view.low, charts.view.high))


def test_part_in_view_stays_while_the_course_grows(charts: Charts) -> None:
    course = ClassCourse()
    course.replace([iteration(number) for number in range(1, 101)])
    charts.show_course(course)
    charts.look_at(Span(20, 40))
    course.replace([iteration(number) for number in range(1, 151)])
    charts.redraw()
    assert charts.view == Span(20, 40)
    charts.show_whole()
    assert charts.view.high > 150


def test_many_reports_are_drawn_at_once(qtbot: QtBot, charts: Charts) -> None:
    course = ComputerCourse()
    course.begin_unit(unit_started(1, 1))
    charts.show_course(course)
    drawn = []
    charts._rows[0].plot.sigRangeChanged.connect(lambda *_: drawn.append(1))
    for done in range(1, 200):
        course.add(batch(1, done))
        charts.refresh()
    assert drawn == []
    qtbot.waitUntil(lambda: bool(drawn), timeout=20 * REDRAW_MS)
    assert charts.view.high > 199


def test_hidden_charts_draw_nothing_until_they_are_shown(qtbot: QtBot, charts: Charts) -> None:
    charts.hide()
    charts.course.replace([iteration(number) for number in range(1, 50)])  # type: ignore[attr-defined]
    charts.refresh()
    assert not charts._timer.isActive()
    charts.show()
    assert charts._rows[0].plot.viewRange()[0][1] > 49


def test_distance_is_shown_for_the_class_only(charts: Charts) -> None:
    assert charts._rows[2].plot.isVisible()
    charts.show_course(ComputerCourse())
    assert not charts._rows[2].plot.isVisible()
    assert NOTHING in charts._written_values()


def test_curves_differ_by_more_than_colour(charts: Charts) -> None:
    for row in charts._rows:
        styles = {(look.style, look.has_dots) for look in row.plot.looks}
        assert len(styles) == len(row.plot.looks)


def test_plots_take_the_colours_of_the_other_theme(
    application: QApplication, charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    plot = charts._rows[0].plot
    other = theme.LIGHT if theme.colours() is theme.DARK else theme.DARK
    with monkeypatch.context() as patch:
        # Without a window system there is no light and dark to choose from.
        patch.setattr(theme, "LIGHT", other)
        patch.setattr(theme, "DARK", other)
        theme._dress(application)
        assert plot.backgroundBrush().color().name() == other.card
        assert plot.getAxis("left").textPen().color().name() == other.muted
        assert plot._curves[0]._line.opts["pen"].color().name() == other.series[0]
    theme._dress(application)
    assert plot.backgroundBrush().color().name() == theme.colours().card


def test_single_point_and_empty_course_can_be_looked_at(qtbot: QtBot, charts: Charts) -> None:
    for history in ([], [iteration(1)]):
        course = ClassCourse()
        course.replace(history)
        charts.show_course(course)
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Plus, Qt.Key.Key_Home, Qt.Key.Key_Minus, Qt.Key.Key_0):
            qtbot.keyClick(charts, key)
        charts.grab()


def test_no_tick_stands_between_two_iterations(qtbot: QtBot) -> None:
    axis = NumberAxis("bottom")
    for most in (1, 2, 3, 400):
        assert all(spacing >= 1 for spacing, _ in axis.tickSpacing(0, most, 400))
