"""The front end without a window: the worker's and the coordinator's console."""

from __future__ import annotations

import logging
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
    StateChanged,
    StopRequest,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitProgress,
    UnitStarted,
    UpdateRefused,
    WorkerState,
)
from gan_desktop.sentences import sentence
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker, WorkerOptions

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
    WorkerState.STOPPED,
}


class WorkerConsole:
    """Prints a worker's reports as the student guide shows them.

    Reports come from several threads; each report's lines stay together.
    """

    def __init__(self, write: Callable[[str], None] = lambda text: print(text, flush=True)) -> None:  # noqa: T201
        self._write = write
        self._lock = threading.Lock()
        self._last_sentence = ""
        self.unit_in_work: UnitProgress | None = None

    def report(self, report: Report) -> None:
        """Print a report, if it is one for the console."""
        lines = self._lines(report)
        if lines:
            with self._lock:
                self._write("\n".join(lines))

    def _lines(self, report: Report) -> list[str]:
        match report:
            case Joined():
                return _joined_lines(report)
            case UnitStarted(unit):
                self._last_sentence = ""
                return [
                    "",
                    f"Processing work unit {unit.unit_id} (iteration {unit.iteration})",
                    f"Number of images: {unit.num_images}",
                ]
            case UnitProgress():
                self.unit_in_work = report
            case UnitComputed(_, result):
                self.unit_in_work = None
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
                return [f"Work unit {unit_id}: {reason}"]
            case Notice(text):
                return [text]
            case StateChanged(state, detail) if state not in _TOLD_BY_UNITS:
                return self._new_sentence(sentence(state, detail), state)
        return []

    def _new_sentence(self, words: str, state: WorkerState) -> list[str]:
        # Waiting may be reported every few seconds with new numbers; one line is enough.
        kind = state.value
        if kind == self._last_sentence:
            return []
        self._last_sentence = kind
        return [words]


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
    """Prints what the coordinator does: a line for each iteration."""

    def __init__(self, write: Callable[[str], None] = lambda text: print(text, flush=True)) -> None:  # noqa: T201
        self._write = write

    def report(self, report: Report) -> None:
        """Print a report, if it is one for the console."""
        match report:
            case IterationPublished(iteration=0):
                self._write("Iteration 0 published: the network has not learned anything yet.")
            case IterationPublished():
                self._write(_iteration_line(report))
            case UpdateRefused(update_id, worker_id, reason):
                self._write(f"Update {update_id} of worker {worker_id} does not count: {reason}")
            case Notice(text):
                self._write(text)


def _iteration_line(report: IterationPublished) -> str:
    parts = [
        f"Iteration {report.iteration}: {report.num_updates} updates, {report.num_images} images"
        f" in {report.seconds:.1f} s"
    ]
    if report.loss_g is not None and report.loss_d is not None:
        parts.append(f"G_loss: {report.loss_g:.3f} | D_loss: {report.loss_d:.3f}")
    if report.d_real is not None and report.d_fake is not None:
        parts.append(f"D_real: {report.d_real:.2%} | D_fake: {report.d_fake:.2%}")
    if report.distance is not None:
        parts.append(f"Distance: {report.distance:.1f}")
    return " | ".join(parts)


def default_folder() -> Path:
    """Where this user's programs keep state and pictures."""
    return platformdirs.user_cache_path("gan-desktop", appauthor=False)


def run_worker(address: Address, options: WorkerOptions, folder: Path | None = None) -> bool:
    """Contribute until the training is complete (True) or the person stops (False).

    Ctrl+C or SIGTERM once: finish the unit and hand it in. Twice: hand in what is done.
    """
    console = WorkerConsole()
    folder = folder or default_folder()
    print("Initializing worker...", flush=True)  # noqa: T201
    account = f"{address.host}:{address.port}/{address.dbname}/{address.user}"
    home = WorkerHome.open(folder / "workers", account)
    try:
        cache = ShardCache(folder / "shards", CACHE_LIMIT_BYTES, lambda text: console.report(Notice(text)))
        worker = Worker(address, home, cache, options, console)

        def stop(times: int) -> None:
            if times == 1:
                console.report(Notice(_finishing_words(console.unit_in_work)))
                worker.request_stop(StopRequest.FINISH_UNIT)
            else:
                if times == 2:
                    console.report(Notice("Handing in what is done and stopping."))
                worker.request_stop(StopRequest.HAND_IN_NOW)

        is_complete = _run_with_signals(worker.run, stop)
    finally:
        home.close()
    console.report(Notice(sentence(WorkerState.COMPLETE if is_complete else WorkerState.STOPPED, {})))
    return is_complete


def _finishing_words(progress: UnitProgress | None) -> str:
    again = "Press Ctrl+C again to hand in what is done and stop now."
    if progress is None:
        return f"Stopping. {again}"
    done = f"{progress.num_images_done} of {progress.num_images} images done"
    return f"Finishing work unit {progress.unit_id} ({done}). {again}"


def run_coordinator(address: Address, run_id: int | None = None, folder: Path | None = None) -> bool:
    """Coordinate a training until it is complete (True) or the instructor stops it (False).

    Args:
        run_id: Which training; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is no training to coordinate.
    """
    if run_id is None:
        with Connection(address, "gan-desktop coordinator") as connection:
            run_id = Runs(connection).unfinished()
        if run_id is None:
            raise GanDesktopError(
                "The class has no training to run. Make one first: gan-desktop class new-run."
            )
    console = CoordinatorConsole()
    cache = ShardCache((folder or default_folder()) / "shards", CACHE_LIMIT_BYTES)
    coordinator = Coordinator(address, run_id, cache, console)
    return _run_with_signals(coordinator.run, lambda _: coordinator.stop())


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


def print_error(error: GanDesktopError) -> None:
    """Show an expected trouble: what happened and what to do."""
    sys.stderr.write(f"{error.title}: {error.message}\n")
