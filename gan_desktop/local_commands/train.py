"""`gan-desktop train`: a training on this computer alone, without a class."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_desktop.command_line import count
from gan_desktop.errors import CheckpointError, SettingsError

if TYPE_CHECKING:
    from gan_desktop.local_commands.console import TrainConsole
    from gan_desktop.local_commands.training_folder import TrainingFolder
    from gan_desktop.records import RunConfig
    from gan_desktop.training.checkpoint_file import Checkpoint
    from gan_desktop.training.picture_folder import PictureFolder

EXIT_INTERRUPTED = 130
DEFAULT_EPOCHS = 10
DEFAULT_KEEP_EVERY = 10
# The options that make a RunConfig, by its names.
_NETWORK_OPTIONS = {
    "network": "--network",
    "image_size": "--size",
    "feature_maps": "--feature-maps",
    "step_batch": "--step-batch",
    "learning_rate": "--learning-rate",
    "seed": "--seed",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `train` its options."""
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument(
        "--data", dest="pictures", type=Path, metavar="FOLDER_OR_ZIP", help="JPEG, PNG ... to learn from"
    )
    pictures.add_argument("--drawn", type=count, metavar="N", help="learn from N drawn faces instead")
    parser.add_argument(
        "--epochs",
        type=count,
        metavar="N",
        default=DEFAULT_EPOCHS,
        help=f"use every picture N times, those before --resume counted (default: {DEFAULT_EPOCHS})",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="CHECKPOINT", help="go on with this file, or training folder"
    )
    parser.add_argument(
        "--output",
        dest="results",
        type=Path,
        metavar="DIR",
        help="a new folder for the results (default: gan-desktop-training; with --resume the same one)",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=count,
        metavar="N",
        default=DEFAULT_KEEP_EVERY,
        help="keep the checkpoint of every N-th epoch for good; the newest is there in any case"
        f" (default: {DEFAULT_KEEP_EVERY})",
    )
    network = parser.add_argument_group("the network (with --resume the checkpoint's own)")
    network.add_argument("--network", metavar="NAME", help="dcgan or dcgan-sn (default: dcgan)")
    network.add_argument(
        "--size", dest="image_size", type=int, choices=(32, 64, 128), help="edge in pixels (default: 32)"
    )
    network.add_argument(
        "--feature-maps", type=count, metavar="N", help="channels of the thinnest layer (default: 32)"
    )
    network.add_argument(
        "--step-batch", type=count, metavar="N", help="pictures in one optimizer step (default: 16)"
    )
    network.add_argument("--learning-rate", type=float, metavar="X", help="Adam's (default: 0.0002)")
    network.add_argument("--seed", type=int, metavar="N", help="decides everything random (default: 1)")
    computer = parser.add_argument_group("this computer")
    computer.add_argument("--device", dest="processor", metavar="NAME", help="auto, cpu, cuda:0, mps ...")
    computer.add_argument(
        "--threads", dest="num_threads", type=count, metavar="N", help="processor threads to compute with"
    )


def run(options: argparse.Namespace) -> int:
    """Train until the last epoch (0) or Ctrl+C (130).

    Raises:
        SettingsError: An option does not fit, or the folder is in use.
        CheckpointError: The checkpoint cannot be used, or not be written.
        ImageSetError: The pictures cannot be used.
        DeviceError: The device cannot be used.
        GanDesktopError: The training has diverged, or the results cannot be written.
    """
    if options.pictures is None and options.drawn is None and options.resume is None:
        raise SettingsError(
            "Name what to learn from: --data FOLDER_OR_ZIP with JPEG or PNG pictures, or --drawn 6000 for"
            " drawn faces. To go on with a training: --resume FOLDER",
            title="No pictures",
        )
    from gan_desktop.local_commands.console import TrainConsole
    from gan_desktop.local_commands.session import Session
    from gan_desktop.training.device import choose_device, set_threads
    from gan_desktop.training.local_training import LocalTraining

    checkpoint = _checkpoint(options)
    config = checkpoint.info.config if checkpoint else _new_config(options)
    device = choose_device(options.processor)
    set_threads(options.num_threads)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(options, checkpoint))
        console = stack.enter_context(TrainConsole(options.epochs))
        console.say(f"Device: {device.name}. {device.reason}")
        pictures = _pictures(options, config, checkpoint, folder, console)
        training = LocalTraining(
            config, pictures, device=device.torch_device, on_notice=console.say, checkpoint=checkpoint
        )
        session = Session(training, folder, console, options.epochs, options.checkpoint_every)
        is_complete = session.run()
        console.tell_end(training, folder, is_complete=is_complete)
    return 0 if is_complete else EXIT_INTERRUPTED


