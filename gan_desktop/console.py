"""What a program without a window writes: lines for people, or one JSON object per event for machines."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Protocol

from gan_desktop import __version__
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.files import write_whole
from gan_desktop.names import for_terminal
from gan_desktop.records import (
    AT_WORK,
    IterationPublished,
    Joined,
    Notice,
    ReadyCheck,
    Report,
    SampleDrawn,
    StateChanged,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitStarted,
    UpdateRefused,
    WorkerState,
)
from gan_desktop.sentences import START_HINT, about_time, sentence

logger = logging.getLogger(__name__)

Write = Callable[[str], None]

LOG_FILE_BYTES = 5_000_000
LOG_FILES_KEPT = 5

# States that the lines of a unit already tell.
_TOLD_BY_UNITS = AT_WORK | {WorkerState.JOINING, WorkerState.CHECKING}


# ---------------------------------------------------------------------------------------------
# Where lines go
# ---------------------------------------------------------------------------------------------


# Of all threads: the screen is one.
_screen = threading.Lock()


def print_lines(text: str) -> None:
    """Print at once, and nothing in between from another thread. Where nobody reads any more (`| head`) the
    program ends as at the first Ctrl+C.
    """
    try:
        with _screen:
            sys.stdout.write(f"{for_terminal(text)}\n")
            sys.stdout.flush()
    except BrokenPipeError:
        # The next lines go nowhere, so that this happens once.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGINT)
    except OSError as error:
        # Lines into a file on a full disk: the work is worth more than its log.
        logger.debug("A line could not be written: %s", error)


class LogFile:
    """A file that keeps what is written on the screen; full, it is renamed FILE.1, FILE.1 to FILE.2 ...

    Args:
        stamped: Each line begins with the time. JSON lines have theirs inside.

    Raises:
        SettingsError: The file cannot be written.
    """

    def __init__(self, path: Path, *, stamped: bool) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handler = _PatientHandler(
                path, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8"
            )
        except OSError as error:
            raise SettingsError(
                f"The log file {path} cannot be written ({error.strerror}). Choose another with --log-file.",
                title="No log file",
            ) from error
        form = "%(asctime)s %(message)s" if stamped else "%(message)s"
        self._handler.setFormatter(logging.Formatter(form, "%Y-%m-%d %H:%M:%S"))

    def write(self, text: str) -> None:
        """Add lines; an empty one is left out."""
        for line in filter(None, for_terminal(text).splitlines()):
            self._handler.handle(logging.makeLogRecord({"msg": line, "levelno": logging.INFO}))

    def close(self) -> None:
        """Write nothing any more."""
        self._handler.close()


class _PatientHandler(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on on a full disk: the work is worth more than its log."""


def both(first: Write, second: Write) -> Write:
    """Write to two places, from all threads in the same order."""
    lock = threading.Lock()

    def write(text: str) -> None:
        with lock:
            first(text)
            second(text)

    return write


# ---------------------------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------------------------


class Console(Protocol):
    """Writes what a worker reports; may be called from several threads."""

    def report(self, report: Report) -> None:
        """Write a report, if it is one for the console."""
        ...

    def say_starting(self) -> None:
        """Tell that the program is there."""
        ...

    def say_stopping(self) -> None:
        """Tell what the first Ctrl+C does."""
        ...

    def say_failed(self, error: GanDesktopError) -> None:
        """Tell why the worker ends."""
        ...


class WorkerConsole:
    """Prints a worker's reports as the student guide shows them.

    Reports come from several threads; each report's lines stay together.

    Args:
        write_error: Takes why the worker ends, which the program itself tells on the screen.
    """

    def __init__(self, write: Write = print_lines, write_error: Write = lambda _text: None) -> None:
        self._write = write
        self._write_error = write_error
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

    def say_starting(self) -> None:
        """Tell that the first seconds pass without a word."""
        self._write("Initializing worker...")

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

    def say_failed(self, error: GanDesktopError) -> None:
        """Tell why the worker ends."""
        self._write_error(f"{error.title}: {error.message}")

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
                return [sentence(state, detail).removesuffix(START_HINT)] if is_news else []
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


