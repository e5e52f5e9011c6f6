"""A lesson for tests: a class's database with pictures and a training, and real programs that work in it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.database.accounts import Accounts, Login
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.databases import create_database
from gan_desktop.database.schema import init_class
from gan_desktop.database.shards import ShardStore
from gan_desktop.records import RunConfig, RunStatus, ShardFile, StopRequest
from gan_desktop.training.images import DrawnFaces
from gan_desktop.training.merge import UpdateFormat
from gan_desktop.training.payload import max_payload_bytes
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.shards import ImageImport
from gan_desktop.worker.courtesy import ReadConditions
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions
from tests.integration.databases import drop_class_database
from tests.integration.programs import LOOK_S, PATIENCE_S, Program, Recorder, running, wait_until

T = TypeVar("T")

# A unit takes some tenths of a second, an iteration about one.
SHORT_UNITS = RunConfig(
    feature_maps=8,
    unit_seconds=0.5,
    first_unit_images=64,
    min_unit_images=64,
    max_unit_images=256,
    lease_seconds=10.0,
    ema_half_life_images=500,
    audit_share=0.0,
    target_iterations=10_000,
)
# A unit takes some seconds of one processor core: time to do something to whoever computes it.
LONG_UNITS = replace(
    SHORT_UNITS,
    feature_maps=64,
    unit_seconds=6.0,
    first_unit_images=512,
    min_unit_images=512,
    max_unit_images=512,
)


class Lesson:
    """A class with one training of drawn faces. Programs that still run at `close` are killed.

    Attributes:
        superuser: A connection with all rights, to look behind the curtain and to turn back clocks.
        coordinator: The address of the class's coordinator role.
    """

    def __init__(
        self,
        server: Address,
        folder: Path,
        config: RunConfig = SHORT_UNITS,
        *,
        num_faces: int = 300,
        num_imports: int = 1,
    ) -> None:
        self.folder = folder
        self._server = server
        self.config = config
        self.administrator = create_database(server, f"lesson_{secrets.token_hex(4)}")
        made = init_class(self.administrator, "Vision")
        self.coordinator = replace(
            self.administrator, user=made.coordinator_user, password=made.coordinator_password
        )
        self.superuser = Connection(self.administrator)
        with Connection(self.coordinator) as connection:
            self._dataset_id = _import_faces(connection, config.image_size, num_faces, num_imports)
        self.run_id = self.add_run()
        self.programs: list[Program] = []
        # Tells every program that there is a config.yaml, so that none is looked for elsewhere.
        (folder / "config.yaml").write_text("# empty\n", "utf-8")

    def close(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()
        self.superuser.close()
        drop_class_database(self._server, self.administrator.dbname)

    def reconnect(self) -> None:
        """After the server was away."""
        self.superuser.close()
        self.superuser = Connection(self.administrator)

    # -- people and programs --------------------------------------------------------------------

    def add_student(self, name: str = "Ana") -> Address:
        """A new account; returns its way into the class."""
        with Connection(self.coordinator) as connection:
            return self.address_of(Accounts(connection).add(name))

    def address_of(self, login: Login) -> Address:
        return replace(self.administrator, user=login.user, password=login.password)

    def start_worker(
        self,
        student: Address | None = None,
        *options: str,
        home: str = "",
        environment: Mapping[str, str] | None = None,
        entry: Sequence[str] = ("-m", "gan_desktop"),
    ) -> Program:
        """A worker as a program of its own; `home` is its folder, by default one of its own."""
        student = student or self.add_student()
        home = home or f"home-{len(self.programs)}"
        return self._start(student, ["--threads=1", *options], home, environment, entry)

    def start_coordinator(self, *, environment: Mapping[str, str] | None = None) -> Program:
        """A coordinator as a program of its own."""
        return self._start(self.coordinator, ["--admin", f"--run={self.run_id}"], "main", environment)

    def _start(
        self,
        address: Address,
        options: list[str],
        home: str,
        environment: Mapping[str, str] | None,
        entry: Sequence[str] = ("-m", "gan_desktop"),
    ) -> Program:
        log_file = self.folder / f"{len(self.programs)}-{home}.log"
        command = [sys.executable, *entry, "--no-gui", f"--config={self.folder / 'config.yaml'}"]
        settings = {
            "PGPASSWORD": address.password or "",
            "GAN_DESKTOP_DATABASE__HOST": address.host,
            "GAN_DESKTOP_DATABASE__PORT": str(address.port),
            "GAN_DESKTOP_DATABASE__DATABASE": address.dbname,
            "GAN_DESKTOP_DATABASE__USER": address.user,
            "GAN_DESKTOP_WORKER__POLL_INTERVAL": "0.5",
            "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "0.3",
        }
        with log_file.open("wb") as file:
            process = subprocess.Popen(
                [*command, f"--folder={self.folder / home}", *options],
                env={**os.environ, **settings, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.programs.append(Program(process, log_file, address.user))
        return self.programs[-1]

    def add_run(self) -> int:
        """A training that has not begun; returns its number."""
        max_bytes = max_payload_bytes(UpdateFormat.of(self.config).shapes, self.config.codec_up)
        with Connection(self.coordinator) as connection:
            return Runs(connection).create("Faces", self._dataset_id, self.config, max_bytes)

    def make_coordinator(self, recorder: Recorder, run_id: int) -> Coordinator:
        cache = ShardCache(self.folder / "main" / "shards", 10**9)
        return Coordinator(self.coordinator, run_id, cache, recorder, poll_s=LOOK_S)

    @contextmanager
    def coordinating(self) -> Iterator[Recorder]:
        """A coordinator in a thread of this process, where the test is not about its process."""
        recorder = Recorder()
        coordinator = self.make_coordinator(recorder, self.run_id)
        with running(coordinator.run, coordinator.stop):
            self.await_training()
            yield recorder

    # -- what happens in the class --------------------------------------------------------------

    def query(self, sql: str, *parameters: Any) -> list[Any]:
        """Rows, as the superuser sees them."""
        return self.superuser.query(sql, parameters or None)

    def set_status(self, status: RunStatus) -> None:
        """Pause, resume or finish, as the instructor does."""
        with Connection(self.coordinator) as connection:
            assert Runs(connection).set_status(self.run_id, status)

    @property
    def status(self) -> RunStatus:
        [row] = self.query("SELECT status FROM gan.training_runs WHERE run_id = %s", self.run_id)
        return RunStatus(row.status)

    @property
    def iteration(self) -> int:
        [row] = self.query(
            "SELECT current_iteration AS it FROM gan.training_runs WHERE run_id = %s", self.run_id
        )
        return int(row.it)

    def await_iteration(self, iteration: int, *, seconds: float = PATIENCE_S) -> None:
        self.wait_until(lambda: self.iteration >= iteration, f"iteration {iteration}", seconds=seconds)

    def await_training(self) -> None:
        """Wait until the coordinator has begun the training."""
        self.wait_until(lambda: self.status is RunStatus.RUNNING, "the training's begin")

    def await_unit_in_work(self, program: Program) -> int:
        """Wait until a worker has reported first images of a unit; returns the unit's number."""
        [row] = self.wait_until(
            lambda: self.query(
                "SELECT u.id FROM gan.work_units AS u JOIN gan.workers AS w USING (worker_id)"
                " JOIN gan.accounts AS a USING (account_id) WHERE a.login = %s"
                " AND u.status = 'in_progress' AND u.num_images_done > 0",
                program.user,
            ),
            f"a unit in work at {program.user}",
        )
        return int(row.id)

    def unit(self, unit_id: int) -> Any:
        [row] = self.query("SELECT * FROM gan.work_units WHERE id = %s", unit_id)
        return row

    def update_of(self, unit_id: int) -> Any:
        [row] = self.query("SELECT * FROM gan.updates WHERE unit_id = %s", unit_id)
        return row

    def worker_of(self, user: str) -> Any:
        """The one worker of an account."""
        [row] = self.query(
            "SELECT w.* FROM workers AS w JOIN gan.accounts AS a USING (account_id) WHERE a.login = %s", user
        )
        return row

    def end_coordinators_lease(self) -> None:
        """Spare a test the seconds until a killed coordinator's lease runs out."""
        self.superuser.execute(
            "UPDATE gan.training_runs SET coordinator_lease_end = now() - interval '1 second'"
            " WHERE run_id = %s",
            [self.run_id],
        )

    def wait_until(self, condition: Callable[[], T], what: str, *, seconds: float = PATIENCE_S) -> T:
        """Like the function of the same name; fails at once if a program fails, and shows what all wrote."""

        def no_program_failed() -> T:
            answer = condition()
            failed = [p for p in self.programs if p.process.poll() not in (None, 0) and not p.end_is_known]
            assert answer or not failed, f"{what}: {failed[0].log_file.name} has failed"
            return answer

        try:
            return wait_until(no_program_failed, what, seconds=seconds)
        except AssertionError as error:
            logs = "\n".join(f"--- {p.log_file.name}\n{p.log}" for p in self.programs)
            raise AssertionError(f"{error}\n{logs}") from None

    # -- what must hold whatever happened -------------------------------------------------------

    def assert_nothing_lost_or_counted_twice(self) -> None:
        """Every image of an epoch is in exactly one unit, and every accepted update credited once."""
        with self.superuser.transaction():
            # A class that works on is looked at as it is in one moment.
            self.superuser.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._assert_every_image_in_one_unit()
            self._assert_credited_once()

    def _assert_credited_once(self) -> None:
        history = self.query(
            "SELECT iteration, num_images FROM gan.loss_history WHERE run_id = %s ORDER BY iteration",
            self.run_id,
        )
        assert [row.iteration for row in history] == list(range(self.iteration + 1))
        [row] = self.query(
            "SELECT coalesce(sum(num_images), 0) AS num FROM gan.updates WHERE status = 'counted'"
        )
        assert sum(entry.num_images for entry in history) == row.num
        for worker in self.query(
            "SELECT w.total_images, w.total_work_units, coalesce(sum(n.num_images), 0) AS images,"
            " count(n.update_id) AS units FROM workers AS w LEFT JOIN gan.updates AS n"
            " ON n.worker_id = w.worker_id AND n.status IN ('counted', 'late')"
            " GROUP BY w.worker_id, w.total_images, w.total_work_units"
        ):
            assert (worker.total_images, worker.total_work_units) == (worker.images, worker.units)

    def _assert_every_image_in_one_unit(self) -> None:
        given: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for unit in self.query("SELECT ranges, status FROM gan.work_units WHERE run_id = %s", self.run_id):
            assert unit.status != "failed"
            for part in unit.ranges:
                given[part["shard_id"], part["epoch"]].append((part["first"], part["first"] + part["count"]))
        for cursor in self.query("SELECT * FROM gan.epoch_cursors WHERE run_id = %s", self.run_id):
            for epoch in range(cursor.epoch + 1):
                end = cursor.num_images if epoch < cursor.epoch else cursor.next_position
                pieces = sorted(given.pop((cursor.shard_id, epoch), []))
                assert [first for first, _ in pieces] == [0, *(last for _, last in pieces)][: len(pieces)]
                assert (pieces[-1][1] if pieces else 0) == end
        assert not given


