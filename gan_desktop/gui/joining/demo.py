"""The demo class, started from the window: it ends when another class is joined, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.demo_host import DemoHost
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.translation import engine_text

if TYPE_CHECKING:
    from gan_desktop.demo_class import DemoOptions


def start_demo(
    session: Session,
    say: Callable[[str], None],
    begin: Callable[[JoinedClass], None],
    fail: Callable[[GanDesktopError], None],
) -> DemoHost:
    """Make a demo class in a thread of its own; `begin` gets the way in."""
    host = DemoHost(_usual_options, session)

    def join(joined: JoinedClass) -> None:
        if host.isInterruptionRequested():
            return
        begin(joined)
        # Now, or when the worker of another class has handed in.
        if session.joined == joined:
            session.start()

    def follow(joined: JoinedClass | None) -> None:
        if joined is None or not joined.is_demo:
            host.end()
        else:
            session.start()

    host.told.connect(lambda sentence: say(engine_text(sentence.strip())))
    host.ready.connect(join)
    host.failed.connect(fail)
    session.class_changed.connect(follow)
    host.finished.connect(lambda: session.class_changed.disconnect(follow))
    host.finished.connect(host.deleteLater)
    host.start()
    return host


def end_demos(session: Session) -> list[DemoHost]:
    """Ask the demos of this window to tidy up; returns those that still do."""
    hosts = session.findChildren(DemoHost)
    for host in hosts:
        host.end()
    return hosts


def _usual_options() -> DemoOptions:
    from gan_desktop.demo_class import DemoOptions

    return DemoOptions()
