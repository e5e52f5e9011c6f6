"""`gan-desktop cache`: the pictures of classes and of the Hub that are kept on this computer."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.command_line import say
from gan_desktop.errors import GanDesktopError

if TYPE_CHECKING:
    from gan_desktop.settings import DataSettings
    from gan_desktop.training.shard_folder import ShardFolder


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `cache` its options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="read every file and remove the damaged ones")
    what.add_argument("--clear", action="store_true", help="remove all; what is needed is fetched again")
    # Options of the program itself, which may also stand in front of the command.
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="settings (default: ./config.yaml)",
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="the worker's --folder"
    )


def run(options: argparse.Namespace) -> int:
    """Tell what is there, check or clear it; returns the exit code."""
    from gan_desktop.settings import load_settings
    from gan_desktop.training.shard_folder import ShardFolder

    data = load_settings(options.config).data
    place = options.folder or data.cache_place
    shards = ShardFolder(place / "shards", data.cache_limit_bytes)
    downloads = place / "hub"
    if options.clear:
        _clear(shards, downloads)
    if options.check:
        _check(shards)
    _tell(shards, downloads, data)
    say(f"In {place}.")
    return 0


def _tell(shards: ShardFolder, downloads: Path, data: DataSettings) -> None:
    use = shards.use()
    say(
        f"From classes: {use.num_shards} files of pictures, {_megabytes(use.num_bytes)} of at most"
        f" {_megabytes(data.cache_limit_bytes)}."
    )
    files = [path for path in downloads.rglob("*") if path.is_file()]
    if files:
        say(f"From the Hub: {_megabytes(sum(path.stat().st_size for path in files))}.")


def _check(shards: ShardFolder) -> None:
    num_damaged = shards.check()
    say(
        f"{num_damaged} damaged files were removed; what is needed is fetched again."
        if num_damaged
        else "Every file from classes is whole."
    )


def _clear(shards: ShardFolder, downloads: Path) -> None:
    shards.clear()
    try:
        if downloads.exists():
            shutil.rmtree(downloads)
    except OSError as error:
        raise GanDesktopError(
            f"{downloads} cannot be removed: {error.strerror}. Stop programs that use it and try again.",
            title="The downloads are still there",
        ) from error


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"
