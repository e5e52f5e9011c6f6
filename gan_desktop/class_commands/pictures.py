"""What the class learns from: `class import`, `pictures`, `check-pictures`, `delete-pictures`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file
from gan_desktop.command_line import count, say
from gan_desktop.errors import GanDesktopError, SettingsError

if TYPE_CHECKING:
    from rich.progress import Progress

    from gan_desktop.class_admin.pictures import HubAccess, WebPlace
    from gan_desktop.database.shards import StoredPictures
    from gan_desktop.settings import Settings
    from gan_desktop.training.images import ImageSource
    from gan_desktop.training.preview import Preview
    from gan_desktop.training.shards import ImportSummary

NUM_SKIPPED_NAMED = 20


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    pictures = commands.add("import", "store pictures to learn from", _import, commands.login)
    source = pictures.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "source",
        nargs="?",
        metavar="PLACE",
        help="a folder, a zip, or hub:OWNER/NAME[@REVISION][/FILE] of the Hugging Face Hub",
    )
    source.add_argument("--drawn", type=count, metavar="N", help="N drawn faces instead")
    pictures.add_argument(
        "--size", type=int, choices=(32, 64, 128), help="edge in pixels (default: training.image_size)"
    )
    pictures.add_argument(
        "--estimate", action="store_true", help="only look how many there are and what they would take"
    )
    pictures.add_argument(
        "--skipped-list", type=Path, metavar="FILE", help="write all skipped files and why to a new file"
    )
    web = pictures.add_argument_group("on a web server instead of the database")
    web.add_argument(
        "--export-shards", type=Path, metavar="DIR", help="write the pictures as files into this folder"
    )
    web.add_argument("--url", metavar="URL", help="where you will put these files: an https address")

    check = commands.add(
        "check-pictures", "fetch all stored pictures as a worker would", _check, commands.login
    )
    check.add_argument("--dataset", type=count, metavar="N", help="this data set, not the newest")

    commands.add("pictures", "list the stored pictures and what they take", _list, commands.login)
    delete = commands.add(
        "delete-pictures", "delete pictures that no training needs any more", _delete, commands.login
    )
    delete.add_argument("dataset", type=count, metavar="N", help="their number, as `class pictures` shows it")
    delete.add_argument("--yes", action="store_true", help="do not ask")


# ---------------------------------------------------------------------------------------------
# class import
# ---------------------------------------------------------------------------------------------


def _import(options: argparse.Namespace, log_in: LogIn) -> None:
    web = _web_place(options)
    settings, coordinator = log_in()
    from gan_desktop.class_admin.pictures import import_pictures, preview

    size = options.size or settings.run_config().image_size
    with _open(options, settings) as source, _list_of_skipped(options.skipped_list) as list_skipped:
        estimate = _estimate(source, preview(source, size), size)
        if options.estimate:
            say(estimate)
            return
        sys.stderr.write(f"{estimate}\n")
        with _bar() as bar:
            task = bar.add_task("Preparing pictures", total=len(source))
            dataset_id, summary = import_pictures(
                coordinator,
                source,
                size,
                web=web,
                on_progress=lambda done, _: bar.update(task, completed=done),
            )
        for name, reason in summary.skipped:
            list_skipped(f"{_printable(name)}\t{reason}")
    _tell_skipped(summary, options.skipped_list)
    say(
        f"Data set {dataset_id}: {summary.num_images - summary.num_held_out:,} pictures to learn from,"
        f" {summary.num_held_out:,} kept for measuring, {summary.num_skipped:,} skipped."
    )
    if web is not None:
        say(f"Now copy the files of {web.folder} to where {web.url} shows them, and see that all are there:")
        say(f"  gan-desktop class check-pictures --dataset {dataset_id}")


def _web_place(options: argparse.Namespace) -> WebPlace | None:
    if (options.export_shards is None) != (options.url is None):
        raise SettingsError("--export-shards DIR and --url URL belong together: write both, or neither.")
    if options.url is None:
        return None
    from gan_desktop.class_admin.pictures import WebPlace

    return WebPlace(options.export_shards, options.url)


@contextmanager
def _open(options: argparse.Namespace, settings: Settings) -> Iterator[ImageSource]:
    from gan_desktop.class_admin.pictures import HubProgress, open_pictures
    from gan_desktop.training.images import DrawnFaces

    if options.source is None:
        yield DrawnFaces(options.drawn)
        return
    with _bar(in_bytes=True) as bar, _saying_what_is_kept():
        task = bar.add_task("Downloading", total=None, visible=False)
        unpacking = bar.add_task("Unpacking", total=None, visible=False)

        def found(num_files: int, num_bytes: int) -> None:
            say(f"Fetching {num_files:,} files, {num_bytes / 1e6:,.0f} MB.")
            bar.update(task, visible=True)

        progress = HubProgress(
            on_found=found,
            on_download=lambda done, total: bar.update(task, completed=done, total=total),
            on_unpack=lambda done, total: bar.update(unpacking, completed=done, total=total, visible=True),
        )
        source = open_pictures(options.source, _hub_access(settings), progress)
    with source:
        yield source


def _hub_access(settings: Settings) -> HubAccess:
    from gan_desktop.class_admin.pictures import HubAccess
    from gan_desktop.credentials import find_hub_token
    from gan_desktop.web.hub import HUB

    return HubAccess(
        downloads=settings.data.cache_place / "hub",
        token=find_hub_token(settings.huggingface),
        # As all programs for the Hub do, for schools with a mirror of it.
        endpoint=os.environ.get("HF_ENDPOINT") or HUB,
    )


@contextmanager
def _saying_what_is_kept() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("What has arrived is kept: the same command goes on where it stopped.")
        raise


def _estimate(source: ImageSource, preview: Preview, size: int) -> str:
    from gan_desktop.sentences import about_time

    lines = [preview.remark] if preview.remark else []
    megabytes = max(1, round(preview.num_bytes / 1e6))
    lines.append(
        f"{_printable(source.name)}: {preview.num_candidates:,} pictures. At {size} pixels they take about"
        f" {megabytes:,} MB; importing them takes {about_time(preview.seconds)}."
    )
    if preview.num_usable < preview.num_candidates:
        shown = next(picture for picture in preview.pictures if picture.png is None)
        lines.append(
            f"Only about {preview.num_usable:,} can be used. For example {_printable(shown.file_name)}:"
            f" {shown.reason}."
        )
    return "\n".join(lines)


@contextmanager
def _list_of_skipped(path: Path | None) -> Iterator[Callable[[str], None]]:
    """The file is opened before hours of work; without one nothing is written."""
    if path is None:
        yield lambda line: None
        return
    with new_file(path) as write:
        yield write


def _tell_skipped(summary: ImportSummary, path: Path | None) -> None:
    for name, reason in summary.skipped[:NUM_SKIPPED_NAMED]:
        sys.stderr.write(f"skipped {_printable(name)}: {reason}\n")
    if (num_more := summary.num_skipped - NUM_SKIPPED_NAMED) > 0:
        where = path or "with --skipped-list FILE all are listed"
        sys.stderr.write(f"skipped {num_more:,} more ({where})\n")


def _printable(name: str) -> str:
    """A name of somebody else's file, harmless on a terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


