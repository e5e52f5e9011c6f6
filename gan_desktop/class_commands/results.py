"""What the class has made: `class results` and `class publish`."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.checkpoints import iteration
from gan_desktop.class_commands.command import Commands, LogIn
from gan_desktop.command_line import count, say

if TYPE_CHECKING:
    from gan_desktop.class_admin.publishing import Published, Stage, Wish
    from gan_desktop.database.address import Address


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "--run", dest="training", type=count, metavar="N", help="of this training (default: in progress)"
    )
    which.add_argument(
        "--iteration", type=iteration, metavar="K", help="its weights (default: the newest that is kept)"
    )
    results = commands.add(
        "results", "write weights, faces, film and curves into a folder", _results, commands.login, which
    )
    results.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new or empty one")
    publish = commands.add(
        "publish", "put a training on the Hugging Face Hub", _publish, commands.login, which
    )
    publish.epilog = (
        "Weights, faces, film and a model card without anybody's name, in one commit. The access token is"
        " looked for in huggingface.token, HF_TOKEN and this computer's password store:"
        " keyring set gan-desktop huggingface.co"
    )
    publish.add_argument(
        "--repo", metavar="OWNER/NAME", help="the repository; made if need be (default: huggingface.repo_id)"
    )
    publish.add_argument("--public", action="store_true", help="everybody may see it (default: only you)")
    publish.add_argument("--show-card", action="store_true", help="print the model card, publish nothing")


def _results(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.results import export_results

    written = export_results(log_in()[1], options.to, options.iteration, options.training)
    num_bytes = sum(path.stat().st_size for path in written)
    say(f"{len(written)} files, {num_bytes / 1e6:.1f} MB, are in {options.to}. Begin with README.txt.")


def _publish(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.credentials import find_hub_token
    from gan_desktop.errors import SettingsError

    settings, coordinator = log_in()
    repository = options.repo or settings.huggingface.repo_id
    if not repository:
        raise SettingsError(
            "Say where to: --repo OWNER/NAME, or huggingface.repo_id in config.yaml.", title="No repository"
        )
    if options.show_card:
        from gan_desktop.class_admin.model_card import model_card
        from gan_desktop.class_admin.portrait import figures_of

        say(model_card(figures_of(coordinator, options.iteration, options.training), repository))
        return
    from gan_desktop.class_admin.publishing import Wish, words_for

    wish = Wish(repository, options.iteration, options.training, is_private=not options.public)
    published = _publish_until_stopped(coordinator, wish, find_hub_token(settings.huggingface))
    say(f"{words_for(published)} {published.num_bytes / 1e6:.1f} MB.")
    if options.public and published.is_private:
        say(f"The repository was private already and stays so; change that at {published.url}/settings")


def _publish_until_stopped(coordinator: Address, wish: Wish, token: str | None) -> Published:
    """Publish with a bar on a terminal; Ctrl+C stops in the middle of a file."""
    from rich.console import Console
    from rich.progress import Progress

    from gan_desktop.class_admin.publishing import publish
    from gan_desktop.errors import PublishingFailed
    from gan_desktop.interrupts import run_with_signals

    stopped = threading.Event()
    outcome: list[Published] = []

    def run() -> bool:
        outcome.append(publish(coordinator, wish, token, on_progress=show, should_cancel=stopped.is_set))
        return True

    def show(stage: Stage, done: int, total: int) -> None:
        bar.update(task, description=stage.value.capitalize(), completed=done, total=total or None)

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        try:
            run_with_signals(run, lambda times: stopped.set())
        except PublishingFailed as error:
            if error.cause != "cancelled":
                raise
            say(error.message)
            raise KeyboardInterrupt from error
    return outcome[0]
