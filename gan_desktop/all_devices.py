"""One worker for each graphics card of this computer, and one parent that looks after them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gan_desktop.console import Console, LogOptions, Write, make_console, open_writer
from gan_desktop.interrupts import run_with_signals
from gan_desktop.own_process import own_program, own_session
from gan_desktop.records import Notice
from gan_desktop.training.device import graphics_cards, num_cores
from gan_desktop.worker.home import MAX_WORKERS

# Of several ways to end, the parent's is the one that most needs a look.
_WORST_LAST = (0, 130, 3, 2, 1)


@dataclass
class _Child:
    device: str
    process: subprocess.Popen[str]


def run_all_devices(arguments: Sequence[str], password: str | None, log: LogOptions) -> int:
    """Run a worker process per graphics card until all have ended; returns the exit code of the worst.

    A worker that ends is not started again: why it ended stands in the lines, and the others go on. Ctrl+C
    is passed on, once and twice.

    Args:
        arguments: Of the program, for every worker; the device and the worker's number are added.
        password: Goes by the environment: an argument could be read by everybody on the computer.
    """
    environment = {**os.environ, **({} if password is None else {"PGPASSWORD": password})}
    with open_writer(log) as (write, write_file):
        console = make_console(log, write, write_file)
        devices, words = _devices()
        console.report(Notice(words))
        extra = [] if _names_threads(arguments) else _threads_for(devices)
        children = _start_all(devices, [*arguments, *extra], environment)
        pipes = [
            threading.Thread(target=_pass_lines_on, args=(child, console, write), name=child.device)
            for child in children
        ]
        for pipe in pipes:
            pipe.start()

        def wait() -> bool:
            for child in children:
                child.process.wait()
            for pipe in pipes:
                pipe.join()
            return True

        run_with_signals(wait, lambda _times: _interrupt(children))
        return max((_exit_code(child) for child in children), key=_WORST_LAST.index)


def _devices() -> tuple[list[str], str]:
    """This computer's graphics cards, or the CPU where there is none; and a sentence that says so."""
    cards, absence = graphics_cards()
    if not cards:
        return ["cpu"], f"{absence} One worker computes with the CPU."
    used = cards[:MAX_WORKERS]
    more = f" (of {len(cards)}: a login has at most {MAX_WORKERS})" if len(cards) > len(used) else ""
    return used, f"Starting {len(used)} worker{'s' * (len(used) != 1)}{more}: {', '.join(used)}."


def _names_threads(arguments: Sequence[str]) -> bool:
    return any(argument.startswith("--threads") for argument in arguments)


def _threads_for(devices: Sequence[str]) -> list[str]:
    """Beside cards the cores are shared out; a CPU's worker measures what is best for it."""
    return [] if devices == ["cpu"] else [f"--threads={max(1, (num_cores() - 1) // len(devices))}"]


def _start_all(
    devices: Sequence[str], arguments: Sequence[str], environment: Mapping[str, str]
) -> list[_Child]:
    """A worker for each device, or none: those that run would be nobody's if a later one cannot start."""
    children: list[_Child] = []
    try:
        for number, device in enumerate(devices, start=1):
            own = [f"--device={device}", f"--instance={number}"]
            children.append(_Child(device, _start([*arguments, *own], environment)))
    except BaseException:
        _interrupt(children)
        for child in children:
            # Read until its end: a full pipe would keep it from ending.
            child.process.communicate()
        raise
    return children


def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        own_program("--no-gui", *arguments),
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Errors come between the lines they belong to.
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # Ctrl+C comes to the parent alone, which passes it on: twice would mean something else.
        **own_session(has_console=True),
    )


def _pass_lines_on(child: _Child, console: Console, write: Write) -> None:
    """Write a worker's lines as they come, with its device before them; JSON objects hold it already."""
    assert child.process.stdout is not None
    for line in child.process.stdout:
        text = line.rstrip("\n")
        write(text if text.startswith("{") else f"[{child.device}] {text}".rstrip())
    child.process.stdout.close()
    if code := child.process.wait():
        ended = f"The worker of {child.device} has ended with exit code {code}. It is not started again."
        console.report(Notice(ended))


def _interrupt(children: Sequence[_Child]) -> None:
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))


def _exit_code(child: _Child) -> int:
    """As the program has it; 1 for what it does not know, such as an end by the system."""
    code = child.process.returncode
    return code if code in _WORST_LAST else 1
