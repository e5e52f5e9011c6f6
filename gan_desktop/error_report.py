"""What a person sees of an error that nobody expected: a sentence, and a file with the details."""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
import time
import traceback
from pathlib import Path

import platformdirs

from gan_desktop import __version__

logger = logging.getLogger(__name__)


def tell_unexpected(error: Exception) -> None:
    """Say on stderr what happened and where the details are.

    What the operating system refuses (a full disk, a file without rights) is the person's to mend; all else
    is a mistake in this program.
    """
    logger.debug("Ended by an error", exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(
            f"The computer refused: {place}{error.strerror}."
            " Mend that (free space, rights) and start again.\n"
        )
        return
    report = without_secrets(
        f"GAN Desktop {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        + "".join(traceback.format_exception(error))
    )
    words = f"This is a mistake in the program, not yours ({type(error).__name__}). Start it again."
    try:
        path = _write(report)
    except OSError:
        sys.stderr.write(f"{report}\n{words} If it happens again, report the lines above.\n")
    else:
        sys.stderr.write(f"{words} If it happens again, report it with this file:\n  {path}\n")


def without_secrets(text: str) -> str:
    """The text without passwords: those inside addresses, and the one in PGPASSWORD."""
    text = re.sub(r"(://[^\s/@:]*):[^\s@]*@", r"\1:***@", text)
    password = os.environ.get("PGPASSWORD")
    return text.replace(password, "***") if password else text


def _write(report: str) -> Path:
    folder = platformdirs.user_log_path("gan-desktop", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    path.write_text(report, encoding="utf-8")
    return path
