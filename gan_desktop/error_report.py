"""What a person sees of an error that nobody expected: a sentence, and a file with the details."""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Mapping
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
    report = error_report(error)
    words = f"This is a mistake in the program, not yours ({type(error).__name__}). Start it again."
    try:
        path = _write(report)
    except OSError:
        sys.stderr.write(f"{report}\n{words} If it happens again, report the lines above.\n")
    else:
        sys.stderr.write(f"{words} If it happens again, report it with this file:\n  {path}\n")


def error_report(error: Exception) -> str:
    """Everything a programmer needs to know of an error, without secrets."""
    return without_secrets(
        f"GAN Desktop {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        + "".join(traceback.format_exception(error))
    )


def without_secrets(text: str) -> str:
    """The text without passwords: those inside addresses and join cards, and the one in PGPASSWORD."""
    text = re.sub(r"(://[^\s/@:]*):[^\s@]*@", r"\1:***@", text)
    text = re.sub(r"(gandesktop://join)\S*|\beyJ2Ijo[\w-]*", r"\1***", text)
    password = os.environ.get("PGPASSWORD")
    return text.replace(password, "***") if password else text


def without_names(text: str, names: Mapping[str, str]) -> str:
    """The text without secrets and without names, for people outside the class to read.

    Args:
        names: What is to go (names of people, logins, hosts, folders) and what stands there instead. It goes
            wherever it stands as a whole word, in capitals or not.
    """
    text = without_secrets(text)
    instead = {name.casefold(): word for name, word in names.items() if name.strip()}
    if not instead:
        return text
    # The longest first: a folder holds the name of its owner.
    wanted = sorted(instead, key=len, reverse=True)
    pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)"
    return re.sub(pattern, lambda found: instead[found[0].casefold()], text, flags=re.IGNORECASE)


def _write(report: str) -> Path:
    folder = platformdirs.user_log_path("gan-desktop", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    path.write_text(report, encoding="utf-8")
    return path
