"""A training as a film: its grids of faces by iteration, each with a line below. Pillow only, no PyTorch."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_desktop.training.picture_files import gif

# More frames make a file that no messenger takes; they are chosen evenly over the training.
MAX_FRAMES = 100
EDGE_PX = 540
FRAME_MS, ENDS_MS = 120, 1_500
PAPER, INK = "#ffffff", "#1b2130"


def evenly(iterations: Sequence[int], most: int) -> tuple[int, ...]:
    """At most so many of them, evenly spread, with the first and the last."""
    if len(iterations) <= most:
        return tuple(iterations)
    step = (len(iterations) - 1) / (most - 1)
    return tuple(iterations[round(number * step)] for number in range(most))


def film_of(pictures: Mapping[int, bytes], captions: Mapping[int, str], edge_px: int = EDGE_PX) -> bytes:
    """The GIF: pictures of one size by iteration, each with its caption below; at least one picture.

    A hundred frames of the usual width take some 30 MB.
    """
    font = ImageFont.load_default(edge_px // 24)
    bar = edge_px // 14
    frames = []
    for iteration in sorted(pictures):
        with Image.open(io.BytesIO(pictures[iteration])) as opened:
            height = round(edge_px * opened.height / opened.width)
            faces = opened.convert("RGB").resize((edge_px, height), Image.Resampling.LANCZOS)
        frame = Image.new("RGB", (edge_px, height + bar), PAPER)
        frame.paste(faces)
        middle = (edge_px / 2, height + bar / 2)
        ImageDraw.Draw(frame).text(middle, captions[iteration], INK, font, anchor="mm")
        frames.append(np.asarray(frame))
    durations = [FRAME_MS] * len(frames)
    durations[0] = durations[-1] = ENDS_MS
    return gif(np.stack(frames), durations)
