from __future__ import annotations

import re

import pytest

from gan_desktop.records import ReadyCheck, WorkerState
from gan_desktop.sentences import sentence, speed_sentence

DETAIL = {
    "unit_id": 42,
    "num_done": 1216,
    "num_images": 2048,
    "seconds_left": 70,
    "num_bytes_done": 2_100_000,
    "num_bytes": 6_300_000,
    "seconds": 12,
    "coordinator_silent_s": 600.0,
    "percent": 38,
    "temperature_c": 85,
    "goes_on_below_c": 78,
    "until": "20:00",
    "program": "Zoom",
    "needed_gb": 1.44,
    "allowed_gb": 1.0,
}
# The words of the machine room that no student should have to learn.
NEVER = r"\b(lease|shard|payload|blob|coordinator|quarantine|epoch|slice|gate|norm)\b"


@pytest.mark.parametrize("state", [state for state in WorkerState if state is not WorkerState.PAUSED])
def test_every_state_has_a_sentence_in_a_students_words(state: WorkerState) -> None:
    words = sentence(state, DETAIL)
    assert words.endswith((".", "..."))
    assert not re.search(NEVER, words)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (WorkerState.LOADING, "Getting pictures to learn from: 2.1 of 6.3 MB."),
        (WorkerState.COMPUTING, "Learning from unit 42: 1,216 of 2,048 images, 1 to 2 min left."),
        (WorkerState.UPLOADING, "Handing in unit 42: 2.1 of 6.3 MB."),
        (WorkerState.PAUSED_BATTERY, "Paused: on battery, 38%. Goes on when plugged in."),
        (WorkerState.PAUSED_HOT, "Cooling down: graphics card at 85 °C, goes on below 78 °C."),
        (WorkerState.PAUSED_HOURS, "Paused: until 20:00, as set by you."),
        (WorkerState.PAUSED_IN_USE, "Paused: you are using this computer."),
        (WorkerState.PAUSED_METERED, "Paused: this connection is metered."),
        (WorkerState.PAUSED_PROGRAM, "Paused: while Zoom is running, as set by you."),
        (WorkerState.PAUSED_MEMORY, "Paused: this needs 1.4 GB of memory, and you allow 1.0 GB."),
        (WorkerState.WAITING_NONE_FREE, "All units are taken. The next ones come in about 12 seconds."),
    ],
)
def test_states_read_as_decided(state: WorkerState, words: str) -> None:
    assert sentence(state, DETAIL) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "measuring the time left"), (59, "less than a minute left"), (5_399, "89 to 90 min left")],
)
def test_time_left_is_a_range(seconds: int | None, words: str) -> None:
    assert sentence(WorkerState.COMPUTING, {**DETAIL, "seconds_left": seconds}).endswith(f" images, {words}.")


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({}, "Paused. What was done is handed in."),
        (
            {"until": "2026-11-20T15:30", "minutes_left": 24},
            "Paused until 15:30 (24 min left). What was done is handed in.",
        ),
        (
            {"until": "2026-11-21T06:00", "minutes_left": 600},
            "Paused until tomorrow 6:00 (10 h left). What was done is handed in.",
        ),
        (
            {"given_back": 42},
            "Paused. Too little of unit 42 was done to be worth sending: it went back, and nothing was sent.",
        ),
    ],
)
def test_a_pause_tells_its_end_and_what_became_of_the_unit(detail: dict[str, object], words: str) -> None:
    assert sentence(WorkerState.PAUSED, detail) == words


@pytest.mark.parametrize(
    ("num_units", "words"), [(0, "Your units are"), (1, "Your unit is"), (1234, "Your 1,234 units are")]
)
def test_a_stop_tells_what_is_safe(num_units: int, words: str) -> None:
    assert sentence(WorkerState.STOPPED, {"total_units": num_units}) == (
        f"Stopped. {words} safe. Press Start contributing when you like."
    )


def test_a_complete_training_tells_what_is_known_of_it() -> None:
    known = {"iteration": 412, "num_people": 30, "num_images": 296_960}
    assert sentence(WorkerState.COMPLETE, known) == (
        "The training is complete: 412 iterations by 30 people. You trained 296,960 images."
    )
    assert sentence(WorkerState.COMPLETE, {}) == "The training is complete."


def test_the_main_computers_absence_has_a_time_today_and_a_length_later() -> None:
    away = {"coordinator_silent_s": 600, "since": "2026-11-20T22:14"}
    assert "has been off since 22:14." in sentence(WorkerState.WAITING_COORDINATOR_AWAY, away)
    for_days = {**away, "coordinator_silent_s": 200_000}
    assert "has been off for about 2 days." in sentence(WorkerState.WAITING_COORDINATOR_AWAY, for_days)


def test_a_class_whose_name_is_known_is_named_while_joining() -> None:
    assert sentence(WorkerState.JOINING, {"title": "Vision 2026"}) == 'Connecting to "Vision 2026" ...'


def test_trouble_names_its_reason_and_a_finished_unit_only_where_there_is_one() -> None:
    trouble = {"reason": "There is no way to db.example from this network.", "seconds": 18}
    assert sentence(WorkerState.RETRYING, {**trouble, "num_waiting": 1}) == (
        "No connection to the class. Your finished unit is kept here."
        " There is no way to db.example from this network. Next try in 18 s."
    )
    assert "kept" not in sentence(WorkerState.RETRYING, {**trouble, "num_waiting": 0})


def test_the_speed_names_the_threads_that_were_slower() -> None:
    check = ReadyCheck("CPU", "", 1, {1: 751.8, 2: 14.5, 3: 4.04}, 20.0, 24.0, None, 751.8, 340.2, 213.4)
    assert speed_sentence(check) == (
        "With 1 thread it learns from 752 images a second (2 threads: 14, 3 threads: 4.0): about 340 units"
        " and 213 MB an hour."
    )
