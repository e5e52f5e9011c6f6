"""A training in one file: to go on with, to draw from, to give away.

The file is safetensors (https://github.com/huggingface/safetensors): any program reads it, and reading it
runs nothing, unlike PyTorch's own `.pt` files, which are pickles. docs/checkpoints.md tells the format.
Checkpoints come from other people too, so everything is checked before a number is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import safetensors
import safetensors.torch
import torch

from gan_desktop.errors import CheckpointError, PayloadError, SettingsError
from gan_desktop.files import write_whole
from gan_desktop.records import RunConfig
from gan_desktop.training.networks import (
    Shapes,
    Tensors,
    generator_shapes,
    network_fingerprint,
    parameter_shapes,
    tensor_shapes,
)
from gan_desktop.training.payload import decode, peek, read_header
from gan_desktop.training.steps import AdamMoments

Kind = Literal["class", "local"]

FORMAT = "gan-desktop checkpoint"
VERSION = 1
SUFFIX = ".safetensors"
# The largest network there is, with Adam's moments, stays below.
MAX_FILE_BYTES = 8_000_000_000

MAX_NAME = 80

_G, _D, _EMA = "generator.", "discriminator.", "ema."
_ADAM = {_G: "adam_g.", _D: "adam_d."}
# A zip, as newer PyTorch writes them, and the pickle protocols from 2 on.
_PICKLES = (b"PK\x03\x04", b"\x80")
_FIRST, _SECOND = ".exp_avg", ".exp_avg_sq"


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes:
        name: Of the training, for people.
        kind: `class`, or `local` for a training without a database.
        config: The run's.
        iteration: Version of the weights.
        num_images: Images trained on so far.
        epoch: Finished epochs (local).
        epoch_images: Images done of the epoch in work (local).
        pictures: Fingerprint of the pictures it learned from, or empty.
        num_adam_steps: Steps behind Adam's moments; 0: there are none.
    """

    name: str
    kind: Kind
    config: RunConfig
    iteration: int
    num_images: int
    epoch: int = 0
    epoch_images: int = 0
    pictures: str = ""
    num_adam_steps: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """A training as it was at one moment.

    Attributes:
        info: About it.
        weights: G and D (`networks.Tensors`).
        ema: The moving average of G, under the same `generator.*` names.
        moments: Adam's, where the training can go on exactly.
    """

    info: CheckpointInfo
    weights: Tensors
    ema: Tensors
    moments: AdamMoments | None = None


def from_published(
    name: str, config: RunConfig, *, live: bytes, ema: bytes | None = None, num_images: int = 0
) -> Checkpoint:
    """Make a checkpoint from a class's published payloads.

    Args:
        name: Of the training.
        config: The run's.
        live: The payload of G and D; its iteration is the checkpoint's.
        ema: The moving average's payload; where it is gone, G itself stands in.
        num_images: Images the class had trained on.

    Raises:
        PayloadError: The bytes are damaged, or of another run.
    """
    network = network_fingerprint(config)
    if peek(live).kind != "weights" or (ema is not None and peek(ema).kind != "ema"):
        raise PayloadError("A checkpoint is made of a class's weights and their moving average.")
    weights = decode(live, shapes=tensor_shapes(config), network=network)
    if ema is None:
        average = {key: tensor.clone() for key, tensor in weights.items() if key.startswith(_G)}
    else:
        average = decode(ema, shapes=generator_shapes(config), network=network)
    info = CheckpointInfo(name, "class", config, peek(live).iteration, num_images)
    return Checkpoint(info, weights, average)


# ---------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """Write a checkpoint as one safetensors blob.

    Raises:
        CheckpointError: A value is not finite: the training has diverged.
    """
    stored = _stored_tensors(checkpoint)
    for name, tensor in stored.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(
                f"A value of {name} is no finite number: the training has diverged. Go on from an earlier"
                " checkpoint, with a smaller learning rate.",
                title="Nothing was saved",
            )
    return safetensors.torch.save(stored, _metadata(checkpoint.info))


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint file in one step: whoever reads meanwhile meets the old file or the new one.

    Raises:
        CheckpointError: It cannot be written, or a value is not finite. The old file stays.
    """
    blob = to_bytes(checkpoint)
    try:
        write_whole(path, blob)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}. {len(blob) / 1e6:.0f} MB are needed.",
            title="The checkpoint was not saved",
        ) from error


def _metadata(info: CheckpointInfo) -> dict[str, str]:
    values = {key: str(value) for key, value in asdict(info).items() if key != "config"}
    return values | {
        "format": FORMAT,
        "version": str(VERSION),
        "network": network_fingerprint(info.config),
        "config": json.dumps(info.config.to_json()),
    }


def _stored_tensors(checkpoint: Checkpoint) -> Tensors:
    stored = dict(checkpoint.weights)
    stored |= {_EMA + name.removeprefix(_G): tensor for name, tensor in checkpoint.ema.items()}
    if checkpoint.moments is not None:
        for name in checkpoint.moments.first:
            stored[_adam_name(name) + _FIRST] = checkpoint.moments.first[name]
            stored[_adam_name(name) + _SECOND] = checkpoint.moments.second[name]
    return {name: tensor.contiguous() for name, tensor in stored.items()}


