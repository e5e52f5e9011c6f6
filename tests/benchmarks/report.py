"""How a benchmark tells what it found: a markdown table under the computer and the day."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

# The discriminator and generator of the DCGAN paper at its own size: 6.3 million weights.
PAPER_FEATURE_MAPS = 64


def is_quick(description: str, arguments: Sequence[str] | None) -> bool:
    """Read the command line of a benchmark: its only option is the smallest setting."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="the smallest setting, to see that it runs")
    return bool(parser.parse_args(arguments).quick)


def print_report(headers: Sequence[str], rows: Sequence[Sequence[object]], *notes: str) -> None:
    """Print a table, what has to be known to read it, and where it was measured."""
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in (headers, *rows)]
    lines.insert(1, "|" + "---|" * len(headers))
    _write("\n".join(lines) + "\n\n" + "\n".join((*notes, f"Measured {_where_and_when()}.")) + "\n")


def tell(text: str) -> None:
    """Say on stderr what is going on: the table alone goes to stdout."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _where_and_when() -> str:
    day = datetime.now(UTC).date().isoformat()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no graphics card"
    load = f", load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return f"{day} on {cores} cores of an {_processor()}, {card}{load}"


def _processor() -> str:
    if (listing := Path("/proc/cpuinfo")).exists():
        for line in listing.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
