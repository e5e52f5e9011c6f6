"""Each image once in every epoch: whoever claims, vanishes, comes back, or hands in a part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gan_desktop.database.address import Address
from gan_desktop.database.schema import NewClass
from gan_desktop.errors import LeaseLost
from gan_desktop.records import Update, WorkerState, WorkUnit
from tests.integration.classroom import CONFIG, Classroom, Training, Worker, counted, finished, late, refused
from tests.integration.conftest import empty_class

Position = tuple[int, int, int]  # shard, epoch, place in the shard's permutation


def positions(ranges: Sequence[Any]) -> Counter[Position]:
    """How often each position occurs in the column `ranges` of some units."""
    return Counter(
        (part["shard_id"], part["epoch"], position)
        for part in ranges
        for position in range(part["first"], part["first"] + part["count"])
    )


def given_out(classroom: Classroom, training: Training) -> set[Position]:
    """The positions that the cursors have passed."""
    return {
        (row.shard_id, epoch, position)
        for row in classroom.superuser.query(
            "SELECT shard_id, epoch, num_images, next_position FROM gan.epoch_cursors WHERE run_id = %s",
            [training.run_id],
        )
        for epoch in range(row.epoch + 1)
        for position in range(row.num_images if epoch < row.epoch else row.next_position)
    }


def require_each_position_once(classroom: Classroom, training: Training) -> None:
    """Whatever was given out is in exactly one unit, waiting, in work or done; nothing else is."""
    units = training.units()
    assert all(row.num_images == sum(part["count"] for part in row.ranges) for row in units)
    held = positions([part for row in units for part in row.ranges])
    assert not [position for position, times in held.items() if times > 1]
    assert set(held) == given_out(classroom, training)


# -- one after the other, in every order ---------------------------------------------------------


@dataclass
class Lease:
    """What the model knows of a unit that was given out."""

    worker: int
    unit: WorkUnit
    is_expired: bool = False
    is_over_for_good: bool = False


@dataclass
class Model:
    """What must be true: who holds what, and what was handed in but not yet decided or credited."""

    held: dict[int, Lease] = field(default_factory=dict)
    handed_in: dict[int, tuple[int, int]] = field(default_factory=dict)
    credit: Counter[int] = field(default_factory=Counter)


class Queue(RuleBasedStateMachine):
    """Three computers of two people against the real database."""

    shared_class: tuple[Address, NewClass]

    def __init__(self) -> None:
        super().__init__()
        self.classroom = Classroom(*self.shared_class)
        self.training = self.classroom.start_training([18, 37, 16])
        ana, ben = self.classroom.add_student("Ana"), self.classroom.add_student("Ben")
        self.workers = [self.classroom.add_worker(login) for login in (ana, ana, ben)]
        self.past: list[tuple[int, WorkUnit]] = []
        self.model = Model()

    def teardown(self) -> None:
        self.classroom.close()
        empty_class(self.shared_class[0])

    def unit_of(self, data: st.DataObject) -> tuple[int, WorkUnit, bool]:
        """Some lease of the past: whose it was, and whether it is still in force."""
        worker, unit = data.draw(st.sampled_from(self.past))
        lease = self.model.held.get(unit.unit_id)
        return worker, unit, lease is not None and lease.unit.lease_token == unit.lease_token

    @rule(worker=st.integers(0, 2), cached=st.sets(st.integers(1, 3)))
    def claim(self, worker: int, cached: set[int]) -> None:
        open_leases = [x for x in self.model.held.values() if x.worker == worker and not x.is_expired]
        waiting = [row.id for row in self.training.units() if row.status == "pending"]
        # Its own unit, which it may be computing, is not offered to a worker as long as a heartbeat
        # can renew the lease.
        waiting += [
            unit_id
            for unit_id, lease in self.model.held.items()
            if lease.is_expired and (lease.worker != worker or lease.is_over_for_good)
        ]

        claim = self.workers[worker].queue.claim(self.workers[worker].worker_id, sorted(cached))

        if len(open_leases) >= 2:
            assert claim.waiting == WorkerState.WAITING_NONE_FREE
            return
        assert claim.unit is not None
        if waiting:
            assert claim.unit.unit_id == min(waiting)
        assert claim.unit.lease_token not in {unit.lease_token for _, unit in self.past}
        assert claim.unit.num_images <= CONFIG.max_unit_images + CONFIG.step_batch
        self.model.held[claim.unit.unit_id] = Lease(worker, claim.unit)
        self.past.append((worker, claim.unit))

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        worker, unit, in_force = self.unit_of(data)
        assert self.workers[worker].queue.release(unit) == in_force
        if in_force:
            del self.model.held[unit.unit_id]

    @precondition(lambda self: self.model.held)
    @rule(data=st.data(), for_good=st.booleans())
    def expire(self, data: st.DataObject, for_good: bool) -> None:
        lease = self.model.held[data.draw(st.sampled_from(sorted(self.model.held)))]
        lease.is_expired = True
        if for_good:
            lease.is_over_for_good = True
            self.classroom.let_lease_end_for_good(lease.unit)
        else:
            self.classroom.let_lease_expire(lease.unit)

    @rule(worker=st.integers(0, 2), honest=st.booleans(), data=st.data())
    def heartbeat(self, worker: int, honest: bool, data: st.DataObject) -> None:
        of_this_worker = {unit.unit_id for owner, unit in self.past if owner == worker}
        known = sorted(of_this_worker if honest else {unit.unit_id for _, unit in self.past})
        told = known if honest or not known else data.draw(st.lists(st.sampled_from(known), unique=True))
        over = {row.id for row in self.training.units() if row.is_over}
        mine = {
            unit_id
            for unit_id, lease in self.model.held.items()
            if lease.worker == worker and unit_id not in over
        }

        directives = self.workers[worker].queue.heartbeat(
            self.workers[worker].worker_id, WorkerState.COMPUTING, {}, told, 3, None
        )

        assert set(directives.lost_units) == set(told) - mine
        for unit_id in mine & set(told):
            self.model.held[unit_id].is_expired = False

    @precondition(lambda self: self.past)
    @rule(data=st.data(), share=st.floats(0.01, 1.0), compute_seconds=st.sampled_from([0.1, 3.0, 60.0]))
    def submit(self, data: st.DataObject, share: float, compute_seconds: float) -> None:
        worker, unit, in_force = self.unit_of(data)
        num_images = max(1, round(unit.num_images * share))
        update = finished(unit, num_images, compute_seconds=compute_seconds)
        if not in_force:
            with_same_token = [
                row for row in self.training.units() if str(row.lease_token) == unit.lease_token
            ]
            if with_same_token and with_same_token[0].num_images == num_images:
                self.workers[worker].queue.submit(update)  # the very update that is handed in: no change
                return
            self.is_refused(worker, update)
            return
        self.is_refused(0 if worker == 2 else 2, update)  # the other person
        self.workers[worker].queue.submit(update)
        self.workers[worker].queue.submit(update)
        del self.model.held[unit.unit_id]
        self.model.handed_in[unit.unit_id] = (worker, num_images)

    def is_refused(self, worker: int, update: Update) -> None:
        try:
            self.workers[worker].queue.submit(update)
        except LeaseLost:
            return
        raise AssertionError("accepted")

    @rule(worker=st.integers(0, 2))
    def restart(self, worker: int) -> None:
        self.workers[worker].restart()
        self.drop_leases_of(worker)

    @rule(worker=st.integers(0, 2))
    def leave(self, worker: int) -> None:
        self.workers[worker].queue.leave(self.workers[worker].worker_id)
        self.drop_leases_of(worker)

    def drop_leases_of(self, worker: int) -> None:
        self.model.held = {k: lease for k, lease in self.model.held.items() if lease.worker != worker}

    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        decisions = []
        for update in self.training.coordination.pending_updates():
            decision = data.draw(st.sampled_from([counted, late, refused]))(update.update_id)
            decisions.append(decision)
            worker, num_images = self.model.handed_in.pop(update.unit_id)
            assert update.result.num_images == num_images
            if decision.status != "not_counted":
                self.model.credit[worker] += num_images
        self.training.publish_next(decisions)

    @invariant()
    def each_position_is_in_one_unit(self) -> None:
        require_each_position_once(self.classroom, self.training)

    @invariant()
    def each_unit_has_the_owner_that_the_model_knows(self) -> None:
        held = {row.id: row for row in self.training.units() if row.status == "in_progress"}
        assert {unit_id: (row.worker_id, str(row.lease_token)) for unit_id, row in held.items()} == {
            unit_id: (self.workers[lease.worker].worker_id, lease.unit.lease_token)
            for unit_id, lease in self.model.held.items()
        }

    @invariant()
    def credit_equals_the_images_that_were_accepted(self) -> None:
        rows = self.classroom.superuser.query("SELECT worker_id, total_images FROM gan.worker_totals")
        credited = {row.worker_id: row.total_images for row in rows}
        assert credited == {w.worker_id: self.model.credit[i] for i, w in enumerate(self.workers)}

    @invariant()
    def a_completed_unit_has_one_update_and_its_images(self) -> None:
        completed = {row.id: row.num_images for row in self.training.units() if row.status == "completed"}
        updates = self.classroom.superuser.query("SELECT unit_id, num_images FROM gan.updates")
        assert {row.unit_id: row.num_images for row in updates} == completed


def test_leases_keep_their_promises_in_every_order_of_events(shared_class: tuple[Address, NewClass]) -> None:
    Queue.shared_class = shared_class
    run_state_machine_as_test(
        Queue,
        settings=hypothesis.settings(
            max_examples=40, stateful_step_count=40, deadline=None, derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip


# -- all at once ---------------------------------------------------------------------------------


def work_through(worker: Worker, start: Barrier, num_units: int) -> list[int]:
    """Claim and hand in so many units, every third in part; returns their numbers."""
    start.wait()
    done: list[int] = []
    while len(done) < num_units:
        claim = worker.queue.claim(worker.worker_id, [])
        if claim.unit is None:
            # All cursors were in others' hands at this moment.
            assert claim.waiting == WorkerState.WAITING_NONE_FREE
            continue
        part = (claim.unit.num_images + 1) // 2 if len(done) % 3 == 2 else claim.unit.num_images
        worker.queue.submit(finished(claim.unit, part, compute_seconds=4.0))
        done.append(claim.unit.unit_id)
    return done


def test_twenty_workers_at_once_get_each_position_once(classroom: Classroom) -> None:
    training = classroom.start_training([97, 50, 61, 16, 80, 33])
    workers = [
        classroom.add_worker(login)
        for login in [classroom.add_student(num_workers=4) for _ in range(5)]
        for _ in range(4)
    ]
    start = Barrier(len(workers))
    with ThreadPoolExecutor(len(workers)) as pool:
        done = list(pool.map(lambda worker: work_through(worker, start, 6), workers))

    assert len({unit for units in done for unit in units}) == 20 * 6
    require_each_position_once(classroom, training)
    handed_in = Counter(row.status for row in training.units())
    assert handed_in["completed"] == 20 * 6
    assert handed_in["in_progress"] == 0


def test_twenty_claims_of_one_moment_share_the_units_that_came_back(classroom: Classroom) -> None:
    training = classroom.start_training([400])
    login = classroom.add_student(num_workers=8)
    holders = [classroom.add_worker(login) for _ in range(8)]
    units = [unit for holder in holders for unit in (holder.claim(), holder.claim())]
    for unit in units:
        classroom.let_lease_expire(unit)
    workers = [classroom.add_worker(classroom.add_student(num_workers=1)) for _ in range(16)]
    start = Barrier(len(workers))

    def claim(worker: Worker) -> WorkUnit:
        start.wait()
        return worker.claim()

    with ThreadPoolExecutor(len(workers)) as pool:
        again = list(pool.map(claim, workers))
    assert sorted(unit.unit_id for unit in again) == sorted(unit.unit_id for unit in units)
    require_each_position_once(classroom, training)


def test_an_epoch_ends_with_every_image_used(classroom: Classroom) -> None:
    sizes = [18, 37, 16]
    training = classroom.start_training(sizes)
    worker = classroom.add_worker()
    while classroom.superuser.query("SELECT min(epoch) AS epoch FROM gan.epoch_cursors")[0].epoch < 2:
        worker.queue.submit(finished(worker.claim(), compute_seconds=2.0))
    done = positions([part for row in training.units() for part in row.ranges])
    for epoch in (0, 1):
        assert sum(1 for _, e, _ in done if e == epoch) == sum(sizes)


def test_epochs_take_the_shards_in_a_seeded_order_of_their_own(classroom: Classroom) -> None:
    classroom.start_training([16] * 12)
    worker = classroom.add_worker()
    orders = []
    for _ in range(2):
        units = []
        for _ in range(12):
            units.append(worker.claim())
            worker.queue.submit(finished(units[-1], compute_seconds=10.0))
        orders.append([unit.ranges[0].shard_id for unit in units])
    first, second = orders
    assert sorted(first) == sorted(second) == list(range(1, 13))
    assert first != second
    assert first != sorted(first)
