"""Tensors to bytes and back: what travels between coordinator, database and workers.

One payload is one safetensors blob (https://github.com/huggingface/safetensors): a JSON header with
names, shapes and metadata, then raw numbers. Bytes from others are checked before a number is used;
nothing here can execute them, unlike pickle.

Codecs: `fp32` as it is; `fp16` half precision; `int8` blocks of 4,096 values that share one fp32
scale, rounded stochastically so that the mean of many workers' updates is not biased (QSGD, Alistarh
et al. 2017, arXiv:1610.02132). In both short forms tensors under 4,096 values stay fp32: BatchNorm's
few numbers decide much and weigh nothing.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import safetensors
import safetensors.torch
import torch

from gan_desktop.errors import PayloadError
from gan_desktop.records import CODECS, Codec
from gan_desktop.training.networks import Shapes, Tensors

PayloadKind = Literal["weights", "ema", "weight_change", "gradient"]

BLOCK = 4_096
MAX_HEADER_BYTES = 65_536

_SCALES = ":scales"
_TORCH_DTYPES = {"F32": torch.float32, "F16": torch.float16, "I8": torch.int8}
_NUM_BYTES = {"F32": 4, "F16": 2, "I8": 1}
# With a larger scale 127 steps, or a forger's -128, would be infinite.
_LARGEST_SCALE = torch.finfo(torch.float32).max / 129
# Blocks of zeros, and of values that fp32 itself hardly tells from zero, must not divide by zero.
_SMALLEST_SCALE = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class PayloadInfo:
    """What a payload says about itself. `network` is `networks.network_fingerprint`."""

    kind: PayloadKind
    run_id: int
    iteration: int
    codec: Codec
    network: str


def encode(tensors: Tensors, info: PayloadInfo, *, seed: int) -> bytes:
    """Write tensors as one payload; `seed` decides int8's stochastic rounding.

    Equal input gives equal tensors, but not equal bytes: safetensors writes metadata in any order.

    Raises:
        PayloadError: A value is not finite, or too large for the codec.
    """
    generator = torch.Generator().manual_seed(seed)
    stored: Tensors = {}
    for name, tensor in tensors.items():
        _require_finite(name, tensor)
        if _stored_dtype(info.codec, tensor.numel()) == "I8":
            stored[name], stored[name + _SCALES] = _quantise(name, tensor, generator)
        elif _stored_dtype(info.codec, tensor.numel()) == "F16":
            stored[name] = tensor.half().contiguous()
            _require_finite(name, stored[name], "is too large for half precision")
        else:
            stored[name] = tensor.float().contiguous()
    metadata = {key: str(value) for key, value in asdict(info).items()}
    return safetensors.torch.save(stored, metadata)


def peek(blob: bytes) -> PayloadInfo:
    """Read what a payload says about itself; the tensors stay unread.

    Raises:
        PayloadError: The bytes are no payload of ours.
    """
    metadata = read_header(blob).get("__metadata__")
    if not isinstance(metadata, dict):
        raise PayloadError("The payload does not say what it holds.")
    kind, codec, network = (metadata.get(key, "") for key in ("kind", "codec", "network"))
    if kind not in get_args(PayloadKind) or codec not in CODECS or not isinstance(network, str):
        raise PayloadError("The payload's kind, codec or network is unknown to this program version.")
    return PayloadInfo(kind, _count(metadata, "run_id"), _count(metadata, "iteration"), codec, network)


def decode(
    blob: bytes,
    *,
    shapes: Shapes,
    network: str,
    max_bytes: int | None = None,
    into: Tensors | None = None,
) -> Tensors:
    """Read a payload's tensors after checking all of it.

    Args:
        blob: The bytes as they came from the database.
        shapes: Every tensor that must be there; none else may be.
        network: The run's `networks.network_fingerprint`.
        max_bytes: The most bytes accepted; what the largest codec needs when left out.
        into: What an earlier call with these shapes returned, to be written over: fresh memory costs the
            system more time than the decoding. It holds rubbish after an error.

    Returns:
        fp32 tensors on the CPU, all values finite.

    Raises:
        PayloadError: Too large, truncated, of another network, or not finite.
    """
    if len(blob) > (max_payload_bytes(shapes, "fp32") if max_bytes is None else max_bytes):
        raise PayloadError(f"The payload is too large: {len(blob):,} bytes.")
    info = peek(blob)
    if info.network != network:
        raise PayloadError("The payload belongs to another network than this run's.")
    stored = _deserialise(blob, _layout(shapes, info.codec))
    tensors = {name: torch.empty(shape) for name, shape in shapes.items()} if into is None else into
    for name, values in tensors.items():
        _restore(name, stored, values)
    return tensors


def max_payload_bytes(shapes: Shapes, codec: Codec) -> int:
    """The most bytes a payload of these tensors can have, its header included."""
    layout = _layout(shapes, codec).values()
    return MAX_HEADER_BYTES + sum(_NUM_BYTES[dtype] * math.prod(shape) for dtype, shape in layout)


def _stored_dtype(codec: Codec, num_values: int) -> str:
    if num_values < BLOCK:
        return "F32"
    return {"fp32": "F32", "fp16": "F16", "int8": "I8"}[codec]


def _layout(shapes: Shapes, codec: Codec) -> dict[str, tuple[str, list[int]]]:
    """Every entry a payload must hold: name to safetensors dtype and shape."""
    layout: dict[str, tuple[str, list[int]]] = {}
    for name, shape in shapes.items():
        dtype = _stored_dtype(codec, shape.numel())
        layout[name] = (dtype, list(shape))
        if dtype == "I8":
            layout[name + _SCALES] = ("F32", [math.ceil(shape.numel() / BLOCK)])
    return layout


def _quantise(
    name: str, tensor: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Round to int8 [same shape] and one scale per block [ceil(n / BLOCK)]."""
    flat = tensor.float().flatten()
    blocks = torch.nn.functional.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK)
    scales = blocks.abs().amax(dim=1) / 127
    if scales.max() > _LARGEST_SCALE:
        raise PayloadError(f"A value of {name} is too large for int8.")
    steps = blocks / scales.clamp(min=_SMALLEST_SCALE)[:, None]
    # floor(x + u) with u uniform in 0..1 is x on average; nearest rounding would lose small changes.
    steps += torch.rand(steps.shape, generator=generator)
    rounded = steps.floor_().clamp_(-127, 127).to(torch.int8)
    return rounded.flatten()[: len(flat)].view(tensor.shape), scales


