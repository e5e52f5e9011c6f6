"""A whole class on this computer: PostgreSQL, a coordinator and workers, each a process of its own.

Nothing is simulated: the workers are real students' logins over real connections, and train what
the class's main computer merges.
"""

from __future__ import annotations

import csv
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from gan_desktop.database.accounts import Accounts, Login
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.databases import create_database, drop_class_database, list_databases
from gan_desktop.database.downloads import Downloads, Progress
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import init_class
from gan_desktop.database.shards import NewShard, ShardStore
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import RunConfig, RunStatus
from gan_desktop.training.images import open_source
from gan_desktop.training.merge import UpdateFormat
from gan_desktop.training.payload import max_payload_bytes
from gan_desktop.training.shards import ImageImport

PREFIX = "demo_"
NUM_DRAWN_FACES = 6_000
# Some ten minutes of two processor cores.
DEFAULT_ITERATIONS = 40
# Short rounds, so that there is something new to see every few seconds.
CONFIG = RunConfig(
    unit_seconds=12.0,
    first_unit_images=512,
    min_unit_images=128,
    max_unit_images=8_192,
    lease_seconds=30.0,
    evaluate_every=5,
)


@dataclass(frozen=True)
class DemoOptions:
    """What one may choose.

    Attributes:
        num_iterations: None: some ten minutes' worth.
        data: A folder or zip of pictures; None: drawn faces.
        output: Where the results go; None: gan-desktop-demo in the current folder.
        num_workers: Computers (and students) of the class.
        folder: Where the server and the workers keep their files.
    """

    num_iterations: int | None = None
    data: Path | None = None
    output: Path | None = None
    num_workers: int = 1
    folder: Path | None = None


def run_demo(options: DemoOptions) -> None:
    """Run a demo class until its training is complete; results are in the output folder then.

    Raises:
        GanDesktopError: The pictures cannot be used, the server does not start, or a process failed.
    """
    output = (options.output or Path("gan-desktop-demo")).absolute()
    folder = options.folder or platformdirs.user_data_path("gan-desktop", appauthor=False) / "demo"
    output.mkdir(parents=True, exist_ok=True)
    _say("Starting the class's database on this computer ...")
    server = EmbeddedPostgres(folder / "postgres", max_connections=3 * options.num_workers + 20)
    with server, _class_database(server.address) as administrator:
        demo = _prepare(administrator, options)
        with _processes(demo, folder, options.num_workers, output) as processes:
            _follow(demo, processes, output)
    _say(f"Done. The faces of every iteration are in {output}:")
    _say(f"  the newest: {output / 'newest.png'}")
    _say(f"  how it went: {output / 'losses.csv'}")


@dataclass(frozen=True)
class _DemoClass:
    """The class as it was made: its run and its people's ways in."""

    run_id: int
    num_iterations: int
    coordinator: Address
    students: tuple[Address, ...]


@contextmanager
def _class_database(server: Address) -> Iterator[Address]:
    """An empty database for this demo; those of demos that were cut off are dropped first."""
    for name in list_databases(server, PREFIX):
        drop_class_database(server, name)
    name = PREFIX + secrets.token_hex(4)
    try:
        yield create_database(server, name)
    finally:
        drop_class_database(server, name)


def _prepare(administrator: Address, options: DemoOptions) -> _DemoClass:
    """Make the class, its students, its pictures and its run."""
    made = init_class(administrator, "Demo")
    coordinator = replace(administrator, user=made.coordinator_user, password=made.coordinator_password)
    config = replace(CONFIG, target_iterations=options.num_iterations or DEFAULT_ITERATIONS)
    with Connection(coordinator) as connection:
        accounts = Accounts(connection)
        logins = [accounts.add(f"Student {number + 1}") for number in range(options.num_workers)]
        dataset_id = _import_pictures(connection, options.data, config)
        max_bytes = max_payload_bytes(UpdateFormat.of(config).shapes, config.codec_up)
        run_id = Runs(connection).create("Demo", dataset_id, config, max_bytes)
    return _DemoClass(
        run_id,
        config.target_iterations,
        coordinator,
        tuple(_student(administrator, login) for login in logins),
    )


def _student(administrator: Address, login: Login) -> Address:
    return replace(administrator, user=login.user, password=login.password)


def _import_pictures(connection: Connection, data: Path | None, config: RunConfig) -> int:
    with open_source(data, NUM_DRAWN_FACES) as source:
        _say(f"Preparing {len(source):,} pictures ({source.name}) ...")
        pictures = ImageImport(source, config.image_size, config.seed)
        store = ShardStore(connection)
        dataset_id = store.store(
            source.name,
            config.image_size,
            (NewShard(file.data, file.num_images, file.sha256, file.is_held_out) for file in pictures),
        )
        summary = pictures.summary
    for name, reason in summary.skipped[:5]:
        _say(f"  skipped {name}: {reason}")
    if summary.num_skipped > 5:
        _say(f"  and {summary.num_skipped - 5} more skipped")
    return store.finish(dataset_id, summary.fingerprint)