def _adam_name(parameter: str) -> str:
    network, _, name = parameter.partition(".")
    return _ADAM[f"{network}."] + name


# ---------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file after checking all of it.

    Raises:
        CheckpointError: It is not there, damaged, of another program or version; the message names the
            file and what to do.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CheckpointError("It is too large to be a checkpoint.")
        return from_bytes(path.read_bytes())
    except OSError as error:
        if path.is_dir():
            raise CheckpointError(f"{path} is a folder. Name the {SUFFIX} file in it.") from error
        raise CheckpointError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error.message}") from error


def from_bytes(blob: bytes) -> Checkpoint:
    """Restore what `to_bytes` wrote.

    Raises:
        CheckpointError: The bytes are damaged, or of another program or version.
    """
    info = read_info(blob)
    expected = _expected_shapes(info)
    try:
        stored = safetensors.torch.load(blob)
    except (safetensors.SafetensorError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError("It is truncated or damaged. Copy it again, or take an earlier one.") from error
    _check_tensors(stored, expected)
    names = parameter_shapes(info.config) if info.num_adam_steps else ()
    return Checkpoint(
        info=info,
        weights={name: tensor for name, tensor in stored.items() if name.startswith((_G, _D))},
        ema={
            _G + name.removeprefix(_EMA): tensor for name, tensor in stored.items() if name.startswith(_EMA)
        },
        moments=AdamMoments(
            first={name: stored[_adam_name(name) + _FIRST] for name in names},
            second={name: stored[_adam_name(name) + _SECOND] for name in names},
            num_steps=info.num_adam_steps,
        )
        if names
        else None,
    )


def read_info(blob: bytes) -> CheckpointInfo:
    """Read what a checkpoint says about itself; its tensors stay unread.

    Raises:
        CheckpointError: The bytes are no checkpoint, or one of a newer program version.
    """
    metadata = _read_metadata(blob)
    version = _count(metadata, "version")
    if version > VERSION:
        raise CheckpointError("It was written by a newer version of GAN Desktop. Install that version.")
    try:
        values = json.loads(metadata["config"])
        config = RunConfig.from_json(values)
        if metadata.get("network") != network_fingerprint(config):
            raise CheckpointError("Its network is not one that this version of GAN Desktop knows.")
    except SettingsError as error:
        raise CheckpointError(
            f"This version of GAN Desktop cannot train or draw it: {error.message}"
        ) from error
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise CheckpointError("Its configuration is damaged.") from error
    kind = metadata.get("kind", "")
    if kind not in get_args(Kind):
        raise CheckpointError("It does not say what training it comes from.")
    return CheckpointInfo(
        name=_printable(metadata.get("name", "")),
        kind=kind,
        config=config,
        pictures=_fingerprint(metadata),
        **{
            key: _count(metadata, key)
            for key in ("iteration", "num_images", "epoch", "epoch_images", "num_adam_steps")
        },
    )


def _read_metadata(blob: bytes) -> dict[str, Any]:
    try:
        metadata = read_header(blob).get("__metadata__")
    except PayloadError as error:
        # Not before: the length with which a good file begins may look like a pickle's first byte.
        if blob.startswith(_PICKLES):
            raise CheckpointError(
                "It is a pickle, as PyTorch's .pt and .pth files are. Such a file can run any program when it"
                f" is opened, so GAN Desktop never opens one. Take the {SUFFIX} file instead."
            ) from error
        raise CheckpointError(f"It is no {SUFFIX} file, or only the beginning of one.") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CheckpointError(
            "It holds tensors, but no training of GAN Desktop. Take a file that `gan-desktop train` or"
            " `gan-desktop class checkpoints` has written."
        )
    if not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError("What it says about itself is damaged.")
    return metadata


def _printable(text: str) -> str:
    """A name from a stranger's file, as it may be shown."""
    return "".join(filter(str.isprintable, text))[:MAX_NAME]


def _fingerprint(metadata: Mapping[str, str]) -> str:
    """Of the pictures: hexadecimal digits, or nothing where it is not told."""
    text = metadata.get("pictures", "")
    if not re.fullmatch(r"[0-9a-f]{0,64}", text):
        raise CheckpointError("The fingerprint of its pictures is damaged.")
    return text


def _count(metadata: Mapping[str, Any], key: str) -> int:
    text = metadata.get(key)
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise CheckpointError(f"Its {key} is not a number.")
    return int(text)


def _expected_shapes(info: CheckpointInfo) -> Shapes:
    shapes = tensor_shapes(info.config)
    expected = dict(shapes)
    expected |= {_EMA + name.removeprefix(_G): shape for name, shape in shapes.items() if name.startswith(_G)}
    if info.num_adam_steps:
        for name, shape in parameter_shapes(info.config).items():
            expected[_adam_name(name) + _FIRST] = expected[_adam_name(name) + _SECOND] = shape
    return expected


def _check_tensors(stored: Tensors, expected: Shapes) -> None:
    if {name: tensor.shape for name, tensor in stored.items()} != expected:
        raise CheckpointError("Its tensors are not those of its network. Copy it again, or take another one.")
    for name, tensor in stored.items():
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"The values of {name} are not in single precision.")
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"A value of {name} is no finite number. Take an earlier checkpoint.")