def _restore(name: str, stored: Tensors, values: torch.Tensor) -> None:
    """Write one tensor's fp32 values."""
    tensor = stored[name]
    if tensor.dtype == torch.int8:
        _dequantise(name, tensor.view(-1), stored[name + _SCALES], values.view(-1))
    else:
        values.copy_(tensor)
        _require_finite(name, values)


def _dequantise(name: str, steps: torch.Tensor, scales: torch.Tensor, values: torch.Tensor) -> None:
    # Bounded scales make every product finite: no need to look at millions of values.
    if not bool(((scales >= 0) & (scales <= _LARGEST_SCALE)).all()):
        raise PayloadError(f"A scale of {name} is not a usable number.")
    # Not in one product: PyTorch would convert the steps into fresh memory first.
    values.copy_(steps)
    whole = len(values) // BLOCK
    values[: whole * BLOCK].view(whole, BLOCK).mul_(scales[:whole, None])
    values[whole * BLOCK :].mul_(scales[-1])


def _require_finite(name: str, tensor: torch.Tensor, complaint: str = "is not a finite number") -> None:
    # A finite sum proves all terms finite in one pass; only an infinite one needs the closer look.
    if not bool(tensor.sum(dtype=torch.float32).isfinite()) and not bool(tensor.isfinite().all()):
        raise PayloadError(f"A value of {name} {complaint}.")


def read_header(blob: bytes) -> dict[str, Any]:
    """Parse a safetensors blob's JSON header: 8 bytes of little-endian length, then the text.

    Raises:
        PayloadError: The bytes do not begin with one.
    """
    length = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 or length > min(len(blob) - 8, MAX_HEADER_BYTES):
        raise PayloadError("The payload is truncated, or no payload at all.")
    try:
        header = json.loads(blob[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise PayloadError("The payload's header cannot be read.") from error
    if not isinstance(header, dict):
        raise PayloadError("The payload's header is not a list of tensors.")
    return header


def _count(metadata: dict[str, Any], key: str) -> int:
    text = metadata.get(key)
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise PayloadError(f"The payload's {key} is not a number.")
    return int(text)


def _deserialise(blob: bytes, layout: dict[str, tuple[str, list[int]]]) -> Tensors:
    """Let safetensors cut the bytes into tensors, and insist on exactly the expected ones."""
    try:
        entries = dict(safetensors.deserialize(blob))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise PayloadError("The payload is truncated or damaged.") from error
    if {name: (entry["dtype"], entry["shape"]) for name, entry in entries.items()} != layout:
        raise PayloadError("The payload's tensors are not those of this run's network.")
    return {
        name: torch.frombuffer(entries[name]["data"], dtype=_TORCH_DTYPES[dtype]).view(shape)
        for name, (dtype, shape) in layout.items()
    }