# ---------------------------------------------------------------------------------------------
# The processes of the class
# ---------------------------------------------------------------------------------------------


@contextmanager
def _processes(
    demo: _DemoClass, folder: Path, num_workers: int, output: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The coordinator and the workers; whoever still runs at the end is asked to stop, then ended."""
    # The coordinator needs little; each worker gets its share of the cores.
    num_threads = max(1, (os.cpu_count() or 1) // num_workers - (num_workers == 1))
    started = [
        _start(demo.coordinator, ["--admin", f"--run={demo.run_id}"], folder, output / "coordinator.log")
    ]
    try:
        for number, student in enumerate(demo.students, start=1):
            options = [f"--name=Computer {number}", f"--threads={num_threads}"]
            started.append(_start(student, options, folder, output / f"worker-{number}.log"))
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(address: Address, options: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start this program as somebody of the class; the password goes by the environment."""
    frozen = getattr(sys, "frozen", False)
    command = [sys.executable] if frozen else [sys.executable, "-m", "gan_desktop"]
    config = folder / "config.yaml"
    config.write_text("# The demo tells its processes everything by their environment.\n", encoding="utf-8")
    environment = {
        **os.environ,
        "PGPASSWORD": address.password or "",
        "GAN_DESKTOP_DATABASE__HOST": address.host,
        "GAN_DESKTOP_DATABASE__PORT": str(address.port),
        "GAN_DESKTOP_DATABASE__DATABASE": address.dbname,
        "GAN_DESKTOP_DATABASE__USER": address.user,
        "GAN_DESKTOP_WORKER__POLL_INTERVAL": "1",
        "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "2",
    }
    with log.open("wb") as file:
        return subprocess.Popen(
            [*command, "--no-gui", f"--config={config}", f"--folder={folder}", *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            # Ctrl+C is for the demo, which then ends its processes in order.
            start_new_session=True,
        )


def _follow(demo: _DemoClass, processes: Sequence[subprocess.Popen[bytes]], output: Path) -> None:
    """Show every iteration and save its faces until the training is complete."""
    coordinator, *workers = processes
    seen = -1
    with Connection(demo.coordinator, "gan-desktop demo") as connection:
        downloads = Downloads(connection)
        while True:
            is_over = Runs(connection).get(demo.run_id).status is RunStatus.COMPLETE
            for progress in downloads.progress(demo.run_id, after=seen):
                seen = progress.iteration
                _say(_progress_line(progress, demo.num_iterations))
            _save_faces(downloads, demo.run_id, output)
            if is_over and coordinator.poll() is not None:
                break
            _require_alive(coordinator, workers, output, is_over)
            time.sleep(0.5)
        _save_losses(downloads.progress(demo.run_id, after=-1), output / "losses.csv")


def _require_alive(
    coordinator: subprocess.Popen[bytes],
    workers: Sequence[subprocess.Popen[bytes]],
    output: Path,
    is_over: bool,
) -> None:
    if is_over:
        return
    if coordinator.poll() is not None:
        raise GanDesktopError(f"The coordinator ended too early. {_last_words(output / 'coordinator.log')}")
    if all(worker.poll() is not None for worker in workers):
        raise GanDesktopError(f"All workers ended too early. {_last_words(output / 'worker-1.log')}")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"Its last words in {log}: {lines[-1]}" if lines else f"It wrote nothing into {log}."


def _progress_line(progress: Progress, num_iterations: int) -> str:
    parts = [f"Iteration {progress.iteration} of {num_iterations}: {progress.total_images:,} images so far"]
    if progress.distance is not None:
        parts.append(f"distance to real pictures {progress.distance:.0f}")
    return ", ".join(parts)


def _save_faces(downloads: Downloads, run_id: int, output: Path) -> None:
    sample = downloads.newest_sample(run_id)
    if sample is not None:
        path = output / f"iteration-{sample.iteration:04d}.png"
        if not path.exists():
            path.write_bytes(sample.png)
            (output / "newest.png").write_bytes(sample.png)


def _save_losses(rows: Sequence[Progress], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["iteration", "images", "loss_g", "loss_d", "d_real", "d_fake", "distance"])
        for row in rows:
            writer.writerow(
                [
                    row.iteration,
                    row.total_images,
                    row.loss_g,
                    row.loss_d,
                    row.d_real,
                    row.d_fake,
                    row.distance,
                ]
            )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
