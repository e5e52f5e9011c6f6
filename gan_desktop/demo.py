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
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.statistics import Statistics
from gan_desktop.demo_class import DemoClass, DemoOptions, DemoStage, open_demo_pictures
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.files import write_whole
from gan_desktop.records import Progress, RunConfig, RunStatus, SampleDrawn
from gan_desktop.sentences import about_time
from gan_desktop.training.images import ImageSource

# 64 faces of 32 pixels make a picture of 274 pixels, which on a screen is a stamp.
ENLARGEMENT = 3
LOOK_S = 0.5
LAST_WORDS_S = 15.0
# The first rounds are short, because nobody knows yet how fast the computers are.
NUM_MEASURING_ROUNDS = 2


def run_demo(options: DemoOptions) -> bool:
    """Run a demo class until its training is complete (True) or Ctrl+C is pressed (False).

    Raises:
        ImageSetError: The pictures cannot be used.
        GanDesktopError: The server does not start, a process failed, or the results cannot be written.
    """
    started = time.monotonic()
    with open_demo_pictures(options) as source, _output_folder(options.output) as output:
        is_complete = False
        # Ctrl+C ends the demo, not the program that still has to say where the faces are.
        with suppress(KeyboardInterrupt):
            _hold_class(source, options, output)
            is_complete = True
        _tell_results(output, is_complete, time.monotonic() - started)
    return is_complete


def _hold_class(source: ImageSource, options: DemoOptions, output: Path) -> None:
    stage = DemoStage()
    try:
        demo = stage.make_class(source, options, _say)
        stage.start_coordinator(demo, output / "coordinator.log")
        # The coordinator needs little; each worker gets its share of the cores.
        num_threads = max(1, (os.cpu_count() or 1) // options.num_workers - (options.num_workers == 1))
        for number, student in enumerate(demo.students, start=1):
            stage.start_worker(student, number, num_threads, output / f"worker-{number}.log")
        _follow(demo, stage.processes, output)
    finally:
        if stage.end():
            _say(f"Something of the demo may be left in {stage.folder}.")


# ---------------------------------------------------------------------------------------------
# Watching
# ---------------------------------------------------------------------------------------------


def _follow(demo: DemoClass, processes: Sequence[subprocess.Popen[bytes]], output: Path) -> None:
    """Show every iteration and save its faces until the training is complete and all have ended."""
    coordinator, *workers = processes
    clock = Clock(demo.config.target_iterations)
    told = saved = -1
    with Connection(demo.coordinator, "gan-desktop demo") as connection:
        view, statistics = ClassView(connection), Statistics(connection)
        try:
            while True:
                is_over = Runs(connection).get(demo.run_id).status is RunStatus.COMPLETE
                has_ended = coordinator.poll() is not None
                for sample in statistics.samples(demo.run_id, after=saved):
                    saved = sample.iteration
                    _save_faces(sample, output)
                for progress in view.history(demo.run_id, first=told + 1):
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
            _save_losses(view.history(demo.run_id), output / "losses.csv")
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
        raise GanDesktopError(
            f"The coordinator ended too early. {_last_words(output / 'coordinator.log')}",
            title="The demo stopped",
        )
    if all(worker.poll() is not None for worker in workers):
        raise GanDesktopError(
            f"All workers ended too early. {_last_words(output / 'worker-1.log')}", title="The demo stopped"
        )


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
    write_whole(output / "newest.png", picture)


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
