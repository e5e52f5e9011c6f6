"""What becomes of updates that no honest worker sends, submitted by a student's own client."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import Refused
from gan_desktop.records import RunStatus, UnitDelivered, Update, WorkerState, WorkUnit
from gan_desktop.training.device import choose_device
from gan_desktop.training.networks import network_fingerprint, tensor_shapes
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.hardware import read_hardware
from gan_desktop.worker.limits import Pace
from gan_desktop.worker.studio import Studio
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import Recorder, running, wait_until

pytestmark = pytest.mark.slow

# Every update's check figures are computed again.
CONFIG = replace(SHORT_UNITS, first_unit_images=32, min_unit_images=32, max_unit_images=32, audit_share=1.0)
NETWORK, SHAPES = network_fingerprint(CONFIG), tensor_shapes(CONFIG)
NAN_FP32 = b"\x00\x00\xc0\x7f"


class Student:
    """Somebody with a login of the class and a client of his own."""

    def __init__(self, held: Lesson) -> None:
        self.address = held.add_student()
        self.device_id = str(uuid.uuid4())
        self._connection = Connection(self.address)
        self.queue = WorkQueue(self._connection, str(uuid.uuid4()))
        hardware = read_hardware(choose_device("cpu"))
        self.worker_id = self.queue.register(self.device_id, "A name", hardware)
        self._downloads = Downloads(self._connection)
        run = self.queue.current_run()
        assert run is not None
        cache = ShardCache(held.folder / "client" / "shards", 10**9)
        shards = self._downloads.shards(run.dataset_id)
        self._studio = Studio(run, shards, cache, choose_device("cpu"), 32, lambda _words: None)

    def close(self) -> None:
        self._connection.close()

    def claim(self) -> WorkUnit:
        unit = self.queue.claim(self.worker_id, []).unit
        assert unit is not None
        return unit

    def honest_update(self) -> Update:
        """Claim a unit and compute it."""
        unit = self.claim()
        weights = self._downloads.newest_weights(unit.run_id)
        assert weights is not None
        self._studio.start_from(weights)
        outcome = self._studio.train(
            unit,
            self._studio.images(unit, self._downloads.shard),
            should_stop=lambda: False,
            on_step=lambda _figures: None,
            rest=lambda _seconds: None,
            pace=lambda: Pace.FULL,
        )
        return self._studio.pack(unit, outcome)

    def be_seen_computing(self, unit_id: int) -> None:
        """A sign of life: from now on the coordinator waits for him."""
        self.queue.heartbeat(self.worker_id, WorkerState.COMPUTING, {}, [unit_id], 0, None)


@pytest.fixture(scope="module")
def held(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class with a coordinator, a program of its own."""
    with lesson(server.address, tmp_path_factory.mktemp("strict"), CONFIG) as held:
        held.start_coordinator()
        held.await_training()
        yield held


@pytest.fixture
def new_student(held: Lesson) -> Iterator[Callable[[], Student]]:
    students: list[Student] = []

    def make() -> Student:
        students.append(Student(held))
        return students[-1]

    yield make
    for student in students:
        with contextlib.suppress(Refused):  # a program has gone on in his place
            student.queue.leave(student.worker_id)
        student.close()


def with_payload(update: Update, payload: bytes) -> Update:
    """The update with other bytes, under their right checksum."""
    return replace(update, payload=payload, sha256=hashlib.sha256(payload).hexdigest())


