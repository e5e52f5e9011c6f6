from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import pytest

from gan_desktop.database.work_queue import Directives
from gan_desktop.records import (
    Notice,
    Report,
    RunStatus,
    ShardRange,
    StateChanged,
    UnitDropped,
    WorkerState,
    WorkUnit,
)
from gan_desktop.worker.link import FAST_BELOW, SLOW_ABOVE, Link
from gan_desktop.worker.status import Status

NEWS = Directives(1, RunStatus.RUNNING, 5, 0.5, (), False)


@dataclass
class Recorder:
    reports: list[Report] = field(default_factory=list)

    def report(self, report: Report) -> None:
        self.reports.append(report)


def unit(number: int, lease_seconds: float = 60.0) -> WorkUnit:
    ranges = (ShardRange(1, 0, 0, 320),)
    return WorkUnit(number, 1, 5, 0, 1, ranges, 320, "token", lease_seconds, 60.0)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def status(recorder: Recorder) -> Status:
    return Status(recorder)


def test_the_unit_in_work_leads_the_pulse_whatever_was_claimed_first(status: Status) -> None:
    for number in (41, 42, 43):
        status.hold(unit(number))
    status.progress(unit(42), 64, 2.0, is_last=False)
    assert status.pulse().unit_ids == (42, 41, 43)
    assert status.pulse().images_done == 64


def test_a_prefetched_unit_does_not_inherit_the_progress_of_the_one_before(status: Status) -> None:
    status.hold(unit(42))
    status.hold(unit(43))
    status.progress(unit(42), 320, 2.0, is_last=False)
    status.let_go(42)
    assert (status.pulse().unit_ids, status.pulse().images_done) == ((43,), 0)


def test_the_pulse_knows_the_shortest_lease(status: Status) -> None:
    assert status.pulse().lease_seconds is None
    status.hold(unit(42, lease_seconds=60.0))
    status.hold(unit(43, lease_seconds=9.0))
    assert status.pulse().lease_seconds == 9.0


def test_a_unit_that_the_class_took_away_is_held_no_more_and_that_is_news(status: Status) -> None:
    status.hear(NEWS)
    status.wait_for_news(0.0)
    status.hold(unit(42))
    status.hear(replace(NEWS, lost_units=(42,)))
    assert not status.is_held(42)
    assert is_woken(status)


@pytest.mark.parametrize(
    "change",
    [{"iteration": 6}, {"run_status": RunStatus.PAUSED}, {"run_id": 2}, {"is_on_hold": True}],
)
def test_a_change_in_the_class_ends_a_wait(status: Status, change: dict[str, object]) -> None:
    status.hear(NEWS)
    status.wait_for_news(0.0)
    status.hear(replace(NEWS, **change))  # type: ignore[arg-type]
    assert is_woken(status)


def test_nothing_new_does_not_end_a_wait(status: Status) -> None:
    status.hear(NEWS)
    status.wait_for_news(0.0)
    status.hear(replace(NEWS, coordinator_silent_s=1.5))
    assert not is_woken(status)


def is_woken(status: Status) -> bool:
    """Whether a wait of minutes is over at once."""
    waiting = threading.Thread(target=status.wait_for_news, args=(300.0,), daemon=True)
    waiting.start()
    waiting.join(0.2)
    was_over = not waiting.is_alive()
    status.wake()
    waiting.join()
    return was_over


def test_messages_from_the_instructor_are_shown_and_not_asked_for_again(recorder: Recorder) -> None:
    remembered: list[int] = []
    status = Status(recorder, 5, remembered.append)
    assert status.pulse().last_message == 5
    status.hear(replace(NEWS, messages=((6, "Five minutes left."), (7, "Two minutes left."))))
    texts = [report.text for report in recorder.reports if isinstance(report, Notice)]
    assert texts == [f"Message from your instructor: {n} minutes left." for n in ("Five", "Two")]
    assert remembered == [6, 7]
    assert status.pulse().last_message == 7


def test_the_same_state_is_reported_once_and_new_figures_again(status: Status, recorder: Recorder) -> None:
    status.change(WorkerState.CLAIMING)
    status.change(WorkerState.CLAIMING)
    status.progress(unit(42), 0, 0.0, is_last=False)
    status.progress(unit(42), 160, 4.0, is_last=False)
    states = [report for report in recorder.reports if isinstance(report, StateChanged)]
    assert [report.state for report in states] == [
        WorkerState.CLAIMING,
        WorkerState.COMPUTING,
        WorkerState.COMPUTING,
    ]
    assert [report.detail.get("seconds_left") for report in states] == [None, None, 4]


def test_the_time_left_is_not_guessed_from_the_first_slow_batches(status: Status, recorder: Recorder) -> None:
    status.progress(unit(42), 16, 1.0, is_last=False)
    status.progress(unit(42), 160, 4.0, is_last=False)
    states = [report for report in recorder.reports if isinstance(report, StateChanged)]
    assert [report.detail["seconds_left"] for report in states] == [None, 4]


def test_the_last_unit_before_a_stop_is_being_finished(status: Status) -> None:
    status.progress(unit(42), 16, 1.0, is_last=True)
    assert status.state is WorkerState.FINISHING


def test_why_a_unit_did_not_count_travels_with_the_pulse_until_the_next_one_counts(
    status: Status, recorder: Recorder
) -> None:
    status.drop(42, "The update was damaged on its way here.")
    assert recorder.reports == [UnitDropped(42, "The update was damaged on its way here.")]
    assert status.pulse().error == "The update was damaged on its way here."
    status.forget_error()
    assert status.pulse().error is None


def test_a_run_we_have_not_heard_of_is_in_no_state(status: Status) -> None:
    assert not status.run_is(1, *RunStatus)
    assert status.newest_iteration(1) == -1
    status.hear(NEWS)
    assert status.run_is(1, RunStatus.RUNNING)
    assert not status.run_is(2, *RunStatus)
    assert (status.newest_iteration(1), status.newest_iteration(2)) == (5, -1)


def test_a_link_is_slow_above_one_bound_and_fast_again_only_below_the_other() -> None:
    link = Link()
    told = []
    for transfers in (0.09, 0.11, 0.07, 0.04, 0.07):
        link.carried(transfers / 2)
        link.carried(transfers / 2)
        link.judge(1.0 - transfers)
        told.append(link.is_slow)
    assert FAST_BELOW < 0.07 < SLOW_ABOVE
    assert told == [False, True, True, False, False]
