"""What happened, line by line: every report, notice, message and error of this window."""

from __future__ import annotations

import contextlib
import getpass
import logging
import platform
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import takewhile
from pathlib import Path

import shiboken6
from PySide6.QtCore import QObject, Signal, Slot

from gan_desktop import __version__
from gan_desktop.error_report import without_names, without_secrets
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.session import Session
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.words import duration, number, percent
from gan_desktop.records import (
    AT_WORK,
    ClassEvent,
    ClassMessage,
    Joined,
    Notice,
    Report,
    StateChanged,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitStarted,
    WorkerState,
)
from gan_desktop.sentences import sentence

MOST_LINES = 5_000
# Somebody who helps needs the end of the story.
MOST_IN_REPORT = 1_000


class Level(IntEnum):
    """How much a line matters."""

    DETAIL = 0
    EVENT = 1
    PROBLEM = 2


@dataclass(frozen=True)
class LogLine:
    """One line. Private ones (words of the instructor) are shown, but never copied or written to a file."""

    at: float
    level: Level
    text: str
    is_private: bool = False

    def __str__(self) -> str:
        mark = "!" if self.level is Level.PROBLEM else " "
        return f"{datetime.fromtimestamp(self.at):%H:%M:%S} {mark} {self.text}"

    @property
    def in_file(self) -> str:
        """As `log_file` keeps it: there a detail is known by its mark."""
        return f"{datetime.fromtimestamp(self.at):%H:%M:%S} {_MARKS[self.level]} {self.text}"


_MARKS = {Level.DETAIL: "-", Level.EVENT: " ", Level.PROBLEM: "!"}


_PASSING = AT_WORK | {WorkerState.JOINING, WorkerState.CHECKING}


