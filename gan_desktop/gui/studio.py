"""Draws faces on this computer, with the generator that the class has published.

PyTorch is imported here, in the background threads that call `Studio`'s methods, and nowhere else in the
window. Results are pixels or PNG files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background, spare_imports
from gan_desktop.gui.snapshot import Average
from gan_desktop.records import RunConfig

if TYPE_CHECKING:
    import torch

    from gan_desktop.training.networks import Generator
    from gan_desktop.training.picture_files import Pixels

T = TypeVar("T")

NUM_MY_FACES = 9
MY_COLUMNS = 3
NUM_DIRECTIONS = 6


@dataclass(frozen=True)
class Network:
    """A published generator and what it takes to unpack it."""

    config: RunConfig
    average: Average


@dataclass(frozen=True)
class _Loaded:
    average: Average
    generator: Generator
    directions: torch.Tensor


class Studio:
    """Keeps the generator it drew with last; whoever comes meanwhile waits. Not for the window's thread.

    All methods raise PayloadError where the network's bytes are damaged.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def my_faces(self, network: Network, account: str) -> Pixels:
        """The nine faces of an account [9, S, S, 3]: its name alone decides their z, for ever."""
        from gan_desktop.training.drawing import latents

        with self._lock:
            return self._draw(network, latents(NUM_MY_FACES, network.config.latent_size, account))

    def random_faces(self, network: Network, seed: str, count: int) -> tuple[bytes, ...]:
        """The first faces of a seed, as PNGs."""
        from gan_desktop.training.drawing import latents
        from gan_desktop.training.picture_files import png

        with self._lock:
            drawn = self._draw(network, latents(count, network.config.latent_size, seed))
        return tuple(png(picture) for picture in drawn)

    def moved_face(self, network: Network, seed: str, index: int, amounts: Sequence[float]) -> bytes:
        """One face of a seed, moved by so much along each of the main directions, as a PNG."""
        from gan_desktop.training.drawing import latents, move
        from gan_desktop.training.picture_files import png

        with self._lock:
            z = latents(index + 1, network.config.latent_size, seed)[index:]
            directions = self._load(network).directions
            return png(self._draw(network, move(z, directions, amounts))[0])

    def walk(self, network: Network, seed: str, first: int, second: int, num_frames: int) -> Pixels:
        """From one face of a seed to another and back, round and round [num_frames, S, S, 3]."""
        from gan_desktop.training.drawing import latents, walk

        with self._lock:
            z = latents(max(first, second) + 1, network.config.latent_size, seed)
            return self._draw(network, walk(z[[first, second]], num_frames))

    def _draw(self, network: Network, z: torch.Tensor) -> Pixels:
        from gan_desktop.training.drawing import draw

        return draw(self._load(network).generator, z)

    def _load(self, network: Network) -> _Loaded:
        from gan_desktop.training.drawing import load_generator, principal_directions
        from gan_desktop.training.networks import generator_shapes, network_fingerprint
        from gan_desktop.training.payload import decode

        loaded, config = self._loaded, network.config
        if loaded is None or loaded.average != network.average:
            tensors = decode(
                network.average.payload, shapes=generator_shapes(config), network=network_fingerprint(config)
            )
            generator = load_generator(config, tensors)
            num_directions = min(NUM_DIRECTIONS, config.latent_size)
            loaded = _Loaded(network.average, generator, principal_directions(generator, num_directions))
            if self._loaded is None:
                spare_imports()
            self._loaded = loaded
        return loaded


class OneAtATime:
    """Calls in the background, one after the other; of those that wait only the newest is made.

    So a slider may ask as often as it moves.
    """

    def __init__(self, owner: QObject, on_error: Callable[[GanDesktopError], None]) -> None:
        self._owner, self._on_error = owner, on_error
        self._is_busy = False
        self._waiting: tuple[Callable[[], Any], Callable[[Any], None]] | None = None

    def ask(self, function: Callable[[], T], on_done: Callable[[T], None]) -> None:
        """Call `function` now or after the one under way, then `on_done` in the window's thread."""
        if self._is_busy:
            self._waiting = (function, on_done)
            return
        self._is_busy = True

        def done(answer: T) -> None:
            on_done(answer)
            self._go_on()

        def fail(error: GanDesktopError) -> None:
            self._on_error(error)
            self._go_on()

        run_in_background(function, done, fail, owner=self._owner)

    def _go_on(self) -> None:
        self._is_busy = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.ask(*waiting)
