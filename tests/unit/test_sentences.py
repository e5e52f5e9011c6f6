from __future__ import annotations

import re

import pytest

from gan_desktop.records import WorkerState
from gan_desktop.sentences import sentence

DETAIL = {
    "unit_id": 42,
    "num_done": 1216,
    "num_images": 2048,
    "seconds_left": 130,
    "num_bytes": 2_100_000,
    "seconds": 12,
    "coordinator_silent_s": 600.0,
}
# The words of the machine room that no student should have to learn.
NEVER = r"\b(lease|shard|payload|blob|coordinator|quarantine|epoch|slice|gate|norm)\b"


@pytest.mark.parametrize("state", WorkerState)
def test_every_state_has_a_sentence_in_a_students_words(state: WorkerState) -> None:
    words = sentence(state, DETAIL)
    assert words.endswith((".", "..."))
    assert not re.search(NEVER, words)


def test_computing_tells_images_and_time_left() -> None:
    words = sentence(WorkerState.COMPUTING, DETAIL)
    assert words == "Learning from unit 42: 1,216 of 2,048 images, about 2 min left."


def test_first_seconds_of_a_unit_measure_the_time() -> None:
    words = sentence(WorkerState.COMPUTING, {**DETAIL, "seconds_left": None})
    assert words == "Learning from unit 42: 1,216 of 2,048 images, measuring the time left."


def test_trouble_names_its_reason_and_a_finished_unit_only_where_there_is_one() -> None:
    trouble = {"reason": "There is no way to db.example from this network.", "seconds": 18}
    assert sentence(WorkerState.RETRYING, {**trouble, "num_waiting": 1}) == (
        "No connection to the class. Your finished unit is kept here."
        " There is no way to db.example from this network. Next try in 18 s."
    )
    assert "kept" not in sentence(WorkerState.RETRYING, {**trouble, "num_waiting": 0})
