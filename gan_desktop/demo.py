"""A whole class on this computer: PostgreSQL, a coordinator and workers, each a process of its own.

Nothing is simulated: the workers are real students' logins over real connections, and train what
the class's main computer merges. Each demo has a server and a folder of its own, so that several may
run at once; of all that only the output folder stays.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from gan_desktop.class_admin.login import make_class
from gan_desktop.class_admin.people import add_student
from gan_desktop.class_admin.pictures import import_pictures
from gan_desktop.class_admin.trainings import create_run
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.databases import create_database
from gan_desktop.database.downloads import Downloads, Progress
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.statistics import Statistics
from gan_desktop.demo_guard import SERVER_FOLDER
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import RunConfig, RunStatus, SampleDrawn
from gan_desktop.sentences import about_time
from gan_desktop.training.images import ImageSource, open_source

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
# 64 faces of 32 pixels make a picture of 274 pixels, which on a screen is a stamp.
ENLARGEMENT = 3
LOOK_S = 0.5
LAST_WORDS_S = 15.0
# The first rounds are short, because nobody knows yet how fast the computers are.
NUM_MEASURING_ROUNDS = 2


@dataclass(frozen=True)
class DemoOptions:
    """What one may choose.

    Attributes:
        num_iterations: None: some ten minutes' worth.
        data: A folder or zip of pictures; None: drawn faces.
        output: Where the results go; None: a new folder gan-desktop-demo in the current one.
        num_workers: Computers (and students) of the class.
    """

    num_iterations: int | None = None
    data: Path | None = None
    output: Path | None = None
    num_workers: int = 1


@dataclass(frozen=True)
class _DemoClass:
    """The class as it was made: its run and its people's ways in."""

    run_id: int
    config: RunConfig
    coordinator: Address
    students: tuple[Address, ...]


def run_demo(options: DemoOptions) -> bool:
    """Run a demo class until its training is complete (True) or Ctrl+C is pressed (False).

    Raises:
        ImageSetError: The pictures cannot be used.
        GanDesktopError: The server does not start, a process failed, or the results cannot be written.
    """
    started = time.monotonic()
    with open_source(options.data, NUM_DRAWN_FACES) as source, _output_folder(options.output) as output:
        is_complete = False
        # Ctrl+C ends the demo, not the program that still has to say where the faces are.
        with suppress(KeyboardInterrupt):
            _hold_class(source, options, output)
            is_complete = True
        _tell_results(output, is_complete, time.monotonic() - started)
    return is_complete


def _hold_class(source: ImageSource, options: DemoOptions, output: Path) -> None:
    with _Stage() as stage:
        _say("Starting the class's database on this computer ...")
        server = EmbeddedPostgres(
            stage.folder / SERVER_FOLDER,
            max_connections=3 * options.num_workers + 20,
            # The class ends with the demo: nothing of it has to survive a power cut.
            settings={"fsync": "off"},
        )
        demo = _make_class(create_database(server.start(), "demo"), source, options)
        _follow(demo, stage.start_class(demo, output), output)


def _make_class(administrator: Address, source: ImageSource, options: DemoOptions) -> _DemoClass:
    """Make the class, its pictures, its run and its students."""
    coordinator = make_class(administrator, "Demo")
    config = replace(CONFIG, target_iterations=options.num_iterations or DEFAULT_ITERATIONS)
    what = f"{len(source):,} pictures ({source.name})" if options.data else source.name
    _say(f"Preparing {what} ...")
    dataset_id, summary = import_pictures(
        coordinator, source, config.image_size, seed=config.seed, on_progress=_teller()
    )
    for name, reason in summary.skipped[:5]:
        _say(f"  skipped {name}: {reason}")
    if summary.num_skipped > 5:
        _say(f"  and {summary.num_skipped - 5} more skipped")
    return _DemoClass(
        run_id=create_run(coordinator, "Demo", config, dataset_id),
        config=config,
        coordinator=coordinator,
        students=tuple(
            add_student(coordinator, f"Student {number}") for number in range(1, options.num_workers + 1)
        ),
    )


def _teller() -> Callable[[int, int], None]:
    """Tells three times how far a long import is."""
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        quarter = 4 * done // total
        if total >= 2_000 and told < quarter < 4:
            told = quarter
            _say(f"  {done:,} done")

    return tell


# ---------------------------------------------------------------------------------------------
# The processes of the class
# ---------------------------------------------------------------------------------------------