class JsonConsole:
    """Writes one JSON object per event and line. docs/lab.md lists events and fields; both are stable.

    Args:
        common: Fields that every object has, such as the device of one of several workers.
    """

    def __init__(self, write: Write = print_lines, common: Mapping[str, Any] | None = None) -> None:
        self._write = write
        self._common = dict(common or {})
        self._lock = threading.Lock()
        self._state: WorkerState | None = None

    def report(self, report: Report) -> None:
        """Write a report, if it is one for a log."""
        with self._lock:
            if isinstance(report, StateChanged):
                # The same state comes again and again with new figures.
                is_news, self._state = report.state is not self._state, report.state
                if not is_news:
                    return
            if isinstance(report, Joined):
                self._common["worker_id"] = report.worker_id
            event = _event(report)
            if event is not None:
                self._emit(*event)

    def say_starting(self) -> None:
        """Tell that the program is there."""
        with self._lock:
            self._emit("starting", {"version": __version__})

    def say_stopping(self) -> None:
        """Tell of the first Ctrl+C."""
        with self._lock:
            self._emit("stopping", {})

    def say_failed(self, error: GanDesktopError) -> None:
        """Tell why the worker ends."""
        fields = {"title": error.title, "message": error.message, "exit_code": error.exit_code}
        with self._lock:
            self._emit("error", fields)

    def _emit(self, event: str, fields: Mapping[str, Any]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write(json.dumps({"time": moment, "event": event, **self._common, **fields}))


def _event(report: Report) -> tuple[str, dict[str, Any]] | None:
    """A report's name and fields in the log; None: it is none for the log."""
    match report:
        case StateChanged(state, detail):
            return "state", {
                "state": state.value,
                "sentence": sentence(state, detail).removesuffix(START_HINT),
                "detail": dict(detail),
            }
        case ReadyCheck():
            figures = dataclasses.asdict(report)
            return "ready", {"processor": figures.pop("device"), **figures}
        case Joined(hardware=hardware):
            return "joined", {
                "name": report.name,
                **dataclasses.asdict(hardware),
                "device_reason": report.device_reason,
                "batch_size": report.batch_size,
                "dataset_size": report.dataset_size,
            }
        case UnitStarted(unit):
            return "unit_started", {
                "unit_id": unit.unit_id,
                "iteration": unit.iteration,
                "num_images": unit.num_images,
            }
        case UnitComputed(unit, result):
            figures = dataclasses.asdict(result)
            del figures["check"]
            return "unit_computed", {"unit_id": unit.unit_id, "iteration": unit.iteration, **figures}
        case UnitDelivered(unit, result):
            return "unit_delivered", {
                "unit_id": unit.unit_id,
                "iteration": unit.iteration,
                "num_images": result.num_images,
                "seconds": round(report.seconds, 3),
                "num_bytes_up": report.num_bytes_up,
                "total_units": report.total_units,
                "total_images": report.total_images,
            }
        case UnitDropped(unit_id, reason):
            return "unit_dropped", {"unit_id": unit_id, "reason": reason}
        case Notice(text):
            return "notice", {"text": text}
    return None


@dataclass(frozen=True)
class LogOptions:
    """How a worker's lines look, and the file that keeps them besides the screen."""

    file: Path | None = None
    as_json: bool = False


@contextmanager
def open_console(options: LogOptions, common: Mapping[str, Any] | None = None) -> Iterator[Console]:
    """The console of a worker as wished.

    Args:
        common: Fields that every JSON object has.

    Raises:
        SettingsError: The log file cannot be written.
    """
    with open_writer(options) as (write, write_file):
        yield make_console(options, write, write_file, common)


def make_console(
    options: LogOptions, write: Write, write_file: Write, common: Mapping[str, Any] | None = None
) -> Console:
    """Like `open_console`, over writers that are open."""
    return JsonConsole(write, common) if options.as_json else WorkerConsole(write, write_file)


@contextmanager
def open_writer(options: LogOptions) -> Iterator[tuple[Write, Write]]:
    """Writers to screen and file, and to the file alone."""
    if options.file is None:
        yield print_lines, lambda _text: None
        return
    log_file = LogFile(options.file, stamped=not options.as_json)
    try:
        yield both(print_lines, log_file.write), log_file.write
    finally:
        log_file.close()


# ---------------------------------------------------------------------------------------------
# The coordinator
# ---------------------------------------------------------------------------------------------


class CoordinatorConsole:
    """Prints what the coordinator does: a line for each iteration; saves the faces in `output`."""

    def __init__(self, write: Write = print_lines, output: Path | None = None) -> None:
        self._write = write
        self._output = output

    def report(self, report: Report) -> None:
        """Print a report, if it is one for the console."""
        match report:
            case IterationPublished(iteration=0):
                self._write("Iteration 0 published: the weights that this training begins with.")
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
                write_whole(output / name, png)
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
