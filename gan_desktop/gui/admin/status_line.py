"""The line at the foot of the instructor's window: who hosts, traffic, connections, encryption."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.theme import use_tabular_digits
from gan_desktop.gui.words import ago, number


class TeachingStatusLine(QStatusBar):
    """Short words about everything around."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setSizeGripEnabled(False)
        self._place, self._traffic, self._room, self._link = (QLabel(self) for _ in range(4))
        for label in (self._place, self._traffic, self._room):
            use_tabular_digits(label)
            self.addWidget(label)
        self.addPermanentWidget(self._link)
        session.class_changed.connect(self._show)
        session.snapshot_changed.connect(self._show)
        session.link_changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        taught, snapshot = self._session.taught, self._session.snapshot
        self._place.setText("" if taught is None else self._where())
        has_traffic = snapshot.mbit_s is not None and taught is not None
        words = self.tr("{number} Mbit/s")
        self._traffic.setText(words.format(number=number(snapshot.mbit_s or 0, 1)) if has_traffic else "")
        self._traffic.setToolTip(self.tr("What the class's weights and updates moved in the last minute"))
        self._show_room()
        self._link.setText(self._words(self._session.link) if taught is not None else "")

    def _where(self) -> str:
        taught = self._session.taught
        assert taught is not None
        if taught.hosted_in is not None:
            return self.tr("This computer hosts the class")
        return self.tr("The class lives on {host}").format(host=taught.address.host)

    def _show_room(self) -> None:
        room, status = self._session.snapshot.room, self._session.snapshot.status
        if room is None or status is None:
            self._room.setText("")
            return
        words = self.tr("{used} of {allowed} connections")
        used = number(room.used_by_others + room.used_by_class)
        self._room.setText(words.format(used=used, allowed=number(room.allowed - room.reserved)))

    def _words(self, link: ClassLink | None) -> str:
        if link is None:
            return ""
        if not link.is_connected:
            return self.tr("Not connected, {since}").format(since=ago(link.since))
        if link.is_this_computer:
            return self.tr("Connected, on this computer")
        return self.tr("Connected, encrypted") if link.is_encrypted else self.tr("Connected, not encrypted")
