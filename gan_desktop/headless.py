"""The front end without a window: the worker's and the coordinator's console."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import platformdirs

from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import (
    IterationPublished,
    Joined,
    Notice,
    Report,
    SampleDrawn,
    StateChanged,
    StopRequest,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitStarted,
    UpdateRefused,
    WorkerState,
)
from gan_desktop.sentences import about_time, sentence
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions

logger = logging.getLogger(__name__)

CACHE_LIMIT_BYTES = 10_000_000_000

# States that the lines of a unit already tell.
_TOLD_BY_UNITS = {
    WorkerState.JOINING,
    WorkerState.CHECKING,
    WorkerState.CLAIMING,
    WorkerState.LOADING,
    WorkerState.COMPUTING,
    WorkerState.UPLOADING,
    WorkerState.FINISHING,
    WorkerState.WAITING_NONE_FREE,
}


def _print(text: str) -> None:
    """Print at once. Where nobody reads any more (`| head`) the program ends as at the first Ctrl+C."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        # The next lines go nowhere, so that this happens once.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGINT)
    except OSError as error:
        # Lines into a file on a full disk: the work is worth more than its log.
        logger.debug("A line could not be written: %s", error)


class WorkerConsole:
    """Prints a worker's reports as the student guide shows them.

    Reports come from several threads; each report's lines stay together.
    """

    def __init__(self, write: Callable[[str], None] = _print) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: WorkerState | None = None
        self._unit_in_work: int | None = None
        self._seconds_left: float | None = None

    def report(self, report: Report) -> None:
        """Print a report, if it is one for the console."""
        with self._lock:
            lines = self._lines(report)
            if lines:
                self._write("\n".join(lines))

    def say_stopping(self) -> None:
        """Tell what the first Ctrl+C does."""
        with self._lock:
            if self._unit_in_work is None:
                self._write("Stopping.")
            else:
                self._write(
                    f"Finishing work unit {self._unit_in_work} ({about_time(self._seconds_left)})."
                    " Press Ctrl+C again to hand in what is done and stop now."
                )

    def _lines(self, report: Report) -> list[str]:
        match report:
            case Joined():
                return _joined_lines(report)
            case UnitStarted(unit):
                self._waiting = None
                self._unit_in_work, self._seconds_left = unit.unit_id, None
                return [
                    "",
                    f"Processing work unit {unit.unit_id} (iteration {unit.iteration})",
                    f"Number of images: {unit.num_images}",
                ]
            case StateChanged(WorkerState.COMPUTING | WorkerState.FINISHING, detail):
                self._seconds_left = detail.get("seconds_left")
            case UnitComputed(_, result):
                self._unit_in_work = None
                return [
                    f"Completed {result.num_steps} batches ({result.num_images} images)",
                    f"G_loss: {result.loss_g:.3f} | D_loss: {result.loss_d:.3f} | "
                    f"D_real: {result.d_real:.2%} | D_fake: {result.d_fake:.2%}",
                ]
            case UnitDelivered(unit):
                return [
                    "Extracting gradients...",
                    "Uploading gradients...",
                    f"Work unit {unit.unit_id} completed successfully!",
                    f"Units: {report.total_units} | Images: {report.total_images}"
                    f" | Time: {report.seconds:.1f} s",
                ]
            case UnitDropped(unit_id, reason):
                if unit_id == self._unit_in_work:
                    self._unit_in_work = None
                return [f"Work unit {unit_id}: {reason}"]
            case Notice(text):
                return [text]
            case StateChanged(state, detail) if state not in _TOLD_BY_UNITS:
                # Waiting is reported every few seconds with new numbers; one line is enough.
                is_news, self._waiting = state is not self._waiting, state
                return [sentence(state, detail)] if is_news else []
        return []


def _joined_lines(joined: Joined) -> list[str]:
    hardware = joined.hardware
    known = joined.dataset_size > 0
    return [
        *([f"Loaded dataset with {joined.dataset_size} images"] if known else []),
        f"Worker {joined.worker_id} initialized successfully!",
        f"Name: {joined.name}",
        f"GPU: {hardware.gpu_name or 'CPU'}",
        f"Batch size: {joined.batch_size}",
        f"CPU cores: {hardware.cpu_cores}",
        f"RAM: {hardware.ram_gb:.1f} GB",
        *([f"GPU VRAM: {hardware.gpu_vram_gb:.1f} GB"] if hardware.gpu_vram_gb else []),
        *([f"Dataset size: {joined.dataset_size}"] if known else []),
        f"Device: {joined.device_reason}",
        "Waiting for work units...",
    ]


