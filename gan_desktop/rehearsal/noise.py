"""Updates that a coordinator takes for real ones, and that hold nothing but noise; garbage for a drill."""

from __future__ import annotations

import json
import random

import torch

from gan_desktop.records import Run
from gan_desktop.training.networks import network_fingerprint, tensor_shapes
from gan_desktop.training.payload import PayloadInfo, PayloadKind, encode

# About what one step of training moves a weight.
SIZE = 1e-4


class NoiseUpdates:
    """Makes as many updates of a run's network as are wanted: of real size, valid, no two alike.

    Encoding millions of values takes a tenth of a second. It is done once; after that every tensor's
    values are moved round by a random distance, which leaves two updates nothing in common.
    """

    def __init__(self, run: Run) -> None:
        config = run.config
        generator = torch.Generator().manual_seed(config.seed)
        tensors = {
            name: torch.randn(shape, generator=generator).mul_(SIZE)
            for name, shape in tensor_shapes(config).items()
        }
        kind: PayloadKind = "gradient" if config.mode == "gradient" else "weight_change"
        info = PayloadInfo(kind, run.run_id, run.iteration, config.codec_up, network_fingerprint(config))
        self._pattern = encode(tensors, info, seed=config.seed)
        self._places = _places(self._pattern)

    def make(self, generator: random.Random) -> bytes:
        """One more update; `generator` decides which."""
        payload = bytearray(self._pattern)
        for first, last, value_bytes in self._places:
            middle = first + value_bytes * generator.randrange((last - first) // value_bytes)
            payload[first:last] = self._pattern[middle:last] + self._pattern[first:middle]
        return bytes(payload)

    def garbage(self, generator: random.Random) -> bytes:
        """Bytes of the right size and form that no computer can have computed."""
        first = min(first for first, _, _ in self._places)
        return self._pattern[:first] + generator.randbytes(len(self._pattern) - first)


def _places(payload: bytes) -> list[tuple[int, int, int]]:
    """Where in a safetensors blob each tensor lies, and how many bytes one of its values has."""
    data = 8 + int.from_bytes(payload[:8], "little")
    entries = json.loads(payload[8:data])
    del entries["__metadata__"]
    value_bytes = {"F32": 4, "F16": 2, "I8": 1}
    return [
        (data + first, data + last, value_bytes[entry["dtype"]])
        for entry in entries.values()
        for first, last in [entry["data_offsets"]]
    ]
