"""Every way a worker stops, waits and goes on again, on the real database: state, sentence, what is left."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import ConnectionFailed
from gan_desktop.records import (
    Joined,
    Notice,
    ReadyCheck,
    RunStatus,
    StateChanged,
    StopRequest,
    UnitDelivered,
    UnitProgress,
    UnitStarted,
    WorkerState,
)
from gan_desktop.worker import loop
from gan_desktop.worker.limits import NO_LIMITS, Conditions, Limits, Pace
from gan_desktop.worker.options import AtCompletion
from gan_desktop.worker.status import ON_HOLD
from gan_desktop.worker.traffic import Traffic
from gan_desktop.worker.transfers import Transfers
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import Recorder, running, wait_until

pytestmark = pytest.mark.slow

CALM = Conditions(time_of_day=time(12))
STRICT = Limits(
    hours=(time(8), time(20)), only_when_idle_s=60, not_while_running=frozenset({"zoom"}), max_memory_gb=8.0
)


@dataclass
class Computer:
    """A computer whose conditions a test decides."""

    now: Conditions = CALM

    def read(self, limits: Limits) -> Conditions:
        return self.now

    def become(self, **conditions: Any) -> None:
        self.now = replace(CALM, **conditions)


@pytest.fixture
def computer() -> Computer:
    return Computer()


@pytest.fixture(scope="module")
def long_units(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class whose units take seconds, with its coordinator."""
    folder = tmp_path_factory.mktemp("long-units")
    with lesson(server.address, folder, LONG_UNITS, num_faces=1_000) as held, held.coordinating():
        yield held


