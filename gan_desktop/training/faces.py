"""Drawn faces: the demo's and the tests' pictures, made from nothing but a number.

Same index, same face, for ever. The eyes stand at the same place in every picture, as in the
aligned CelebA photographs, so that a small DCGAN learns them in minutes.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Points = NDArray[np.complexfloating[Any, Any]]
T = TypeVar("T")

ZOOM = 1.16  # the head fills the picture about as in the aligned CelebA photographs
SUPERSAMPLING = 4  # drawn this many times larger, then averaged: Pillow draws hard edges


def _palette(codes: str) -> tuple[Colour, ...]:
    return tuple((red, green, blue) for red, green, blue in map(bytes.fromhex, codes.split()))


_SKINS = _palette("ffe0cd fad3b8 f1c2a0 e0ac84 c68c62 a56d48 86563a 6c442f")
_DARK_HAIR = _palette("1c181c 2e201c 4a2e20 643e26")
_LIGHT_HAIR = _palette("96401e c4682c deb260 f0d088")
_OTHER_HAIR = _palette("c4c2c4 eceae8 d6588a 3a76be 40a08c")
_IRISES = _palette("4a2c1a 603c20 84602e 4a8052 4884be 687482")
_CLOTHES = _palette("ce3e3e ec9436 f4d05c 589e5c 3e7eb6 34406e 8456a0 e8e8e4 3c3c42 e28ca0")
_BACKGROUNDS = _palette("96c4e2 bcdee8 f6d6a0 f0beb4 c4deb2 cec2e4 e8e4da 80a0b0 f4e8b4 aaaeba")
_WHITE: Colour = (250, 250, 248)
_INK: Colour = (26, 22, 24)

_CIRCLE: Points = np.exp(2j * math.pi * np.arange(28) / 28)
_SQUARE: Points = (  # a superellipse, flatter than wide: the frame of square glasses
    np.sign(_CIRCLE.real) * np.sqrt(abs(_CIRCLE.real))
    + 0.8j * np.sign(_CIRCLE.imag) * np.sqrt(abs(_CIRCLE.imag))
)
_TOP: Points = np.exp(1j * math.pi * (1.0 + np.linspace(0.0, 1.0, 25)))  # left ear, crown, right ear
_ACROSS = np.linspace(1.0, -1.0, 17)  # the hairline, from the right ear back to the left
_CURVE = np.linspace(-1.0, 1.0, 9)


class _Dice:
    """Draws that stay the same in every Python: only `random()` has a promised sequence."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]


def _mix(a: Colour, b: Colour, share_b: float) -> Colour:
    """A colour between two: `a` at share 0, `b` at share 1."""
    return (
        int(a[0] + (b[0] - a[0]) * share_b),
        int(a[1] + (b[1] - a[1]) * share_b),
        int(a[2] + (b[2] - a[2]) * share_b),
    )


@dataclass(frozen=True)
class _Traits:
    """All that makes one person; lengths are shares of the picture's edge."""

    centre: complex
    turn: float  # how far the features look to one side
    roll: float  # radians
    half_width: float
    half_height: float
    jaw: float  # 0: oval, 0.3: pointed
    skin: Colour
    hair: Colour
    hair_style: str
    hair_volume: float
    parting: float
    iris: Colour
    eye_spacing: float
    eye_size: float
    eye_openness: float
    lashes: bool
    brow_tilt: float
    brow_width: float
    nose_length: float
    nose_width: float
    mouth: str
    mouth_width: float
    smile: float
    lips: Colour
    blush: float
    beard: str
    glasses: str
    frame: Colour
    earrings: bool
    clothes: Colour
    background: tuple[Colour, Colour, Colour, Colour]
    light: float  # -1: from the left, 1: from the right


_HAIR_STYLES = (
    "crop", "crop", "side", "side", "fringe", "long", "long", "middle", "middle", "bob", "bob",
    "curly", "curly", "afro", "bun", "tails", "bald", "cap", "scarf",
)  # fmt: skip
_LONG_STYLES = frozenset(("long", "middle", "bob", "bun", "tails", "scarf"))


