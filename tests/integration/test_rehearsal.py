"""A virtual class works as a real one does: over the real protocol, with a real coordinator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.records import RunConfig
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.noise import NoiseUpdates
from gan_desktop.rehearsal.virtual_class import VirtualClass
from gan_desktop.training.merge import Candidate, UpdateFormat, merge_updates
from tests.integration.lesson import Lesson, lesson
from tests.integration.programs import wait_until

CONFIG = RunConfig(
    feature_maps=8,
    unit_seconds=0.5,
    first_unit_images=64,
    min_unit_images=64,
    max_unit_images=256,
    audit_share=0.0,
    target_iterations=10_000,
)
HABITS = Habits(images_per_second=400.0, heartbeat_interval_s=0.3, poll_interval_s=0.2, start_s=0.5)


@pytest.fixture
def held(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(server.address, open_folder / "lesson", CONFIG, num_faces=200) as made:
        yield made


def test_virtual_students_do_what_counts(held: Lesson) -> None:
    with held.coordinating():
        virtual = VirtualClass([held.add_student() for _ in range(4)], HABITS, spread=2.0)
        virtual.start()
        try:
            held.await_iteration(3)
        finally:
            report = virtual.stop()
    assert report.num_units >= 4 and report.num_images >= 4 * 64
    assert (report.num_refused, report.num_failed, report.num_lost_connections) == (0, 0, 0)
    assert report.bytes_up > 0 and report.bytes_down > report.bytes_up / 2
    assert 0 < report.claim_ms[0] <= report.claim_ms[1]
    assert 0 < report.computing_share < 1
    assert {row.status for row in held.query("SELECT DISTINCT status FROM gan.updates")} <= {
        "counted",
        "late",
        "handed_in",
    }
    # Whoever is stopped gives back what it holds.
    assert not held.query("SELECT 1 FROM gan.work_units WHERE status = 'in_progress'")
    assert {row.state for row in held.query("SELECT state FROM gan.workers")} == {"stopped"}


def test_a_slow_link_and_a_closed_login_show_in_the_report(held: Lesson) -> None:
    with held.coordinating():
        students = [held.add_student() for _ in range(2)]
        students[1] = replace(students[1], password="wrong")
        # Its weights take longer than a second, and its unit's time counts as waiting.
        slow = replace(HABITS, images_per_second=10_000.0, link_bytes_per_second=400_000.0)
        virtual = VirtualClass(students, slow)
        virtual.start()
        try:
            wait_until(lambda: virtual.report().num_units >= 1, "a unit")
        finally:
            report = virtual.stop()
    assert report.num_failed == 1
    assert report.weights_s[1] > 0.3
    assert report.computing_share < 0.2


def test_a_lost_connection_costs_a_virtual_student_no_unit(held: Lesson) -> None:
    with held.coordinating():
        # A unit takes two seconds, time to claim the next one.
        patient = replace(HABITS, images_per_second=CONFIG.first_unit_images / 2)
        virtual = VirtualClass([held.add_student()], patient)
        virtual.start()
        try:
            held.wait_until(
                lambda: len(held.query("SELECT 1 FROM gan.work_units WHERE status = 'in_progress'")) == 2,
                "two units",
            )
            held.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'gan-desktop rehearsal'"
            )
            wait_until(lambda: virtual.report().num_units >= 2, "two units handed in")
        finally:
            report = virtual.stop()
    assert (report.num_lost_connections, report.num_refused, report.num_failed) == (1, 0, 0)
    units = held.query("SELECT id, status, num_attempts FROM gan.work_units ORDER BY id LIMIT 2")
    assert [(row.status, row.num_attempts) for row in units] == [("completed", 1)] * 2


def test_no_two_updates_of_noise_are_alike_and_all_can_be_merged(held: Lesson) -> None:
    with Connection(held.coordinator) as connection:
        run = replace(Runs(connection).get(held.run_id), iteration=0)
    updates, generator = NoiseUpdates(run), random.Random(1)
    payloads = [updates.make(generator) for _ in range(6)]
    assert len(set(payloads)) == 6
    candidates = [Candidate(number, number, str(number), 64, 4) for number in range(6)]
    result = merge_updates(candidates, payloads.__getitem__, UpdateFormat.of(CONFIG), CONFIG)
    assert not [verdict.reason for verdict in result.verdicts if verdict.reason]