class Log(QObject):
    """Listens to a session and keeps the newest lines.

    Signals:
        added: A `LogLine`.
        changed: It was not the last one, or lines of former starts have come.
    """

    added = Signal(object)
    changed = Signal()
    _warned = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._began = time.time()
        self._state: object = None
        self._is_connected: bool | None = None
        self._heard: set[tuple[str, int]] = set()
        session.reported.connect(self._take_report)
        session.trouble_changed.connect(self._take_trouble)
        session.link_changed.connect(self._take_link)
        session.messages_changed.connect(self._take_messages)
        session.events_changed.connect(self._take_events)
        session.class_changed.connect(self._begin_class)
        self._warned.connect(lambda text: self._add(Level.DETAIL, text))
        handler = _Listener(self)
        logging.getLogger("gan_desktop").addHandler(handler)
        self.destroyed.connect(lambda: logging.getLogger("gan_desktop").removeHandler(handler))
        self._take_trouble(session.trouble)

    def report(self) -> str:
        """The newest lines for somebody who helps, without secrets and names."""
        joined = self._session.joined_as_now
        head = [
            f"GAN Desktop {__version__}, Python {platform.python_version()}, {platform.platform()}",
            *([f"{joined.hardware.gpu_name or 'CPU'}: {joined.device_reason}"] if joined else ()),
        ]
        shown = [line for line in self.lines if not line.is_private][-MOST_IN_REPORT:]
        lines = (f"{datetime.fromtimestamp(line.at):%Y-%m-%d} {line}" for line in shown)
        return without_names("\n".join((*head, "", *lines, "")), names_to_remove(self._session))

    def add_former(self, lines: Sequence[LogLine]) -> None:
        """Put lines of former starts before the first, as many as there is room for."""
        room = MOST_LINES - len(self.lines)
        self.lines.extendleft(reversed(lines[-room:] if room else ()))
        self.changed.emit()

    def warn(self, text: str) -> None:
        """Add what the program's own log says. From any thread."""
        self._warned.emit(text)

    # -- what arrives ---------------------------------------------------------------------------

    def _add(self, level: Level, text: str, *, at: float | None = None, is_private: bool = False) -> None:
        words = " · ".join(without_secrets(text).split("\n"))
        now = time.time()
        line = LogLine(now if at is None else min(at, now), level, words, is_private)
        # What the class tells is a few seconds old by now: it stands where it happened.
        later = list(takewhile(lambda other: at is not None and other.at > line.at, reversed(self.lines)))
        for _ in later:
            self.lines.pop()
        self.lines.extend((line, *reversed(later)))
        self.added.emit(line)
        if later:
            self.changed.emit()

    @Slot(object)
    def _take_report(self, report: Report) -> None:
        match report:
            case StateChanged(state, detail):
                # Not each step of a countdown or of a unit's progress.
                if (news := (state, detail.get("unit_id"))) != self._state:
                    self._state = news
                    self._add(_level(state), engine_text(sentence(state, detail)))
            case Joined(name=name, device_reason=reason):
                words = self.tr("This computer takes part as “{name}”. {reason}")
                self._add(Level.EVENT, words.format(name=name, reason=engine_text(reason)))
            case UnitStarted(unit):
                words = self.tr("Unit {unit} begins: {images} images, from iteration {iteration}.")
                images, iteration = number(unit.num_images), number(unit.iteration)
                self._add(Level.DETAIL, words.format(unit=unit.unit_id, images=images, iteration=iteration))
            case UnitComputed():
                self._add(Level.DETAIL, self._figures(report))
            case UnitDelivered(unit, result, seconds):
                words = self.tr("Unit {unit} is handed in: {images} images in {time}.")
                images = number(result.num_images)
                self._add(Level.EVENT, words.format(unit=unit.unit_id, images=images, time=duration(seconds)))
            case UnitDropped(unit_id, reason):
                words = self.tr("Unit {unit}: {reason}")
                self._add(Level.PROBLEM, words.format(unit=unit_id, reason=engine_text(reason)))
            case Notice(text):
                self._add(Level.EVENT, engine_text(text))

    def _figures(self, computed: UnitComputed) -> str:
        result = computed.result
        words = self.tr(
            "Unit {unit} is computed: loss of G {g}, of D {d}; real pictures recognised {real}, fakes caught"
            " {fakes}."
        )
        return words.format(
            unit=computed.unit.unit_id,
            g=number(result.loss_g, 3),
            d=number(result.loss_d, 3),
            real=percent(result.d_real),
            fakes=percent(result.d_fake),
        )

    @Slot(object)
    def _take_trouble(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self._add(Level.PROBLEM, f"{engine_text(trouble.title)}: {engine_text(trouble.message)}")
            if trouble.details:
                self._add(Level.DETAIL, trouble.details)

    @Slot(object)
    def _take_link(self, link: ClassLink) -> None:
        if link.is_connected == self._is_connected:
            return
        self._is_connected = link.is_connected
        if link.is_connected:
            self._add(Level.EVENT, self.tr("Connected to the class."))
        elif link.error is not None:
            words = self.tr("No connection to the class. {reason}")
            self._add(Level.PROBLEM, words.format(reason=engine_text(link.error.message)))

    @Slot(object)
    def _take_messages(self, messages: tuple[ClassMessage, ...]) -> None:
        for message in reversed(messages):
            if self._is_new("message", message.message_id, message.sent_at):
                words = self.tr("Your instructor: {text}").format(text=message.text)
                self._add(Level.EVENT, words, at=message.sent_at, is_private=True)

    @Slot(object)
    def _take_events(self, events: tuple[ClassEvent, ...]) -> None:
        for event in reversed(events):
            # A message is a line of its own, and stays here.
            if event.kind != "message" and self._is_new("event", event.event_id, event.happened_at):
                self._add(Level.EVENT, engine_text(event.message), at=event.happened_at)

    def _is_new(self, kind: str, number_: int, at: float) -> bool:
        if at < self._began or (kind, number_) in self._heard:
            return False
        self._heard.add((kind, number_))
        return True

    @Slot()
    def _begin_class(self) -> None:
        self._heard.clear()
        self._is_connected = None


class _Listener(logging.Handler):
    """Brings the program's own warnings into the log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """The handler's work, in whatever thread warns."""
        if shiboken6.isValid(self._log):
            self._log.warn(f"{record.name}: {record.getMessage()}")


def names_to_remove(session: Session) -> dict[str, str]:
    """Everything that tells who is in the class, and where it is."""
    names = {row.name: "<somebody>" for row in session.snapshot.leaderboard if not row.is_me}
    names |= dict.fromkeys(_own_names(session), "<me>")
    names[session.title] = "<class>"
    joined = session.joined
    if joined is not None:
        names |= dict.fromkeys(joined.address.hosts, "<host>")
        names |= {joined.address.dbname: "<database>", joined.address.user: "<login>"}
        names[joined.address.password or ""] = "***"
    names[str(Path.home())] = "<home>"
    return names


def _own_names(session: Session) -> Iterator[str]:
    yield from (row.name for row in session.snapshot.leaderboard if row.is_me)
    yield from (session.preferences.name, socket.gethostname(), Path.home().name)
    if session.joined is not None:
        yield session.joined.options.name
    if session.joined_as_now is not None:
        yield from (session.joined_as_now.name, session.joined_as_now.hardware.hostname)
    # A container may have no name for its user.
    with contextlib.suppress(OSError, KeyError):
        yield getpass.getuser()


def _level(state: WorkerState) -> Level:
    if state is WorkerState.RETRYING:
        return Level.PROBLEM
    return Level.DETAIL if state in _PASSING else Level.EVENT