def _draw_traits(dice: _Dice) -> _Traits:
    """One person out of the dice; a change in the order of draws changes every face."""
    tone = dice.between(0, len(_SKINS) - 1.001)
    skin = _mix(_SKINS[int(tone)], _SKINS[int(tone) + 1], tone % 1)
    natural = _DARK_HAIR if tone > 3.5 or dice.chance(0.45) else _LIGHT_HAIR
    hair = dice.pick(_OTHER_HAIR) if dice.chance(0.14) else dice.pick(natural)
    hair_style = dice.pick(_HAIR_STYLES)
    is_soft = hair_style in _LONG_STYLES or dice.chance(0.25)
    lips = _mix(skin, _mix((176, 52, 62), (232, 128, 120), tone / len(_SKINS)), 0.5)
    wall = dice.pick(_BACKGROUNDS)
    other_wall = _mix(wall, dice.pick(_BACKGROUNDS), dice.between(0.1, 0.8))
    return _Traits(
        centre=complex(dice.between(0.485, 0.515), dice.between(0.525, 0.545)),
        turn=dice.between(-0.025, 0.025),
        roll=dice.between(-0.07, 0.07),
        half_width=dice.between(0.235, 0.27),
        half_height=dice.between(0.30, 0.335),
        jaw=dice.between(0.02, 0.2),
        skin=skin,
        hair=hair,
        hair_style=hair_style,
        hair_volume=dice.between(0.0, 0.06),
        parting=dice.pick((-1, 1)) * dice.between(0.25, 0.6),
        iris=dice.pick(_IRISES[:3] if tone > 3.5 else _IRISES),
        eye_spacing=dice.between(0.104, 0.122),
        eye_size=dice.between(0.052, 0.063),
        eye_openness=dice.between(0.62, 0.9),
        lashes=is_soft,
        brow_tilt=dice.between(-0.017, 0.009),
        brow_width=dice.between(0.014, 0.020) if is_soft else dice.between(0.018, 0.030),
        nose_length=dice.between(0.085, 0.115),
        nose_width=dice.between(0.026, 0.040),
        mouth=dice.pick(("smile", "smile", "laugh", "laugh", "neutral", "open")),
        mouth_width=dice.between(0.080, 0.112),
        smile=dice.between(0.022, 0.042),
        lips=_mix(lips, (200, 24, 56), dice.between(0.2, 0.7) if is_soft else 0.0),
        blush=dice.between(0.05, 0.28),
        beard="none" if is_soft else dice.pick(("none", "none", "none", "full", "moustache", "stubble")),
        glasses=dice.pick(("none", "none", "none", "none", "round", "square")),
        frame=dice.pick((_INK, _INK, (96, 52, 30), (150, 40, 44), (60, 78, 128))),
        earrings=is_soft and dice.chance(0.3),
        clothes=dice.pick(_CLOTHES),
        background=(_mix(wall, _WHITE, 0.35), _mix(other_wall, _WHITE, 0.2), wall, other_wall),
        light=dice.pick((-1.0, 1.0)),
    )


class _Canvas:
    """A large picture addressed in shares of its edge; the head's roll turns everything drawn.

    Points are complex numbers x + iy, y downwards: turning by `roll` is one multiplication.
    """

    def __init__(self, size: int, background: tuple[Colour, Colour, Colour, Colour]) -> None:
        corners = Image.fromarray(np.array(background, dtype=np.uint8).reshape(2, 2, 3))
        edge = size * SUPERSAMPLING
        # The box reaches from one corner pixel's centre to the other's: the gradient fills the picture.
        self.image = corners.resize((edge, edge), Image.Resampling.BILINEAR, box=(0.5, 0.5, 1.5, 1.5))
        self._draw = ImageDraw.Draw(self.image)
        self._edge = edge
        self._scale: complex = complex(edge)
        self._shift: complex = 0.5 + 0.5j  # Pillow truncates coordinates

    def turn_about(self, pivot: complex, roll: float, zoom: float) -> None:
        """Roll and enlarge all that is drawn from now on about a point."""
        self._scale = self._edge * zoom * cmath.exp(1j * roll)
        self._shift = pivot * (self._edge - self._scale) + (0.5 + 0.5j)

    def polygon(self, points: Points, fill: Colour) -> None:
        flat = (points * self._scale + self._shift).view(np.float64).tolist()
        self._draw.polygon(flat, fill=fill)

    def ellipse(self, centre: complex, radius_x: float, radius_y: float, fill: Colour) -> None:
        self.polygon(centre + (radius_x * _CIRCLE.real + 1j * radius_y * _CIRCLE.imag), fill)

    def stroke(self, points: Points, width: float, fill: Colour) -> None:
        flat = (points * self._scale + self._shift).view(np.float64).tolist()
        self._draw.line(flat, fill=fill, width=max(1, round(width * self._edge)), joint="curve")


