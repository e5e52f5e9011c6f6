"""For how long nobody has touched mouse or keyboard: each system answers in its own way.

None where it cannot be known: without a desktop session (a service, a remote shell), and under Wayland
desktops other than GNOME, which tell it to nobody.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import sys

from gan_desktop.worker.foreign import ask

_GNOME_QUESTION = (
    "gdbus",
    "call",
    "--session",
    "--dest=org.gnome.Mutter.IdleMonitor",
    "--object-path=/org/gnome/Mutter/IdleMonitor/Core",
    "--method=org.gnome.Mutter.IdleMonitor.GetIdletime",
)


def idle_seconds() -> float | None:
    """Seconds since the person last touched mouse or keyboard, or None."""
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "darwin":
            return _macos()
        # Under Wayland the X server hears only of what is typed into X programs.
        if os.environ.get("WAYLAND_DISPLAY"):
            return _gnome()
        return _x11() if os.environ.get("DISPLAY") else None
    except (OSError, AttributeError):  # a library or a function that this system lacks
        return None


class _ScreenSaverInfo(ctypes.Structure):
    # XScreenSaver(3): XScreenSaverInfo
    _fields_ = (
        ("window", ctypes.c_ulong),
        ("state", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("til_or_since", ctypes.c_ulong),
        ("idle", ctypes.c_ulong),
        ("event_mask", ctypes.c_ulong),
    )


def _x11() -> float | None:
    x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    saver = ctypes.CDLL(ctypes.util.find_library("Xss") or "libXss.so.1")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    x11.XDefaultRootWindow.argtypes = [ctypes.c_void_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    saver.XScreenSaverQueryInfo.argtypes = [
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.POINTER(_ScreenSaverInfo),
    ]
    # A connection for each question: Xlib ends the whole program when one that is held open breaks.
    display = x11.XOpenDisplay(None)
    if not display:
        return None
    try:
        info = _ScreenSaverInfo()
        if not saver.XScreenSaverQueryInfo(display, x11.XDefaultRootWindow(display), ctypes.byref(info)):
            return None
        return int(info.idle) / 1_000
    finally:
        x11.XCloseDisplay(display)


def _gnome() -> float | None:
    answer = re.search(r"uint64 (\d+)", ask(_GNOME_QUESTION) or "")
    return int(answer[1]) / 1_000 if answer else None


class _LastInputInfo(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint), ("tick", ctypes.c_uint))


def _windows() -> float | None:
    info = _LastInputInfo(size=ctypes.sizeof(_LastInputInfo))
    if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(info)):  # type: ignore[attr-defined]
        return None
    # Both count milliseconds in 32 bits: the difference is right over their turn after 50 days, too.
    ticks = ctypes.windll.kernel32.GetTickCount() & 0xFFFFFFFF  # type: ignore[attr-defined]
    return float((ticks - info.tick) & 0xFFFFFFFF) / 1_000


def _macos() -> float | None:
    graphics = ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    since = graphics.CGEventSourceSecondsSinceLastEventType
    since.restype = ctypes.c_double
    since.argtypes = [ctypes.c_int32, ctypes.c_uint32]
    hid_system_state, any_input_event = 1, 0xFFFFFFFF
    return float(since(hid_system_state, any_input_event))