class _Stage:
    """The demo's working folder and processes. A guard (see demo_guard) removes them in every case."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gan-desktop-demo-"))
        # When we are root PostgreSQL runs as somebody else, who has to pass through.
        self.folder.chmod(0o711)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            _program(f"--guard={self.folder}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_own_session(),
        )

    def __enter__(self) -> _Stage:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        for process in (*self._processes, self._guard):
            process.wait()
        if self._guard.returncode:
            _say(f"Something of the demo may be left in {self.folder}.")

    def start_class(self, demo: _DemoClass, output: Path) -> list[subprocess.Popen[bytes]]:
        """Start the coordinator and the workers, in this order."""
        # The coordinator needs little; each worker gets its share of the cores.
        num_workers = len(demo.students)
        num_threads = max(1, (os.cpu_count() or 1) // num_workers - (num_workers == 1))
        self._start(demo.coordinator, ["--admin", f"--run={demo.run_id}"], output / "coordinator.log")
        for number, student in enumerate(demo.students, start=1):
            options = [f"--name=Computer {number}", f"--threads={num_threads}"]
            self._start(student, options, output / f"worker-{number}.log")
        return self._processes

    def _start(self, address: Address, options: Sequence[str], log: Path) -> None:
        """Start this program as somebody of the class; the password goes by the environment."""
        config = self.folder / "config.yaml"
        config.write_text("# The demo tells its processes everything by their environment.\n", "utf-8")
        with log.open("wb") as file:
            process = subprocess.Popen(
                _program("--no-gui", f"--config={config}", f"--folder={self.folder}", *options),
                env=_environment(address, self.folder),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                **_own_session(),
            )
        self._processes.append(process)
        assert self._guard.stdin is not None
        self._guard.stdin.write(b"%d\n" % process.pid)
        self._guard.stdin.flush()


def _program(*arguments: str) -> list[str]:
    is_frozen = getattr(sys, "frozen", False)
    return [sys.executable, *([] if is_frozen else ["-P", "-m", "gan_desktop"]), *arguments]


def _own_session() -> dict[str, Any]:
    """Ctrl+C and the end of the terminal are for the demo, which then ends its processes itself."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return {"start_new_session": True, "creationflags": flags}


def _environment(address: Address, folder: Path) -> Mapping[str, str]:
    """Ours without the person's own class, and with the demo's."""
    foreign = ("GAN_DESKTOP_", "PG")
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)},
        # PyTorch leaves folders among the temporary files.
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
        "PGPASSWORD": address.password or "",
        "GAN_DESKTOP_DATABASE__HOST": address.host,
        "GAN_DESKTOP_DATABASE__PORT": str(address.port),
        "GAN_DESKTOP_DATABASE__DATABASE": address.dbname,
        "GAN_DESKTOP_DATABASE__USER": address.user,
        "GAN_DESKTOP_WORKER__POLL_INTERVAL": "1",
        "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "2",
    }


# ---------------------------------------------------------------------------------------------
# Watching
# ---------------------------------------------------------------------------------------------


def _follow(demo: _DemoClass, processes: Sequence[subprocess.Popen[bytes]], output: Path) -> None:
    """Show every iteration and save its faces until the training is complete and all have ended."""
    coordinator, *workers = processes
    clock = Clock(demo.config.target_iterations)
    told = saved = -1
    with Connection(demo.coordinator, "gan-desktop demo") as connection:
        downloads, statistics = Downloads(connection), Statistics(connection)
        try:
            while True:
                is_over = Runs(connection).get(demo.run_id).status is RunStatus.COMPLETE
                has_ended = coordinator.poll() is not None
                for sample in statistics.samples(demo.run_id, after=saved):
                    saved = sample.iteration
                    _save_faces(sample, output)
                for progress in downloads.progress(demo.run_id, after=told):
                    clock.tick(progress.iteration, time.monotonic())
                    # Faces and distance come seconds after the iteration itself.
                    if has_ended or (progress.iteration <= saved and _is_measured(progress, demo.config)):
                        told = progress.iteration
                        _say(_progress_line(progress, clock))
                if is_over and has_ended:
                    break
                if not is_over:
                    _require_alive(coordinator, workers, output)
                time.sleep(LOOK_S)
        finally:
            _save_losses(downloads.progress(demo.run_id), output / "losses.csv")
    # What they say last stands in their logs.
    for worker in workers:
        with suppress(subprocess.TimeoutExpired):
            worker.wait(LAST_WORDS_S)