@contextmanager
def worker_thread(
    held: Lesson,
    student: Address | None = None,
    *,
    home: str = "",
    device_id: str = "",
    read_conditions: ReadConditions | None = None,
    **options: Any,
) -> Iterator[tuple[Worker, Recorder]]:
    """A worker in a thread of this process, for what no program offers.

    Args:
        home: Its folder; by default one of its own.
        device_id: Its identity, where it must be a known one.
        read_conditions: How its computer is; None: as this one.
        options: Fields of `WorkerOptions`.
    """
    recorder = Recorder()
    student = student or held.add_student()
    wishes = WorkerOptions(name="", poll_interval_s=0.3, heartbeat_interval_s=0.2, num_threads=1)
    place = held.folder / (home or secrets.token_hex(4))
    folder = WorkerHome.open(place, student.user)
    if device_id:
        (folder.folder / "device_id").write_text(device_id, "utf-8")
    cache = ShardCache(place / "shards", 10**9)
    worker = Worker(student, folder, cache, replace(wishes, **options), recorder, read_conditions)
    try:
        with running(worker.run, lambda: worker.request_stop(StopRequest.HAND_IN_NOW)):
            yield worker, recorder
    finally:
        folder.close()


@contextmanager
def locked(held: Lesson, statement: str) -> Iterator[None]:
    """Hold the locks of a statement meanwhile, so that whoever needs them stands still."""
    with Connection(held.administrator) as connection, connection.transaction():
        connection.query(statement)
        yield


def _import_faces(connection: Connection, image_size: int, num_faces: int, num_imports: int) -> int:
    store = ShardStore(connection)
    shards = [shard for seed in range(num_imports) for shard in drawn_faces(num_faces, image_size, seed)]
    return store.finish(store.store("Faces", image_size, shards), secrets.token_hex(8))


@cache
def drawn_faces(num_faces: int, image_size: int, seed: int) -> tuple[ShardFile, ...]:
    """Shards of drawn faces; the last one is held out."""
    return tuple(ImageImport(DrawnFaces(num_faces), image_size, seed))


@contextmanager
def lesson(
    server: Address, folder: Path, config: RunConfig = SHORT_UNITS, **pictures: int
) -> Iterator[Lesson]:
    """A lesson that ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Lesson(server, folder, config, **pictures)
    try:
        yield made
    finally:
        made.close()
