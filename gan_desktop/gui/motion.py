"""Whether the person wants less motion: no cross-fades, no films that start by themselves."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QApplication, QStyle

_GET_CLIENT_AREA_ANIMATION = 0x1042


def is_motion_reduced(less_motion: bool) -> bool:
    """Whether the system, or the person's own preference `less_motion`, asks for less motion."""
    return less_motion or not _animates_windows() or _animation_ms() == 0


def _animation_ms() -> int:
    # Desktops that let one switch animations off tell Qt's style so.
    return QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration)


def _animates_windows() -> bool:
    """Windows' own switch, "Animation effects", of which Qt tells nothing; True elsewhere."""
    if sys.platform != "win32":
        return True
    import ctypes

    is_on = ctypes.c_int(1)
    ctypes.windll.user32.SystemParametersInfoW(_GET_CLIENT_AREA_ANIMATION, 0, ctypes.byref(is_on), 0)
    return bool(is_on.value)