def draw_face(index: int, size: int) -> NDArray[np.uint8]:
    """Draw one person: the same for the same index, at any size.

    Args:
        index: Which person, 0 or more.
        size: Edge of the picture, pixels.

    Returns:
        The picture, [size, size, 3], uint8, RGB.
    """
    who = _draw_traits(_Dice(index))
    canvas = _Canvas(size, who.background)
    canvas.turn_about(who.centre + 0.1j, who.roll, ZOOM)
    _draw_hair_behind(canvas, who)
    _draw_body(canvas, who)
    _draw_ears(canvas, who)
    _draw_head(canvas, who)
    _draw_beard(canvas, who)
    _draw_nose_and_cheeks(canvas, who)
    _draw_mouth(canvas, who)
    for side in (-1, 1):
        _draw_eye(canvas, who, side)
    _draw_hair_in_front(canvas, who)
    _draw_glasses(canvas, who)
    return np.asarray(canvas.image.reduce(SUPERSAMPLING))


def _outline(who: _Traits, grow: float = 1.0) -> Points:
    """The head's contour: an ellipse whose lower half narrows towards the chin."""
    narrowing = 1 - who.jaw * np.clip(_CIRCLE.imag, 0, 1) ** 2
    half_width = grow * who.half_width * narrowing
    outline: Points = who.centre + half_width * _CIRCLE.real + 1j * grow * who.half_height * _CIRCLE.imag
    return outline


def _shade(colour: Colour) -> Colour:
    return _mix(colour, (60, 20, 30), 0.22)


def _draw_body(canvas: _Canvas, who: _Traits) -> None:
    neck = who.centre + 1j * who.half_height
    throat = 0.55 * who.half_width
    canvas.ellipse(complex(who.centre.real, 1.10), 0.44, 0.25, who.clothes)
    if who.hair_style == "scarf":
        canvas.ellipse(neck - 0.03j, who.half_width * 0.98, 0.16, _shade(who.clothes))
        canvas.ellipse(neck - 0.06j, who.half_width * 0.92, 0.15, who.clothes)
        return
    canvas.ellipse(neck + 0.075j, throat * 1.25, 0.075, _shade(who.clothes))
    canvas.ellipse(neck + 0.05j, throat, 0.085, _shade(who.skin))
    canvas.ellipse(neck - 0.05j, throat, 0.11, _shade(who.skin))


def _draw_ears(canvas: _Canvas, who: _Traits) -> None:
    if who.hair_style == "scarf":
        return
    for side in (-1, 1):
        ear = who.centre + side * who.half_width + 0.01j
        canvas.ellipse(ear, 0.038, 0.062, who.skin)
        canvas.ellipse(ear + side * 0.004, 0.02, 0.038, _shade(who.skin))
        if who.earrings:
            canvas.ellipse(ear + 0.07j, 0.017, 0.017, (246, 206, 84))


def _draw_head(canvas: _Canvas, who: _Traits) -> None:
    canvas.polygon(_outline(who), _mix(who.skin, _shade(who.skin), 0.75))
    canvas.polygon(_outline(who, 0.95) + 0.013 * who.light, who.skin)


def _draw_beard(canvas: _Canvas, who: _Traits) -> None:
    if who.beard in ("full", "stubble"):
        colour = who.hair if who.beard == "full" else _mix(who.skin, who.hair, 0.3)
        lower = _outline(who, 1.01 if who.beard == "full" else 0.98)
        jaw = lower[(lower - who.centre).imag > -0.02]
        inner = who.centre + 0.09j + np.array([-0.68, -0.4, 0.0, 0.4, 0.68]) * who.half_width
        inner = inner + 1j * np.array([-0.03, 0.06, 0.015, 0.06, -0.03])
        canvas.polygon(np.concatenate((jaw, inner)), colour)
    if who.beard in ("full", "moustache"):
        lip = _mouth_centre(who) - 0.034j
        canvas.polygon(lip + who.mouth_width * 1.05 * _CURVE + 1j * 0.03 * _CURVE**2, who.hair)
        for side in (-1, 1):
            canvas.ellipse(lip + side * 0.042 + 0.005j, 0.05, 0.021, who.hair)


