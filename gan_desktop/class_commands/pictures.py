"""What the class learns from: `class import`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gan_desktop.class_commands.command import Commands, LogIn, count, say


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    pictures = commands.add("import", "store pictures to learn from", _import, commands.login)
    source = pictures.add_mutually_exclusive_group(required=True)
    source.add_argument("source", nargs="?", type=Path, metavar="FOLDER_OR_ZIP", help="JPEG, PNG ...")
    source.add_argument("--drawn", type=count, metavar="N", help="N drawn faces instead")
    pictures.add_argument(
        "--size", type=int, choices=(32, 64, 128), help="edge in pixels (default: training.image_size)"
    )


def _import(options: argparse.Namespace, log_in: LogIn) -> None:
    settings, coordinator = log_in()
    from rich.console import Console
    from rich.progress import Progress

    from gan_desktop.class_admin.pictures import import_pictures
    from gan_desktop.training.images import open_source

    size = options.size or settings.run_config().image_size
    with (
        open_source(options.source, options.drawn or 0) as source,
        Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("Preparing pictures", total=len(source))
        dataset_id, summary = import_pictures(
            coordinator, source, size, on_progress=lambda done, _: bar.update(task, completed=done)
        )
    for name, reason in summary.skipped:
        sys.stderr.write(f"skipped {name}: {reason}\n")
    say(
        f"Data set {dataset_id}: {summary.num_images - summary.num_held_out:,} pictures to learn from,"
        f" {summary.num_held_out:,} kept for measuring, {summary.num_skipped:,} skipped."
    )
