"""A class that program version 0.1 made, with people, pictures and a training, is brought up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from psycopg2 import sql

from gan_desktop import __version__
from gan_desktop.class_admin.upgrade import plan_upgrade, upgrade
from gan_desktop.cli import main
from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.database import schema
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection, binary
from gan_desktop.database.schema import (
    SCHEMA_VERSION,
    ClassRoles,
    NewClass,
    schema_version,
    upgrade_class,
)
from gan_desktop.errors import SchemaError
from gan_desktop.records import IterationPublished, RunConfig, StopRequest
from gan_desktop.training.networks import build_gan, generator_shapes, network_fingerprint, state_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions
from tests.integration import version_1
from tests.integration.console import gan_desktop, write_config
from tests.integration.lesson import drawn_faces
from tests.integration.programs import LOOK_S, Recorder, running, wait_until

CONFIG = RunConfig(
    feature_maps=8,
    unit_seconds=0.5,
    first_unit_images=64,
    min_unit_images=64,
    max_unit_images=256,
    target_iterations=10_000,
    audit_share=0.0,
)
SESSION = "11111111-2222-3333-4444-555555555555"


@dataclass
class OldClass:
    """A class of schema version 1 and what its programs did: all by that version's own functions."""

    administrator: Address
    made: NewClass
    students: list[Address] = field(default_factory=list)

    @property
    def coordinator(self) -> Address:
        return replace(
            self.administrator, user=self.made.coordinator_user, password=self.made.coordinator_password
        )

    def query(self, statement: str, *parameters: Any) -> list[Any]:
        with Connection(self.administrator) as connection:
            return connection.query(statement, parameters or None)

    def add_student(self, name: str) -> Address:
        student = replace(
            self.administrator, user=f"s_{len(self.students)}_{self.made.class_id}", password=name
        )
        with Connection(self.coordinator) as connection, connection.transaction():
            statement = "CREATE ROLE {} LOGIN PASSWORD {} CONNECTION LIMIT 6 IN ROLE {}"
            connection.execute(
                sql.SQL(statement).format(
                    sql.Identifier(student.user),
                    sql.Literal(connection.password_verifier(student.user, name)),
                    sql.Identifier(ClassRoles(self.made.class_id).student),
                )
            )
            connection.execute(
                "INSERT INTO gan.accounts (login, display_name) VALUES (%s, %s)", [student.user, name]
            )
        self.students.append(student)
        return student

    def add_pictures(self) -> None:
        with Connection(self.coordinator) as connection:
            connection.execute(
                "INSERT INTO gan.datasets (name, image_size, num_images, fingerprint)"
                " VALUES ('Faces', 32, 300, 'faces')"
            )
            for position, shard in enumerate(drawn_faces(300, 32, 0)):
                [row] = connection.query(
                    "INSERT INTO gan.dataset_shards (dataset_id, position, num_images, num_bytes, sha256,"
                    " is_held_out) VALUES (1, %s, %s, %s, %s, %s) RETURNING shard_id",
                    [position, shard.num_images, len(shard.data), shard.sha256, shard.is_held_out],
                )
                payload = {"shard_id": binary(row.shard_id, "int4"), "payload": shard.data}
                connection.upload("gan.shard_payloads", payload)

    def begin_training(self) -> None:
        """A run at iteration 0, its weights and its coordinator's state as version 0.1 wrote them."""
        gan = build_gan(CONFIG)
        weights = state_tensors(gan)
        ema = {name: weights[name] for name in generator_shapes(CONFIG)}
        with Connection(self.coordinator) as connection:
            connection.execute(
                "INSERT INTO gan.training_runs (name, dataset_id, config, max_update_bytes, status,"
                " current_iteration, started_at, coordinator_seen_at)"
                " VALUES ('Faces', 1, %s, 10000000, 'running', 0, now(), now())",
                [json.dumps(CONFIG.to_json())],
            )
            connection.execute(
                "INSERT INTO gan.epoch_cursors (run_id, shard_id, num_images, order_key)"
                " SELECT 1, shard_id, num_images, 0 FROM gan.dataset_shards WHERE NOT is_held_out"
            )
            connection.execute(
                "INSERT INTO gan.loss_history (run_id, iteration, epoch, num_updates, num_images)"
                " VALUES (1, 0, 0, 0, 0)"
            )
            for kind, tensors in (("live", weights), ("ema", ema)):
                info = PayloadInfo("weights" if kind == "live" else "ema", 1, 0, "fp16", fingerprint())
                payload = encode(tensors, info, seed=1)
                store_weights(connection, kind, payload)
            stored = safetensors.torch.load(OuterState.from_weights(weights, None, CONFIG).to_bytes())
            state = safetensors.torch.save({**stored, "counts": torch.tensor([0, 0])})
            connection.upload(
                "gan.optimizer_state",
                {
                    "run_id": binary(1, "int4"),
                    "iteration": binary(0, "int4"),
                    "sha256": hashlib.sha256(state).digest(),
                    "payload": state,
                },
            )

    def hand_in(self, student: Address, *, program: str = "0.1.0") -> int:
        """A student's computer joins, claims a unit and hands it in; the update's number."""
        with Connection(student) as connection:
            [row] = connection.query(
                "SELECT register_worker('laptop', %s, 'Laptop', 'host', NULL, 2, 8, NULL, %s) AS id",
                [SESSION, program],
            )
            [unit] = connection.query(f"SELECT * FROM claim_work_unit('{row.id}', '{SESSION}', '{{}}')")
            payload = f"unit {unit.unit_id}".encode()
            figures = {"loss_g": 1.5, "loss_d": 0.5, "d_real": 0.7, "d_fake": 0.3, "check_loss_d": 0.6}
            figures |= {"check_loss_g": 1.4, "check_norm_d": 3.0, "check_norm_g": 2.0, "compute_seconds": 2.0}
            connection.upload(
                "submissions",
                {
                    "unit_id": binary(unit.unit_id, "int8"),
                    "lease_token": binary(unit.lease_token, "uuid"),
                    "iteration": binary(0, "int4"),
                    "codec": b"int8",
                    "sha256": hashlib.sha256(payload).digest(),
                    "payload": payload,
                    "num_images": binary(unit.num_images, "int4"),
                    "num_steps": binary(max(1, unit.num_images // 16), "int4"),
                    "check_num_images": binary(16, "int4"),
                    "stopped_early": binary(False, "bool"),
                    **{name: binary(value, "float8") for name, value in figures.items()},
                },
            )
            connection.query("SELECT leave(%s, %s)", [row.id, SESSION])
        return int(self.query("SELECT max(update_id) AS id FROM gan.updates")[0].id)

    def credit(self, update_id: int) -> None:
        """As version 0.1's coordinator did it."""
        with Connection(self.coordinator) as connection:
            connection.execute(
                "UPDATE gan.updates SET status = 'counted', merged_into = 0 WHERE update_id = %s", [update_id]
            )
            connection.execute(
                "UPDATE gan.worker_totals AS t SET total_work_units = total_work_units + 1,"
                " total_images = total_images + n.num_images,"
                " total_seconds = total_seconds + least(n.compute_seconds, extract(epoch FROM n.submitted_at"
                " - greatest(u.claimed_at, (SELECT max(b.submitted_at) FROM gan.updates AS b"
                " WHERE b.worker_id = n.worker_id AND b.update_id < n.update_id))))"
                " FROM gan.updates AS n JOIN gan.work_units AS u ON u.id = n.unit_id"
                " WHERE n.update_id = %s AND t.worker_id = n.worker_id",
                [update_id],
            )
            connection.execute("DELETE FROM gan.update_payloads WHERE update_id = %s", [update_id])


def fingerprint() -> str:
    return network_fingerprint(CONFIG)


def store_weights(connection: Connection, kind: str, payload: bytes) -> None:
    connection.upload(
        "gan.model_weights",
        {
            "run_id": binary(1, "int4"),
            "iteration": binary(0, "int4"),
            "kind": kind.encode(),
            "codec": b"fp16",
            "num_bytes": binary(len(payload), "int4"),
            "sha256": hashlib.sha256(payload).digest(),
            "payload": payload,
            "is_checkpoint": binary(True, "bool"),
        },
    )


@pytest.fixture
def old_class(new_database: Callable[[], Address], monkeypatch: pytest.MonkeyPatch) -> Iterator[OldClass]:
    """Ana has three units counted and one that waits; Ben's program was updated already."""
    administrator = new_database()
    old = OldClass(administrator, version_1.make_class(administrator, "Vision 2025"))
    ana, ben = old.add_student("Ana"), old.add_student("Ben")
    old.add_pictures()
    old.begin_training()
    for _ in range(3):
        old.credit(old.hand_in(ana))
    old.hand_in(ana)
    old.credit(old.hand_in(ben, program=__version__))
    yield old
    # The fixture below knows how to take a class of today apart.
    monkeypatch.undo()
    upgrade_class(administrator)


def everything_in(old: OldClass) -> dict[str, list[str]]:
    """All rows of all tables of version 1, by the statement that reads just that version's columns."""
    tables = old.query(
        "SELECT table_name AS name,"
        " string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) AS columns"
        " FROM information_schema.columns WHERE table_schema = 'gan' AND table_name IN"
        " (SELECT tablename FROM pg_tables WHERE schemaname = 'gan' AND tablename !~ 'yoyo') GROUP BY 1"
    )
    statements = [f"SELECT ROW({row.columns})::text AS row FROM gan.{row.name} ORDER BY 1" for row in tables]
    return {statement: read_again(old, statement) for statement in statements}


def read_again(old: OldClass, statement: str) -> list[str]:
    return [row.row for row in old.query(statement)]


def test_nothing_of_an_older_class_is_lost_and_its_people_go_on(old_class: OldClass, tmp_path: Path) -> None:
    with Connection(old_class.administrator) as connection:
        assert schema_version(connection) == 1
    before = everything_in(old_class)
    totals = old_class.query("SELECT * FROM gan.worker_totals ORDER BY worker_id")

    upgrade(old_class.administrator)

    for statement, rows in before.items():
        if "minimum_program" not in statement:
            assert read_again(old_class, statement) == rows, statement
    # The credit that was written down as a sum is now written down unit by unit as well.
    credited = old_class.query(
        "SELECT worker_id, sum(credited_seconds) AS seconds FROM gan.updates GROUP BY 1 ORDER BY worker_id"
    )
    assert [row.seconds for row in credited] == pytest.approx([row.total_seconds for row in totals])
    waiting = old_class.query("SELECT credited_seconds FROM gan.updates WHERE status = 'handed_in'")
    assert [row.credited_seconds for row in waiting] == [None]
    the_training_goes_on(old_class, tmp_path)


def the_training_goes_on(old: OldClass, folder: Path) -> None:
    """Ana, with the password that she had, and a coordinator of this program."""
    recorder = Recorder()
    cache = ShardCache(folder / "main", 10**9)
    coordinator = Coordinator(old.coordinator, 1, cache, recorder, poll_s=LOOK_S)
    home = WorkerHome.open(folder / "ana", old.students[0].user)
    (home.folder / "device_id").write_text("laptop", "utf-8")
    wishes = WorkerOptions(name="Laptop", poll_interval_s=0.3, heartbeat_interval_s=0.2, num_threads=1)
    worker = Worker(old.students[0], home, ShardCache(folder / "shards", 10**9), wishes, Recorder())
    try:
        with (
            running(coordinator.run, coordinator.stop),
            running(worker.run, lambda: worker.request_stop(StopRequest.HAND_IN_NOW)),
        ):
            wait_until(lambda: len(recorder.of(IterationPublished)) >= 2, "two iterations")
    finally:
        home.close()
    assert [report.iteration for report in recorder.of(IterationPublished)][:2] == [1, 2]
    [row] = old.query("SELECT count(*) AS num FROM gan.workers")
    assert row.num == 2  # Ana's laptop is known


def test_rights_of_students_are_made_anew(old_class: OldClass) -> None:
    upgrade(old_class.administrator)
    student = old_class.students[0]
    with Connection(student) as connection:
        assert connection.query("SELECT * FROM leaderboard")
        assert connection.query("SELECT credited_seconds FROM gradients")
        for forbidden in ("gan.updates", "gan.accounts", "gan.roster", "optimizer_state"):
            with pytest.raises(Exception, match="permission denied"):
                connection.query(f"SELECT * FROM {forbidden}")
    with Connection(old_class.coordinator) as connection:
        assert connection.query("SELECT * FROM gan.roster") == []


def test_the_plan_says_what_changes_and_whose_program_is_too_old(
    old_class: OldClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_upgrade(old_class.administrator)
    assert (plan.from_version, plan.to_version, plan.title) == (1, SCHEMA_VERSION, "Vision 2025")
    assert plan.is_needed and len(plan.changes) >= 3
    assert [program.owner for program in plan.programs] == ["Ana", "Ben"]
    assert [program.owner for program in plan.too_old] == ["Ana"]

    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, old_class.administrator)
    unsure = gan_desktop("class", "upgrade")
    assert unsure.code == 1
    assert "1 of 2 computers" in unsure.stdout and "Ana" in unsure.stdout
    assert "--yes" in unsure.stderr
    with Connection(old_class.administrator) as connection:
        assert schema_version(connection) == 1
    done = gan_desktop("class", "upgrade", "--yes")
    assert (done.code, done.stderr) == (0, "")
    assert "is up to date" in done.stdout
    again = gan_desktop("class", "upgrade")
    assert again.code == 0
    assert "Nothing to do" in again.stdout


def test_a_class_at_work_is_not_upgraded(old_class: OldClass) -> None:
    old_class.query(
        "UPDATE gan.training_runs SET coordinator_token = gen_random_uuid(),"
        " coordinator_lease_end = now() + interval '20 seconds' RETURNING 1"
    )
    with pytest.raises(SchemaError, match="Stop it first"):
        upgrade(old_class.administrator)
    with Connection(old_class.administrator) as connection:
        assert schema_version(connection) == 1


def test_whoever_did_not_make_the_class_is_told_who_may_upgrade_it(old_class: OldClass) -> None:
    for address in (old_class.coordinator, old_class.students[0]):
        with pytest.raises(SchemaError, match="did not make this class") as refused:
            upgrade(address)
        assert "OWNER TO" not in refused.value.message


def test_newer_program_is_told_to_have_the_class_upgraded(
    old_class: OldClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, old_class.students[0])
    answer = gan_desktop("--no-gui")
    assert answer.code == 3
    assert "The class is too old for this program" in answer.stderr
    assert "gan-desktop class upgrade" in answer.stderr


@pytest.mark.parametrize("needs_newer_tables", [True, False])
def test_older_program_is_told_which_one_it_needs(
    old_class: OldClass,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    needs_newer_tables: bool,
) -> None:
    upgrade(old_class.administrator)
    # This program as it would be if the class had gone on without it.
    monkeypatch.setattr(schema, "__version__", "0.1.7")
    if needs_newer_tables:
        monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, old_class.students[0], password=False)
    monkeypatch.setenv("PGPASSWORD", old_class.students[0].password or "")
    assert main(["--no-gui"]) == 3
    assert capsys.readouterr().err == (
        f"This program is too old for the class: You have 0.1.7, the class needs {schema.FIRST_PROGRAM} or"
        " newer. Your work so far is safe. Get the newest version of the program.\n"
    )
