"""The main job: a class of programs trains one network together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.records import RunStatus, WorkerState
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import wait_until

pytestmark = pytest.mark.slow

NUM_WORKERS = 3
# Steps large enough for faces to be suspected after half a minute. Units of one size, however busy
# the machine is.
CONFIG = replace(
    SHORT_UNITS,
    feature_maps=16,
    learning_rate=5e-4,
    first_unit_images=512,
    min_unit_images=512,
    max_unit_images=512,
    target_iterations=10,
    evaluate_every=10,
)
# DESIGN 9: what the student guide shows. A unit's lines stay together.
JOINED = r"""Initializing worker\.\.\.
Loaded dataset with \d+ images
Worker [0-9a-f]{8} initialized successfully!
Name: Computer 0
GPU: (?P<gpu>.+)
Batch size: 32
CPU cores: \d+
RAM: \d+\.\d GB
(GPU VRAM: \d+\.\d GB\n)?Dataset size: \d+
Device: .+
Waiting for work units\.\.\.
"""
UNIT = r"""
Processing work unit (?P<unit>\d+) \(iteration \d+\)
Number of images: (?P<images>\d+)
Completed \d+ batches \(\d+ images\)
G_loss: \d+\.\d{3} \| D_loss: \d+\.\d{3} \| D_real: \d+\.\d\d% \| D_fake: \d+\.\d\d%
Extracting gradients\.\.\.
Uploading gradients\.\.\.
Work unit (?P=unit) completed successfully!
Units: \d+ \| Images: \d+ \| Time: \d+\.\d s
"""


@pytest.fixture(scope="module")
def finished_class(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Three students and a coordinator that have run to the target iteration."""
    with lesson(server.address, tmp_path_factory.mktemp("class"), CONFIG, num_faces=1_000) as held:
        held.start_coordinator()
        held.await_training()
        for number in range(NUM_WORKERS):
            held.start_worker(held.add_student(f"Student {number}"), f"--name=Computer {number}")
        held.wait_until(
            lambda: all(program.process.poll() is not None for program in held.programs),
            "everybody's end",
            seconds=180,
        )
        yield held


def test_a_class_reaches_its_target_and_everybody_ends_by_himself(finished_class: Lesson) -> None:
    assert [program.exit_code() for program in finished_class.programs] == [0] * (NUM_WORKERS + 1)
    assert finished_class.iteration == CONFIG.target_iterations
    assert finished_class.status is RunStatus.COMPLETE
    for program in finished_class.programs[1:]:
        last = program.log.rstrip().rpartition("\n")[2]
        assert last.startswith(f"The training is complete: {CONFIG.target_iterations} iterations by ")


def test_the_pictures_come_nearer_to_real_ones(finished_class: Lesson) -> None:
    with Connection(finished_class.coordinator) as connection:
        view = ClassView(connection)
        distances = {row.iteration: row.distance for row in view.history(finished_class.run_id)}
        sample = view.sample(finished_class.run_id, CONFIG.target_iterations)
    first, last = distances[0], distances[CONFIG.target_iterations]
    # Measured: from 819 to 400 - 560.
    assert first is not None and last is not None and last < 0.8 * first
    assert sample is not None


def test_credit_is_what_was_counted_and_stands_on_the_leaderboard(finished_class: Lesson) -> None:
    finished_class.assert_nothing_lost_or_counted_twice()
    student = finished_class.add_student("Onlooker")
    with Connection(student) as connection:
        board = {row.name: row.num_images for row in ClassView(connection).leaderboard()}
    credited = finished_class.query(
        "SELECT a.display_name AS name, sum(n.num_images) AS images FROM gan.updates AS n"
        " JOIN gan.accounts AS a USING (account_id) WHERE n.status IN ('counted', 'late')"
        " GROUP BY a.display_name"
    )
    assert board == {row.name: row.images for row in credited}
    assert set(board) == {f"Student {number}" for number in range(NUM_WORKERS)}


def test_a_worker_writes_the_lines_of_the_student_guide_in_their_order(finished_class: Lesson) -> None:
    log = finished_class.programs[1].log
    joined = re.match(JOINED, log)
    assert joined is not None, log
    units = list(re.finditer(UNIT, log))
    assert len(units) >= 3, log
    # Nothing else was written between the units.
    assert "".join(unit[0] for unit in units) in log


def test_a_class_in_gradient_mode_goes_from_iteration_to_iteration(
    server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = replace(
        SHORT_UNITS,
        mode="gradient",
        max_unit_images=128,
        unit_seconds=0.2,
        target_iterations=5,
        audit_share=1.0,
    )
    with lesson(server.address, tmp_path_factory.mktemp("gradients"), config) as held:
        with held.coordinating(), worker_thread(held) as (_, ana), worker_thread(held) as (_, ben):
            wait_until(lambda: held.status is RunStatus.COMPLETE, "the training's end")
            wait_until(lambda: ana.state is ben.state is WorkerState.COMPLETE, "both workers' end")
        assert held.iteration == config.target_iterations
        held.assert_nothing_lost_or_counted_twice()
        # Honest computers pass a check of every single update.
        assert not held.query("SELECT reason FROM gan.updates WHERE status = 'not_counted'")
        both = held.query("SELECT DISTINCT account_id FROM gan.updates WHERE status = 'counted'")
        assert len(both) == 2