class CoordinatorConsole:
    """Prints what the coordinator does: a line for each iteration; saves the faces in `output`."""

    def __init__(self, write: Callable[[str], None] = _print, output: Path | None = None) -> None:
        self._write = write
        self._output = output

    def report(self, report: Report) -> None:
        """Print a report, if it is one for the console."""
        match report:
            case IterationPublished(iteration=0):
                self._write("Iteration 0 published: the network has not learned anything yet.")
            case IterationPublished():
                self._write(_iteration_line(report))
            case SampleDrawn(iteration, png) if self._output is not None:
                self._save_faces(self._output, iteration, png)
            case UpdateRefused(update_id, worker_id, reason):
                self._write(f"Update {update_id} of worker {worker_id} does not count: {reason}")
            case Notice(text):
                self._write(text)

    def _save_faces(self, output: Path, iteration: int, png: bytes) -> None:
        try:
            output.mkdir(parents=True, exist_ok=True)
            for name in (f"iteration-{iteration:04d}.png", "newest.png"):
                (output / name).write_bytes(png)
        except OSError as error:  # the training is worth more than a picture of it
            self._write(f"The faces could not be saved in {output}: {error.strerror}.")


def _iteration_line(report: IterationPublished) -> str:
    parts = [
        f"Iteration {report.iteration}: {report.num_updates} update{'s' * (report.num_updates != 1)},"
        f" {report.num_images} images"
        f" in {report.seconds:.1f} s"
    ]
    if report.loss_g is not None and report.loss_d is not None:
        parts.append(f"G_loss: {report.loss_g:.3f} | D_loss: {report.loss_d:.3f}")
    if report.d_real is not None and report.d_fake is not None:
        parts.append(f"D_real: {report.d_real:.2%} | D_fake: {report.d_fake:.2%}")
    if report.distance is not None:
        parts.append(f"Distance: {report.distance:.1f}")
    return " | ".join(parts)


def _folders(chosen: Path | None) -> tuple[Path, Path]:
    """Where workers keep their identity and finished units, and where pictures are cached.

    Not both in the system's cache folder: cleaning that must lose nobody's work.
    """
    if chosen is not None:
        return chosen / "workers", chosen / "shards"
    return (
        platformdirs.user_data_path("gan-desktop", appauthor=False) / "workers",
        platformdirs.user_cache_path("gan-desktop", appauthor=False) / "shards",
    )


def run_worker(address: Address, options: WorkerOptions, folder: Path | None = None) -> bool:
    """Contribute until the training is complete (True) or the person stops (False).

    Ctrl+C or SIGTERM once: finish the unit and hand it in. Twice: hand in what is done.
    """
    console = WorkerConsole()
    workers, shards = _folders(folder)
    print("Initializing worker...", flush=True)  # noqa: T201
    # Without the host: the class's server may move, and this computer is still the same worker.
    home = WorkerHome.open(workers, f"{address.dbname}/{address.user}")
    try:
        cache = ShardCache(shards, CACHE_LIMIT_BYTES, lambda text: console.report(Notice(text)))
        worker = Worker(address, home, cache, options, console)

        def stop(times: int) -> None:
            if times == 1:
                console.say_stopping()
                worker.request_stop(StopRequest.FINISH_UNIT)
            else:
                if times == 2:
                    console.report(Notice("Handing in what is done and stopping."))
                worker.request_stop(StopRequest.HAND_IN_NOW)

        return _run_with_signals(worker.run, stop)
    finally:
        home.close()


def run_coordinator(
    address: Address,
    run_id: int | None = None,
    folder: Path | None = None,
    output: Path | None = None,
) -> bool:
    """Coordinate a training until it is complete (True) or the instructor stops it (False).

    Args:
        run_id: Which training; None: the one in progress, else the newest that was never started.
        output: Save every grid of faces in this folder, the last one as newest.png too.

    Raises:
        GanDesktopError: There is no training to coordinate.
    """
    with Connection(address, "gan-desktop coordinator") as connection:
        runs = Runs(connection)
        run_id = runs.unfinished() if run_id is None else runs.get(run_id).run_id
    if run_id is None:
        raise GanDesktopError("The class has no training to run. Make one first: gan-desktop class new-run.")
    console = CoordinatorConsole(output=output)
    _, shards = _folders(folder)
    coordinator = Coordinator(address, run_id, ShardCache(shards, CACHE_LIMIT_BYTES), console)

    def stop(times: int) -> None:
        if times == 1:
            console.report(Notice("Stopping. The workers wait, and go on with the next start."))
        coordinator.stop()

    return _run_with_signals(coordinator.run, stop)


def _run_with_signals(run: Callable[[], bool], stop: Callable[[int], None]) -> bool:
    """Run a loop in a thread of its own and tell `stop` how often Ctrl+C or SIGTERM came.

    A signal's handler interrupts the main thread wherever it is; there it must not meet a lock that
    the loop holds.
    """
    outcome: list[bool | BaseException] = []

    def target() -> None:
        try:
            outcome.append(run())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=target, name="loop")
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        thread.start()
        told = 0
        while thread.is_alive():
            thread.join(0.1)
            while told < len(received):
                told += 1
                stop(told)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result
