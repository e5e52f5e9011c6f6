"""The line at the window's foot: who is at work in the class, power, connection."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_now import class_now
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import use_tabular_digits
from gan_desktop.gui.words import ago, number

POWER_EVERY_MS = 15_000


class StatusLine(QStatusBar):
    """Three short words about everything around."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setSizeGripEnabled(False)
        self._class, self._power, self._link = QLabel(self), QLabel(self), QLabel(self)
        for label in (self._class, self._power):
            use_tabular_digits(label)
            self.addWidget(label)
        self.addPermanentWidget(self._link)
        self._class.setToolTip(
            self.tr("Computers at work in your class now, and from how many images they learn in a second.")
        )
        session.totals_changed.connect(self._look)
        session.state_changed.connect(self._look)
        session.link_changed.connect(self._show_link)
        # Of another class nothing is known yet.
        session.class_changed.connect(lambda _joined: self._show_link(session.link))
        self._show_link(session.link)
        clock = QTimer(self, interval=POWER_EVERY_MS)
        clock.timeout.connect(self._ask_power)
        clock.start()
        self._ask_power()

    @Slot()
    def _look(self) -> None:
        now, parts = class_now(self._session), []
        if now is not None:
            parts.append(self.tr("%n computer(s)", None, now.num_computers))
            if speed := now.images_per_second:
                digits = 1 if speed < 10 else 0
                parts.append(self.tr("{number} images/s").format(number=number(speed, digits)))
        self._class.setText(" · ".join(parts))

    @Slot()
    def _ask_power(self) -> None:
        run_in_background(_is_on_mains, self._show_power, self._power_unknown, owner=self)

    def _show_power(self, is_on_mains: bool) -> None:
        self._power.setText(self.tr("Plugged in") if is_on_mains else self.tr("On battery"))

    def _power_unknown(self, _error: GanDesktopError) -> None:
        self._power.setText("")

    @Slot(object)
    def _show_link(self, link: ClassLink | None) -> None:
        self._link.setText(self._words(link))
        self._look()

    def _words(self, link: ClassLink | None) -> str:
        if link is None:
            return ""
        if not link.is_connected and self._session.has_ended:
            return self.tr("The class has ended")
        if not link.is_connected:
            return self.tr("Not connected, {since}").format(since=ago(link.since))
        if link.is_this_computer:
            return self.tr("Connected, on this computer")
        return self.tr("Connected, encrypted") if link.is_encrypted else self.tr("Connected, not encrypted")


def _is_on_mains() -> bool:
    # Here, because it brings PyTorch along, which takes seconds.
    from gan_desktop.worker.conditions import is_on_mains

    return is_on_mains()