def _is_measured(progress: Progress, config: RunConfig) -> bool:
    """Whether the distance is there, where one is to come."""
    is_due = progress.iteration % config.evaluate_every == 0 or progress.iteration == config.target_iterations
    return progress.distance is not None or not is_due


def _require_alive(
    coordinator: subprocess.Popen[bytes], workers: Sequence[subprocess.Popen[bytes]], output: Path
) -> None:
    if coordinator.poll() is not None:
        raise GanDesktopError(f"The coordinator ended too early. {_last_words(output / 'coordinator.log')}")
    if all(worker.poll() is not None for worker in workers):
        raise GanDesktopError(f"All workers ended too early. {_last_words(output / 'worker-1.log')}")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"Its last words in {log}: {lines[-1]}" if lines else f"It wrote nothing into {log}."


class Clock:
    """Estimates the time left by the last rounds' lengths."""

    def __init__(self, num_iterations: int) -> None:
        self.num_iterations = num_iterations
        self._seen: dict[int, float] = {}

    def tick(self, iteration: int, now: float) -> None:
        """An iteration is there, for the first time or still."""
        self._seen.setdefault(iteration, now)

    def words(self, iteration: int) -> str:
        """Such as "about 6 min left"; empty as long as nobody can know."""
        first = max(NUM_MEASURING_ROUNDS, iteration - 5)
        left = self.num_iterations - iteration
        if first not in self._seen or iteration <= first or not left:
            return ""
        mean = (self._seen[iteration] - self._seen[first]) / (iteration - first)
        return f"{about_time(left * mean)} left"


def _progress_line(progress: Progress, clock: Clock) -> str:
    parts = [
        f"Iteration {progress.iteration} of {clock.num_iterations}",
        f"{progress.total_images:,} images" if progress.iteration else "nothing learned yet",
    ]
    if progress.distance is not None:
        parts.append(f"distance to real pictures {progress.distance:.0f}")
    return ", ".join(filter(None, (*parts, clock.words(progress.iteration))))


# ---------------------------------------------------------------------------------------------
# Results
# ---------------------------------------------------------------------------------------------


@contextmanager
def _output_folder(wanted: Path | None) -> Iterator[Path]:
    """The folder for the results, without those of an earlier demo; one that stays empty is removed."""
    output = Path.cwd() if wanted is None else wanted.absolute()
    try:
        if wanted is None:
            output = _new_folder()
        output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output).close()
        for faces in output.glob("iteration-[0-9][0-9][0-9][0-9].png"):
            faces.unlink()
    except OSError as error:
        raise SettingsError(
            f"The results cannot be written to {output}: {error.strerror}."
            " Choose another folder with --output.",
            title="No place for the results",
        ) from error
    try:
        yield output
    finally:
        with suppress(OSError):
            output.rmdir()


def _new_folder() -> Path:
    """gan-desktop-demo in the current folder, with a number where there is one already."""
    for number in itertools.count(1):
        folder = Path.cwd() / ("gan-desktop-demo" if number == 1 else f"gan-desktop-demo-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("there is always another number")


def _save_faces(sample: SampleDrawn, output: Path) -> None:
    picture = _enlarged(sample.png)
    (output / f"iteration-{sample.iteration:04d}.png").write_bytes(picture)
    # In one step: a picture viewer that looks at this very moment must not see half a picture.
    newest = output / "newest.png.new"
    newest.write_bytes(picture)
    newest.replace(output / "newest.png")


def _enlarged(png: bytes) -> bytes:
    """The picture large enough to look at. Lanczos: with plain pixels the eye sees squares, not faces."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        size = (ENLARGEMENT * image.width, ENLARGEMENT * image.height)
        image.resize(size, Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()


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


def _tell_results(output: Path, is_complete: bool, seconds: float) -> None:
    newest = output / "newest.png"
    if is_complete:
        _say(f"Done in {about_time(seconds)}. The faces of every iteration are in {output}:")
    elif newest.exists():
        _say(f"Stopped. The faces so far are in {output}:")
    else:
        _say("Stopped before the first faces.")
        return
    _say(f"  the newest: {newest}")
    _say(f"  how it went: {output / 'losses.csv'}")
    _say(f"  what the coordinator and the workers said: {output / '*.log'}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