def _draw_nose_and_cheeks(canvas: _Canvas, who: _Traits) -> None:
    rosy = _mix(who.skin, (214, 84, 84), who.blush * who.skin[0] / 255)
    for side in (-1, 1):
        cheek = who.centre + side * 0.145 + 0.075j + who.turn * 0.6
        if who.beard != "full":
            canvas.ellipse(cheek, 0.047, 0.036, rosy)
    bridge = who.centre - 0.03j + who.turn
    tip = bridge + 1j * who.nose_length + who.turn * 0.5
    dark = _mix(who.skin, _shade(who.skin), 0.95)
    shady = -who.light
    canvas.polygon(np.array([bridge + shady * 0.012, tip + shady * who.nose_width, tip]), dark)
    canvas.ellipse(tip, who.nose_width, 0.021, dark)
    canvas.ellipse(
        tip - 0.007j + who.light * 0.005, who.nose_width * 0.8, 0.018, _mix(who.skin, _WHITE, 0.12)
    )


def _mouth_centre(who: _Traits) -> complex:
    return who.centre + 0.165j + who.turn


def _draw_mouth(canvas: _Canvas, who: _Traits) -> None:
    middle = _mouth_centre(who)
    half = who.mouth_width
    if who.mouth == "open":
        canvas.ellipse(middle + 0.012j, half * 0.62, 0.050, who.lips)
        canvas.ellipse(middle + 0.012j, half * 0.44, 0.034, (84, 22, 30))
        canvas.ellipse(middle + 0.034j, half * 0.3, 0.013, (214, 98, 100))
    elif who.mouth == "laugh":
        upper = middle + half * _CURVE + 1j * who.smile * 0.3 * (1 - _CURVE**2)
        lower = middle - half * _CURVE + 1j * who.smile * 1.9 * (1 - _CURVE**2)
        canvas.polygon(np.concatenate((upper - 0.014j, lower + 0.014j)), who.lips)
        canvas.polygon(np.concatenate((upper, lower)), _WHITE)
        canvas.stroke(upper, 0.01, _mix(who.lips, _INK, 0.5))
    else:
        bend = who.smile if who.mouth == "smile" else 0.004
        line = middle + half * _CURVE + 1j * bend * (1 - 2 * _CURVE**2)
        lower = middle - 0.72 * half * _CURVE + 1j * (0.9 * bend + 0.026 * (1 - _CURVE**2))
        canvas.polygon(np.concatenate((line[1:-1] - 0.010j, lower)), who.lips)
        canvas.stroke(line, 0.013, _mix(who.lips, _INK, 0.55))


def _draw_eye(canvas: _Canvas, who: _Traits, side: int) -> None:
    eye = who.centre - 0.045j + side * who.eye_spacing + who.turn
    radius, openness = who.eye_size, who.eye_openness
    canvas.ellipse(eye, radius * 1.12, radius * openness * 1.2, _mix(who.skin, _shade(who.skin), 0.8))
    canvas.ellipse(eye, radius, radius * openness, _WHITE)
    gaze = eye + who.turn * 0.5
    canvas.ellipse(gaze, radius * 0.56, radius * min(0.62, openness), who.iris)
    canvas.ellipse(gaze, radius * 0.3, radius * 0.32, _INK)
    canvas.ellipse(gaze + who.light * 0.013 - 0.013j, 0.011, 0.011, _WHITE)
    lid = eye + radius * 1.1 * _CURVE - 1j * radius * openness * (1.02 - 0.85 * _CURVE**2)
    canvas.stroke(lid, 0.019 if who.lashes else 0.013, _INK if who.lashes else _mix(who.skin, _INK, 0.7))
    if who.lashes:
        corner = eye + side * radius * 0.9 - 0.01j
        canvas.stroke(np.array([corner, corner + side * 0.026 - 0.022j]), 0.015, _INK)
    brow = eye - 1j * (0.076 + 0.012 * openness) - 1j * side * who.brow_tilt * _CURVE
    arch = brow + radius * 1.2 * _CURVE + 0.018j * _CURVE**2
    canvas.stroke(arch, who.brow_width, _mix(who.hair, _INK, 0.3))


def _hairline(who: _Traits) -> NDArray[np.float64]:
    """How far below the head's centre the hair ends along `_ACROSS`, in half heights (up: negative)."""
    across = _ACROSS
    match who.hair_style:
        case "fringe" | "bob":
            return -0.46 + 0.36 * across**4 + 0.03 * np.cos(14 * across)
        case "side" | "long":
            return np.asarray(-0.74 + 0.36 * np.abs(across - who.parting) ** 1.4 + 0.32 * across**6)
        case "middle":
            return np.asarray(-0.80 + 0.78 * np.abs(across) ** 1.5)
        case "cap" | "scarf":
            return -0.52 + 0.10 * across**2
        case _:
            return -0.66 + 0.62 * across**6