# ---------------------------------------------------------------------------------------------
# What to train, on what, where
# ---------------------------------------------------------------------------------------------


def _new_config(options: argparse.Namespace) -> RunConfig:
    from gan_desktop.records import RunConfig
    from gan_desktop.training.networks import tensor_shapes

    # A class's units must hold a step. A local training has none, but may become a class's one day.
    smallest = max(RunConfig.min_unit_images, options.step_batch or 0)
    config = RunConfig(**_network_options(options), first_unit_images=smallest, min_unit_images=smallest)
    tensor_shapes(config)  # an unknown network is told before an hour of preparing pictures
    return config


def _network_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of the network that were given, as `RunConfig` calls them."""
    return {name: value for name in _NETWORK_OPTIONS if (value := getattr(options, name)) is not None}


def _checkpoint(options: argparse.Namespace) -> Checkpoint | None:
    """The checkpoint to go on from, if any."""
    if options.resume is None:
        return None
    from gan_desktop.local_commands.training_folder import checkpoint_path
    from gan_desktop.training.checkpoint_file import read_checkpoint

    for name in _network_options(options):
        raise SettingsError(f"{_NETWORK_OPTIONS[name]}: with --resume the checkpoint decides. Leave it out.")
    path = checkpoint_path(options.resume)
    checkpoint = read_checkpoint(path)
    num_epochs = checkpoint.info.epoch
    if num_epochs >= options.epochs:
        raise SettingsError(
            f"{path} is at the end of epoch {num_epochs}, and {options.epochs} are wanted. To go on write a"
            f" larger number, for example --epochs {num_epochs + DEFAULT_EPOCHS}.",
            title="Nothing to do",
        )
    return checkpoint


@contextmanager
def _folder(options: argparse.Namespace, checkpoint: Checkpoint | None) -> Iterator[TrainingFolder]:
    """A new folder, or with --resume alone the training's own."""
    from gan_desktop.local_commands.training_folder import TrainingFolder, checkpoint_path

    if checkpoint is not None and options.results is None:
        own = TrainingFolder(checkpoint_path(options.resume).parent)
        # A checkpoint of a class, say among the downloads, has no folder of its own.
        if own.has_pictures:
            with TrainingFolder.open(own.path, checkpoint.info) as folder:
                yield folder
            return
    with TrainingFolder.create(options.results) as folder:
        yield folder


def _pictures(
    options: argparse.Namespace,
    config: RunConfig,
    checkpoint: Checkpoint | None,
    folder: TrainingFolder,
    console: TrainConsole,
) -> PictureFolder:
    """The folder's pictures: those that are there, the named ones, or those beside the checkpoint."""
    from gan_desktop.local_commands.training_folder import TrainingFolder, checkpoint_path
    from gan_desktop.training.images import open_source
    from gan_desktop.training.picture_folder import PictureFolder, prepare

    is_named = options.pictures is not None or options.drawn is not None
    if folder.has_pictures and is_named:
        raise SettingsError(
            f"The training in {folder.path} has its pictures. Leave out --data and --drawn; or go on with"
            " others in a new folder: --output DIR"
        )
    if is_named:
        with open_source(options.pictures, options.drawn or 0) as source:
            with console.preparing(source.name) as on_progress:
                summary = prepare(source, folder.pictures, config.image_size, config.seed, on_progress)
            console.tell_pictures(summary)
    elif not folder.has_pictures:
        folder.take_pictures_of(TrainingFolder(checkpoint_path(options.resume).parent))
    pictures = PictureFolder(folder.pictures)
    if pictures.image_size != config.image_size:
        raise CheckpointError(
            f"It draws {config.image_size} x {config.image_size} pixels, and the prepared pictures in"
            f" {folder.pictures} have {pictures.image_size}. Name the pictures with --data or --drawn, and a"
            " new folder with --output."
        )
    if checkpoint and checkpoint.info.pictures not in ("", pictures.fingerprint):
        console.say("These are other pictures than those the checkpoint has learned from.")
    return pictures