def truncated(update: Update) -> Update:
    return with_payload(update, update.payload[: len(update.payload) // 2])


def pickled(update: Update) -> Update:
    return with_payload(update, pickle.dumps({"generator.project.weight": [1.0, 2.0]}))


def of_another_network(update: Update) -> Update:
    smaller = replace(CONFIG, feature_maps=4)
    tensors = {name: torch.ones(shape) for name, shape in tensor_shapes(smaller).items()}
    info = PayloadInfo("weight_change", update.run_id, update.iteration, "int8", network_fingerprint(smaller))
    return with_payload(update, encode(tensors, info, seed=1))


def not_finite(update: Update) -> Update:
    """One value of a small tensor, which travels as fp32, is no number."""
    start = 8 + int.from_bytes(update.payload[:8], "little")
    header = json.loads(update.payload[8:start])
    at = start + min(e["data_offsets"][0] for e in header.values() if e.get("dtype") == "F32")
    return with_payload(update, update.payload[:at] + NAN_FP32 + update.payload[at + 4 :])


def multiplied(update: Update, factor: float) -> Update:
    tensors = decode(update.payload, shapes=SHAPES, network=NETWORK)
    info = PayloadInfo("weight_change", update.run_id, update.iteration, update.codec, NETWORK)
    payload = encode({name: tensor * factor for name, tensor in tensors.items()}, info, seed=1)
    return with_payload(update, payload)


def of_zeros(update: Update) -> Update:
    return multiplied(update, 0.0)


def huge(update: Update) -> Update:
    return multiplied(update, 1e6)


def with_forged_figures(update: Update) -> Update:
    check = update.result.check
    return replace(update, result=replace(update.result, check=replace(check, loss_d=1.5 * check.loss_d)))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncated, "truncated or damaged"),
        (pickled, "truncated, or no payload at all"),
        (of_another_network, "belongs to another network"),
        (not_finite, "not a (finite|usable) number"),
        (of_zeros, "changes nothing"),
        (huge, "larger than its number of steps allows"),
        (with_forged_figures, "check figures are not those of the weights and pictures"),
    ],
)
def test_a_bad_update_is_refused_in_plain_words_and_the_training_goes_on(
    held: Lesson, new_student: Callable[[], Student], spoil: Callable[[Update], Update], words: str
) -> None:
    student = new_student()
    bad = spoil(student.honest_update())
    student.queue.submit(bad)
    refused = decided(held, bad)
    assert refused.status == "not_counted"
    assert re.search(words, refused.reason), refused.reason
    [coordinator] = held.programs
    coordinator.await_line(f"of worker {student.worker_id} does not count: {refused.reason}")
    assert (held.worker_of(student.address.user).num_strikes, credited(held, student)) == (1, 0)

    # The coordinator lives, and an honest update ends the series of strikes.
    honest = student.honest_update()
    student.queue.submit(honest)
    assert decided(held, honest).status == "counted"
    assert (held.worker_of(student.address.user).num_strikes, credited(held, student)) == (0, 32)
    held.assert_nothing_lost_or_counted_twice()


def test_a_copy_of_another_accounts_update_is_refused_and_the_original_counts(
    held: Lesson, new_student: Callable[[], Student]
) -> None:
    author, copyist = new_student(), new_student()
    original, other = author.honest_update(), copyist.claim()
    copy = replace(
        original, unit_id=other.unit_id, lease_token=other.lease_token, iteration=original.iteration
    )
    # Both are waited for, so both are in one round.
    author.be_seen_computing(original.unit_id)
    copyist.be_seen_computing(other.unit_id)
    author.queue.submit(original)
    copyist.queue.submit(copy)
    assert decided(held, original).status == "counted"
    refused = decided(held, copy)
    assert refused.status == "not_counted"
    # Whichever check is asked first: his figures are those of another unit's pictures.
    assert re.search("copy of another account's update|check figures are not those", refused.reason)
    assert credited(held, copyist) == 0


def test_of_two_equal_updates_that_came_late_one_is_credited(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with lesson(server.address, tmp_path, CONFIG) as held:
        with held.coordinating():
            author, copyist = Student(held), Student(held)
            original, other = author.honest_update(), copyist.claim()
        author.queue.submit(original)
        copyist.queue.submit(replace(original, unit_id=other.unit_id, lease_token=other.lease_token))
        held.set_status(RunStatus.COMPLETE)
        coordinator = held.make_coordinator(Recorder(), held.run_id)
        with running(coordinator.run, coordinator.stop):
            assert decided(held, original).status == "late"
            copy = held.update_of(other.unit_id)
        assert (copy.status, "copy" in copy.reason) == ("not_counted", True)
        assert (credited(held, author), credited(held, copyist)) == (32, 0)
        for student in (author, copyist):
            student.close()


def test_three_bad_updates_put_a_worker_on_hold_until_the_instructor_releases_it(
    held: Lesson, new_student: Callable[[], Student]
) -> None:
    student = new_student()
    for _ in range(3):
        bad = truncated(student.honest_update())
        student.queue.submit(bad)
        assert decided(held, bad).status == "not_counted"
    assert student.queue.claim(student.worker_id, []).waiting is WorkerState.WAITING_ON_HOLD
    [event] = held.query("SELECT message FROM gan.events WHERE kind = 'on_hold'")
    assert "On hold after three updates in a row that could not count" in event.message

    # The worker program itself is told, and goes on after the release.
    with worker_thread(held, student.address, device_id=student.device_id) as (_, recorder):
        wait_until(lambda: recorder.state is WorkerState.WAITING_ON_HOLD, "the worker on hold")
        assert not recorder.of(UnitDelivered)
        with Connection(held.coordinator) as connection:
            Accounts(connection).release(student.worker_id)
        wait_until(lambda: recorder.of(UnitDelivered), "a unit after the release")


def decided(held: Lesson, update: Update) -> Any:
    """The row of an update once the coordinator has decided about it."""
    held.wait_until(lambda: held.update_of(update.unit_id).status != "handed_in", "the decision")
    return held.update_of(update.unit_id)


def credited(held: Lesson, student: Student) -> int:
    return int(held.worker_of(student.address.user).total_images)