# ---------------------------------------------------------------------------------------------
# class check-pictures
# ---------------------------------------------------------------------------------------------


def _check(options: argparse.Namespace, log_in: LogIn) -> None:
    _, coordinator = log_in()
    from gan_desktop.class_admin.pictures import check_pictures

    with _bar() as bar:
        task = bar.add_task("Fetching pictures", total=None)
        check = check_pictures(
            coordinator,
            options.dataset,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    dataset = check.dataset
    if not check.problems:
        say(
            f"Data set {dataset.dataset_id} ({_printable(dataset.name)}): all {check.num_shards} files with"
            f" {dataset.num_images:,} pictures are there and whole."
        )
        return
    for problem in check.problems[:NUM_SKIPPED_NAMED]:
        sys.stderr.write(f"{problem}\n")
    raise GanDesktopError(
        f"{len(check.problems)} of {check.num_shards} files of data set {dataset.dataset_id} cannot be had."
        " Put them where the class looks for them, or import the same pictures again.",
        title="The pictures are not complete",
    )


# ---------------------------------------------------------------------------------------------
# class pictures, class delete-pictures
# ---------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.pictures import stored_pictures

    stored = stored_pictures(log_in()[1])
    if not stored:
        say("The class has no pictures yet. Import some: gan-desktop class import")
    for pictures in stored:
        say(_line(pictures))


def _line(pictures: StoredPictures) -> str:
    parts = [
        f"{pictures.dataset_id}: {_printable(pictures.name)}",
        f"{pictures.num_images:,} of {pictures.image_size} pixels",
        f"{pictures.num_bytes / 1e6:,.1f} MB",
    ]
    if pictures.num_bytes_elsewhere:
        parts.append(f"{pictures.num_bytes_elsewhere / 1e6:,.1f} MB on a web server")
    used_by = ", ".join(str(use.run_id) for use in pictures.uses)
    parts.append(f"used by training {used_by}" if used_by else "not used")
    return ", ".join(parts)


def _delete(options: argparse.Namespace, log_in: LogIn) -> None:
    coordinator = log_in()[1]
    from gan_desktop.class_admin.pictures import delete_pictures

    confirm(f"Delete data set {options.dataset} for good?", is_sure=options.yes)
    delete_pictures(coordinator, options.dataset)
    say(f"Data set {options.dataset} is deleted.")


@contextmanager
def _bar(*, in_bytes: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    columns = [*Progress.get_default_columns()]
    if in_bytes:
        columns += [DownloadColumn(), TransferSpeedColumn()]
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        yield bar
