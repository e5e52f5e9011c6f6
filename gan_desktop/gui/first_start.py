"""What stands in the window while no class has been joined, and whenever somebody wants into another one."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.session import Session


def first_start(session: Session, parent: QWidget) -> JoinWizard:
    """The first question, and behind each answer its pages. The window shows it at `Session.join_wanted`."""
    return JoinWizard(session, parent)
