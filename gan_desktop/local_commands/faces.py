"""`gan-desktop faces`: draws faces from a checkpoint, of a local training or of a class."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.command_line import count, say
from gan_desktop.errors import GanDesktopError, SettingsError

if TYPE_CHECKING:
    import torch
    from torch import nn

DEFAULT_COUNT = 16
DEFAULT_STOPS = 5
DEFAULT_FRAMES = 100
FRAME_MS = 50
# So many pictures are in memory at once.
_CHUNK = 256


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `faces` its options."""
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="a checkpoint, or a training's folder"
    )
    parser.add_argument(
        "--count",
        type=count,
        metavar="N",
        help=f"how many faces (default: {DEFAULT_COUNT}; to walk between: {DEFAULT_STOPS})",
    )
    parser.add_argument(
        "--seed", dest="faces_seed", default="1", metavar="S", help="a number or a word: which faces"
    )
    parser.add_argument(
        "--output",
        dest="drawn_to",
        type=Path,
        metavar="PATH",
        help="a new file, or a folder for a file each (default: faces, faces.png or faces.gif)",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--grid", action="store_true", help="all in one picture")
    kind.add_argument(
        "--interpolate", action="store_true", help="an animated GIF that walks from face to face and back"
    )
    parser.add_argument(
        "--frames", type=count, metavar="N", help=f"pictures of the GIF (default: {DEFAULT_FRAMES})"
    )
    parser.add_argument(
        "--scale",
        type=count,
        metavar="N",
        help="how often enlarged (default: 1 for a file each, else as large as one can look at)",
    )


def run(options: argparse.Namespace) -> int:
    """Draw the faces and write them.

    Raises:
        SettingsError: An option does not fit, or there is something in the way.
        CheckpointError: The checkpoint cannot be used.
        GanDesktopError: The faces cannot be written.
    """
    if options.frames is not None and not options.interpolate:
        raise SettingsError("--frames is for --interpolate. Leave it out, or add that.")
    from gan_desktop.local_commands.training_folder import checkpoint_path
    from gan_desktop.training.checkpoint_file import read_checkpoint
    from gan_desktop.training.drawing import latents, load_generator
    from gan_desktop.training.picture_files import scale_to_look_at

    checkpoint = read_checkpoint(checkpoint_path(options.checkpoint))
    config = checkpoint.info.config
    generator = load_generator(config, checkpoint.ema)
    num_faces = options.count or (DEFAULT_STOPS if options.interpolate else DEFAULT_COUNT)
    z = latents(num_faces, config.latent_size, options.faces_seed)
    large = options.scale or scale_to_look_at(config.image_size)
    try:
        if options.interpolate:
            path = _new_file(options.drawn_to, "faces.gif")
            _write_gif(path, generator, z, options.frames or DEFAULT_FRAMES, large)
        elif options.grid:
            path = _new_file(options.drawn_to, "faces.png")
            _write_grid(path, generator, z, large)
        else:
            path = _folder(options.drawn_to, _names(num_faces))
            _write_each(path, generator, z, options.scale or 1)
    except OSError as error:
        raise GanDesktopError(
            f"The faces cannot be written to {error.filename or options.drawn_to}: {error.strerror}. Choose"
            " another place with --output.",
            title="The faces were not saved",
        ) from error
    say(f"{num_faces} faces of {checkpoint.info.name or 'a training'} are in {path}")
    return 0


def _write_gif(path: Path, generator: nn.Module, z: torch.Tensor, num_frames: int, scale: int) -> None:
    from gan_desktop.training.drawing import draw, walk
    from gan_desktop.training.picture_files import gif

    path.write_bytes(gif(draw(generator, walk(z, num_frames)), FRAME_MS, scale))


def _write_grid(path: Path, generator: nn.Module, z: torch.Tensor, scale: int) -> None:
    from gan_desktop.training.drawing import draw
    from gan_desktop.training.picture_files import columns_for, grid, png

    path.write_bytes(png(grid(draw(generator, z), columns_for(len(z))), scale))


def _write_each(folder: Path, generator: nn.Module, z: torch.Tensor, scale: int) -> None:
    from gan_desktop.training.drawing import draw
    from gan_desktop.training.picture_files import png

    names = iter(_names(len(z)))
    for first in range(0, len(z), _CHUNK):
        for picture in draw(generator, z[first : first + _CHUNK]):
            (folder / next(names)).write_bytes(png(picture, scale))


def _names(num_faces: int) -> list[str]:
    return [f"face-{number:04d}.png" for number in range(1, num_faces + 1)]


# ---------------------------------------------------------------------------------------------
# Where to, without overwriting anything
# ---------------------------------------------------------------------------------------------


def _new_file(wanted: Path | None, usual: str) -> Path:
    from gan_desktop.local_commands.training_folder import free_name

    if wanted is None:
        return free_name(Path(usual))
    if wanted.is_dir():
        return free_name(wanted / usual)
    if wanted.exists():
        raise SettingsError(f"{wanted} is there already. Choose another name with --output, or move it away.")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    return wanted


def _folder(wanted: Path | None, names: Sequence[str]) -> Path:
    from gan_desktop.local_commands.training_folder import free_name

    folder = free_name(Path("faces")) if wanted is None else wanted
    folder.mkdir(parents=True, exist_ok=True)
    there = next((name for name in names if (folder / name).exists()), None)
    if there is not None:
        raise SettingsError(
            f"{folder / there} is there already. Choose another folder with --output, or move it away."
        )
    return folder