@pytest.fixture(scope="module")
def short_units(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class whose units take tenths of a second, with its coordinator."""
    folder = tmp_path_factory.mktemp("short-units")
    with lesson(server.address, folder, SHORT_UNITS) as held, held.coordinating():
        yield held


def await_state(recorder: Recorder, state: WorkerState) -> None:
    wait_until(lambda: recorder.state is state, f"state {state}")


def await_another_unit(recorder: Recorder) -> None:
    num_started = len(recorder.of(UnitStarted))
    wait_until(lambda: len(recorder.of(UnitStarted)) > num_started, "another unit")


def await_a_fifth_of_the_unit(recorder: Recorder) -> None:
    def is_there() -> bool:
        progress, started = recorder.of(UnitProgress), recorder.of(UnitStarted)
        return bool(
            progress
            and progress[-1].unit_id == started[-1].unit.unit_id
            and progress[-1].num_images_done >= 128
        )

    wait_until(is_there, "a fifth of the unit")


# -- its owner's limits ----------------------------------------------------------------------------


def test_on_battery_what_is_done_is_handed_in_and_contribute_anyway_goes_on_until_twenty_percent(
    long_units: Lesson, computer: Computer
) -> None:
    with worker_thread(long_units, read_conditions=computer.read) as (worker, recorder):
        await_a_fifth_of_the_unit(recorder)
        computer.become(battery_percent=38.4)
        await_state(recorder, WorkerState.PAUSED_BATTERY)
        assert recorder.sentence == "Paused: on battery, 38%. Goes on when plugged in."
        [delivered] = recorder.of(UnitDelivered)
        assert delivered.result.stopped_early
        assert holds_nothing(long_units, recorder)
        assert state_in_the_class(long_units, recorder, "paused_battery")

        worker.override_limits()
        await_another_unit(recorder)
        computer.become(battery_percent=20.0)
        await_state(recorder, WorkerState.PAUSED_BATTERY)
        computer.become()
        await_another_unit(recorder)


def test_heat_stops_the_work_until_the_card_is_seven_degrees_cooler(
    short_units: Lesson, computer: Computer
) -> None:
    with worker_thread(short_units, read_conditions=computer.read) as (_, recorder):
        await_another_unit(recorder)
        computer.become(gpu_temperature_c=85.0)
        await_state(recorder, WorkerState.PAUSED_HOT)
        assert recorder.sentence == "Cooling down: graphics card at 85 °C, goes on below 78 °C."
        computer.become(gpu_temperature_c=79.0)
        wait_until(lambda: "at 79 °C" in recorder.sentence, "the new temperature")
        assert recorder.state is WorkerState.PAUSED_HOT
        computer.become(gpu_temperature_c=77.0)
        await_another_unit(recorder)


def test_each_limit_pauses_with_its_sentence_and_the_work_goes_on_afterwards(
    short_units: Lesson, computer: Computer
) -> None:
    reasons: list[tuple[dict[str, Any], WorkerState, str]] = [
        ({"time_of_day": time(7)}, WorkerState.PAUSED_HOURS, "Paused: until 08:00, as set by you."),
        ({"idle_s": 3.0}, WorkerState.PAUSED_IN_USE, "Paused: you are using this computer."),
        (
            {"running": frozenset({"Zoom"})},
            WorkerState.PAUSED_PROGRAM,
            "Paused: while Zoom is running, as set by you.",
        ),
        ({"is_metered": True}, WorkerState.PAUSED_METERED, "Paused: this connection is metered."),
    ]
    with worker_thread(short_units, read_conditions=computer.read, limits=STRICT) as (_, recorder):
        for conditions, state, words in reasons:
            await_another_unit(recorder)
            computer.become(**conditions)
            await_state(recorder, state)
            assert recorder.sentence == words
            computer.become()
        await_another_unit(recorder)


def test_a_program_that_needs_too_much_memory_pauses_until_more_is_allowed(
    short_units: Lesson, computer: Computer
) -> None:
    with worker_thread(short_units, read_conditions=computer.read, limits=STRICT) as (worker, recorder):
        computer.become(memory_gb=9.0)
        await_state(recorder, WorkerState.PAUSED_MEMORY)
        assert recorder.sentence == "Paused: this needs 9.0 GB of memory, and you allow 8.0 GB."
        worker.set_limits(replace(STRICT, max_memory_gb=16.0))
        await_another_unit(recorder)


def test_limits_and_pace_change_while_it_works(long_units: Lesson, computer: Computer) -> None:
    with worker_thread(long_units, read_conditions=computer.read) as (worker, recorder):
        await_a_fifth_of_the_unit(recorder)
        computer.become(is_metered=True)
        await_state(recorder, WorkerState.PAUSED_METERED)
        worker.set_limits(replace(NO_LIMITS, pace=Pace.QUIET))
        wait_until(lambda: len(recorder.of(UnitDelivered)) == 2, "a unit at a quiet pace")
        unhurried = recorder.of(UnitDelivered)[1]
        # Computing took at most two fifths of the time.
        assert unhurried.seconds > 2 * unhurried.result.compute_seconds


# -- its owner's word -------------------------------------------------------------------------------


def test_a_pause_until_a_time_tells_it_and_ends_by_itself(short_units: Lesson) -> None:
    with worker_thread(short_units) as (worker, recorder):
        await_another_unit(recorder)
        until = datetime.now() + timedelta(minutes=24)
        worker.pause(until)
        await_state(recorder, WorkerState.PAUSED)
        assert recorder.sentence.startswith("Paused until ")
        assert recorder.sentence.endswith("(24 min left). What was done is handed in.")
        worker.pause(datetime.now() + timedelta(seconds=1))
        await_another_unit(recorder)


def test_whoever_changes_his_mind_while_it_finishes_lets_it_go_on(long_units: Lesson) -> None:
    # Slow enough that the unit does not end before he has changed it.
    with worker_thread(long_units, limits=replace(NO_LIMITS, pace=Pace.QUIET)) as (worker, recorder):
        await_a_fifth_of_the_unit(recorder)
        worker.request_stop(StopRequest.FINISH_UNIT)
        await_state(recorder, WorkerState.FINISHING)
        worker.keep_going()
        await_state(recorder, WorkerState.COMPUTING)
        await_another_unit(recorder)


def test_at_the_time_it_was_given_it_finishes_its_unit_and_ends(long_units: Lesson) -> None:
    with worker_thread(long_units, until=datetime.now() + timedelta(seconds=3)) as (_, recorder):
        await_state(recorder, WorkerState.STOPPED)
    assert any("finishes the unit in work" in notice.text for notice in recorder.of(Notice))
    delivered = recorder.of(UnitDelivered)
    assert len(delivered) == len(recorder.of(UnitStarted)) >= 1
    assert not any(report.result.stopped_early for report in delivered)


# -- the class's word -------------------------------------------------------------------------------


def test_the_instructors_pause_is_waited_out(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with (
        lesson(server.address, tmp_path) as held,
        held.coordinating(),
        worker_thread(held) as (_, recorder),
    ):
        await_another_unit(recorder)
        held.set_status(RunStatus.PAUSED)
        await_state(recorder, WorkerState.WAITING_PAUSED)
        assert recorder.sentence == "Your instructor has paused the training. Nothing to do for you."
        held.set_status(RunStatus.RUNNING)
        await_another_unit(recorder)


def test_a_worker_on_hold_waits_for_its_release(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with (
        lesson(server.address, tmp_path) as held,
        held.coordinating(),
        worker_thread(held) as (_, recorder),
    ):
        await_another_unit(recorder)
        held.superuser.execute("UPDATE gan.worker_totals SET on_hold_reason = 'far too large'")
        await_state(recorder, WorkerState.WAITING_ON_HOLD)
        held.superuser.execute("UPDATE gan.worker_totals SET on_hold_reason = NULL")
        await_another_unit(recorder)


def test_a_worker_put_on_hold_in_mid_unit_finishes_it_and_begins_no_other(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        lesson(server.address, tmp_path, LONG_UNITS, num_faces=1_000) as held,
        held.coordinating(),
        worker_thread(held) as (_, recorder),
    ):
        wait_until(lambda: recorder.state is WorkerState.COMPUTING, "a unit in work")
        held.superuser.execute("UPDATE gan.worker_totals SET on_hold_reason = 'far too large'")
        await_state(recorder, WorkerState.WAITING_ON_HOLD)
        told = recorder.reports.index(Notice(ON_HOLD))
        later = recorder.reports[told:]
        assert not [report for report in later if isinstance(report, UnitStarted)]
        assert [report for report in later if isinstance(report, UnitDelivered)]
        assert holds_nothing(held, recorder)


def test_the_main_computers_absence_is_told_with_its_time_and_ends_with_its_return(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with lesson(server.address, tmp_path) as held, worker_thread(held) as (_, recorder):
        await_state(recorder, WorkerState.WAITING_NO_TRAINING)
        with held.coordinating():
            await_another_unit(recorder)
        held.superuser.execute(
            "UPDATE gan.training_runs SET coordinator_seen_at = now() - interval '10 minutes'"
        )
        await_state(recorder, WorkerState.WAITING_COORDINATOR_AWAY)
        assert "The class's main computer has been off since " in recorder.sentence
        with held.coordinating():
            await_another_unit(recorder)


def test_when_the_training_is_complete_it_ends_with_what_was_done(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    config = replace(SHORT_UNITS, target_iterations=2)
    with lesson(server.address, tmp_path, config) as held, held.coordinating():
        with worker_thread(held) as (_, recorder):
            await_state(recorder, WorkerState.COMPLETE)
        assert "The training is complete: 2 iterations by 1 person. You trained " in recorder.sentence


def test_it_says_goodbye_even_where_asking_for_its_credit_fails(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Connection) -> dict[str, Any]:
        raise ZeroDivisionError("an error of the program")

    monkeypatch.setattr(loop, "_credit", fail)
    config = replace(SHORT_UNITS, target_iterations=1)
    with lesson(server.address, tmp_path, config) as held, held.coordinating():
        with pytest.raises(ZeroDivisionError), worker_thread(held) as (_, recorder):
            stopped = "SELECT 1 FROM gan.workers WHERE state = 'stopped'"
            wait_until(lambda: held.query(stopped), "the goodbye")
        assert recorder.of(UnitDelivered)


def test_one_that_is_to_end_with_its_training_does_not_wait_for_the_next(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    config = replace(SHORT_UNITS, target_iterations=1)
    with lesson(server.address, tmp_path, config) as held:
        held.add_run()
        with held.coordinating(), worker_thread(held, at_completion=AtCompletion.END) as (_, recorder):
            await_state(recorder, WorkerState.COMPLETE)


def test_one_that_comes_after_the_end_waits_for_the_next_training_and_ends_with_it(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    config = replace(SHORT_UNITS, target_iterations=1)
    with lesson(server.address, tmp_path, config) as held:
        with held.coordinating(), worker_thread(held) as (_, first):
            await_state(first, WorkerState.COMPLETE)
        with worker_thread(held, at_completion=AtCompletion.END_AFTER_WORK) as (_, recorder):
            await_state(recorder, WorkerState.COMPLETE)
            waits = "This computer waits here for the class's next training."
            wait_until(lambda: Notice(waits) in recorder.of(Notice), "word that it waits")
            run_id = held.add_run()
            following = held.make_coordinator(Recorder(), run_id)
            with running(following.run, following.stop):
                wait_until(lambda: bool(recorder.of(UnitDelivered)), "a unit of the next training")
                stopped = "SELECT 1 FROM gan.workers WHERE state = 'stopped'"
                wait_until(lambda: len(held.query(stopped)) == 2, "its end with that training")
        assert recorder.state is WorkerState.COMPLETE


def test_one_that_is_to_stay_works_in_the_next_training_too(server: EmbeddedPostgres, tmp_path: Path) -> None:
    config = replace(SHORT_UNITS, target_iterations=1)
    with (
        lesson(server.address, tmp_path, config) as held,
        worker_thread(held, at_completion=AtCompletion.WAIT) as (_, recorder),
    ):
        with held.coordinating():
            await_state(recorder, WorkerState.COMPLETE)
        run_id = held.add_run()
        following = held.make_coordinator(Recorder(), run_id)
        with running(following.run, following.stop):
            wait_until(
                lambda: run_id in {started.unit.run_id for started in recorder.of(UnitStarted)},
                "a unit of the next training",
            )
    assert len(recorder.of(ReadyCheck)) == 2


# -- transfers --------------------------------------------------------------------------------------


def test_a_slow_download_is_told_and_a_pause_ends_it(long_units: Lesson, computer: Computer) -> None:
    crawling = replace(NO_LIMITS, max_mbit_s=0.2)
    with worker_thread(long_units, read_conditions=computer.read, limits=crawling) as (worker, recorder):
        told = wait_until(lambda: loading(recorder), "bytes that have come")
        assert told[-1].detail["num_bytes_done"] < told[-1].detail["num_bytes"]
        assert recorder.sentence.startswith("Getting pictures to learn from: 0.")
        worker.pause()
        await_state(recorder, WorkerState.PAUSED)
        assert not recorder.of(UnitStarted)
        assert holds_nothing(long_units, recorder)
        worker.set_limits(NO_LIMITS)
        worker.resume()
        await_another_unit(recorder)


def loading(recorder: Recorder) -> list[StateChanged]:
    return [
        report
        for report in recorder.of(StateChanged)
        if report.state is WorkerState.LOADING and report.detail.get("num_bytes_done")
    ]


def test_a_slow_upload_is_told(short_units: Lesson, computer: Computer) -> None:
    with worker_thread(short_units, read_conditions=computer.read) as (worker, recorder):
        await_another_unit(recorder)
        worker.set_limits(replace(NO_LIMITS, max_mbit_s=0.5))

        def told() -> list[StateChanged]:
            return [
                report
                for report in recorder.of(StateChanged)
                if report.state is WorkerState.UPLOADING
                and 0 < report.detail["num_bytes_done"] < report.detail["num_bytes"]
            ]

        wait_until(told, "bytes that have gone")
        worker.set_limits(NO_LIMITS)


def test_try_now_does_not_wait_for_the_next_try() -> None:
    tries = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse_everybody() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                client.close()
                tries.release()

        refusing = threading.Thread(target=refuse_everybody, daemon=True)
        refusing.start()
        give_up = threading.Event()
        countdown: list[int] = []
        transfers = Transfers(
            Address("127.0.0.1", listener.getsockname()[1], "nowhere", "nobody", insecure=True),
            lambda _error, seconds: countdown.append(seconds),
            Traffic(lambda: False),
        )
        waiting = transfers.submit(lambda connection: connection.query("SELECT 1"), give_up)
        try:
            wait_until(lambda: countdown and countdown[-1] >= 3, "a pause of seconds")
            while tries.acquire(blocking=False):
                pass
            transfers.try_now()
            assert tries.acquire(timeout=2.0)
        finally:
            give_up.set()
            with pytest.raises(ConnectionFailed):
                waiting.result()
            transfers.close()
            listener.shutdown(socket.SHUT_RDWR)
    refusing.join()


# -- what is told of the computer -------------------------------------------------------------------


def test_speed_threads_and_readings_are_told_here_and_in_the_class(short_units: Lesson) -> None:
    with worker_thread(short_units) as (_, recorder):
        await_another_unit(recorder)
        [check] = recorder.of(ReadyCheck)
        [joined] = recorder.of(Joined)
        assert check.num_threads == 1 and check.images_per_second > 0
        assert "With 1 thread it learns from" in joined.device_reason
        assert joined.device_reason.startswith(check.device_reason)

        def readings() -> Any:
            [row] = short_units.query("SELECT readings FROM workers WHERE worker_id = %s", joined.worker_id)
            return row.readings

        known = wait_until(readings, "readings in the class's list of workers")
        assert known["memory_total_gb"] == pytest.approx(joined.hardware.ram_gb, abs=0.1)


def holds_nothing(held: Lesson, recorder: Recorder) -> bool:
    """Whether the worker's units are all handed in or given back, now or in a moment."""
    [joined] = recorder.of(Joined)
    held.wait_until(
        lambda: (
            not held.query(
                "SELECT 1 FROM gan.work_units WHERE status = 'in_progress' AND worker_id = %s",
                joined.worker_id,
            )
        ),
        "all units given back",
    )
    return True


def state_in_the_class(held: Lesson, recorder: Recorder, state: str) -> bool:
    [joined] = recorder.of(Joined)
    held.wait_until(
        lambda: held.query(
            "SELECT 1 FROM workers WHERE worker_id = %s AND state = %s", joined.worker_id, state
        ),
        f"{state} in the class's list",
    )
    return True