def _crown(who: _Traits, volume: float, waves: int = 0) -> Points:
    """The hair's outer edge over the top of the head, from ear to ear; waves make curls."""
    bumps = 1 + (0.05 * np.abs(np.sin(np.linspace(0, math.pi * waves, len(_TOP)))) if waves else 0)
    edge = _TOP * bumps * (volume + who.hair_volume)
    return np.asarray(who.centre + who.half_width * edge.real + 1j * who.half_height * edge.imag)


def _draw_hair_behind(canvas: _Canvas, who: _Traits) -> None:
    dark = _mix(who.hair, (64, 30, 24), 0.32)
    width, height = who.half_width, who.half_height
    match who.hair_style:
        case "long" | "middle":
            canvas.ellipse(who.centre - 0.02j, width * 1.24, height * 1.12, dark)
            corners = np.array([-1.24 + 0j, 1.24, 1.34 + 1.6j, -1.34 + 1.6j])
            canvas.polygon(who.centre + corners.real * width + 1j * corners.imag * height, dark)
        case "bob":
            canvas.ellipse(who.centre + 0.02j, width * 1.32, height * 1.06, dark)
            canvas.ellipse(who.centre + 0.14j, width * 1.36, height * 0.62, dark)
        case "afro":
            canvas.ellipse(who.centre - 0.07j, width * 1.5, height * 1.22, dark)
        case "bun":
            canvas.ellipse(who.centre - 1j * height * 1.1, 0.1, 0.1, dark)
        case "tails":
            for side in (-1, 1):
                canvas.ellipse(who.centre + side * width * 1.3 + 0.06j, 0.085, 0.17, dark)
        case "scarf":
            canvas.ellipse(who.centre, width * 1.22, height * 1.17, _shade(who.clothes))


def _draw_hair_in_front(canvas: _Canvas, who: _Traits) -> None:
    style = who.hair_style
    if style == "bald":
        glow = who.centre + who.light * 0.07 - 1j * who.half_height * 0.74
        canvas.ellipse(glow, 0.055, 0.03, _mix(who.skin, _WHITE, 0.3))
        return
    colour = who.clothes if style in ("cap", "scarf") else who.hair
    volume = {"afro": 1.3, "curly": 1.14, "cap": 1.12, "scarf": 1.16}.get(style, 1.07)
    crown = _crown(who, volume, waves={"afro": 9, "curly": 8}.get(style, 0))
    inner = who.centre + 1.02 * who.half_width * _ACROSS + 1j * who.half_height * _hairline(who)
    canvas.polygon(np.concatenate((crown, inner)), colour)
    if style == "cap":
        canvas.polygon(np.concatenate((inner - 0.045j, inner[::-1] + 0.03j)), _mix(colour, _WHITE, 0.35))
        canvas.ellipse(who.centre - 1j * who.half_height * 1.16, 0.06, 0.055, _mix(colour, _WHITE, 0.35))
    elif style == "scarf":
        hem = _outline(who, 0.97)
        canvas.stroke(np.append(hem, hem[:2]), 0.022, _mix(colour, _INK, 0.25))
    else:
        _draw_shine(canvas, who, colour, volume)


def _draw_shine(canvas: _Canvas, who: _Traits, colour: Colour, volume: float) -> None:
    """A lighter streak on the side the light comes from."""
    streak = _TOP[5:11] if who.light < 0 else _TOP[14:20]
    reach = 0.5 * (volume + 0.66)
    line = who.centre + who.half_width * reach * streak.real + 1j * who.half_height * reach * streak.imag
    canvas.stroke(line, 0.03, _mix(colour, _WHITE, 0.2))


def _draw_glasses(canvas: _Canvas, who: _Traits) -> None:
    if who.glasses == "none":
        return
    middle = who.centre - 0.04j + who.turn
    rim = _CIRCLE if who.glasses == "round" else _SQUARE
    closed = np.append(rim, rim[:2])
    for side in (-1, 1):
        lens = middle + side * who.eye_spacing * 1.05
        canvas.stroke(lens + 0.088 * closed, 0.017, who.frame)
        temple = np.array([lens + side * 0.088, who.centre + side * who.half_width * 1.02 - 0.05j])
        canvas.stroke(temple, 0.017, who.frame)
    bridge = middle + (who.eye_spacing * 1.05 - 0.088) * _CURVE - 0.01j * (1 - _CURVE**2)
    canvas.stroke(bridge, 0.017, who.frame)
