"""Where the class lives, by which way students come, who runs the training."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.words import ago

if TYPE_CHECKING:
    from gan_desktop.class_admin.server import ClassServer

MOST_VERSIONS = 5


class ServerFactsCard(QFrame):
    """Facts in words, each with what it means where that is not plain."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.7))
        self._grid.setHorizontalSpacing(em(self, 0.9))
        self._grid.setVerticalSpacing(em(self, 0.3))
        self._grid.setColumnStretch(1, 1)
        self.place = self._fact(self.tr("The class lives"))
        scale_font(self.place, 1.05, bold=True)
        self.copy_button = push_button(self.tr("&Copy"), self._copy, self)
        self.addresses = self._fact(self.tr("Students find it at"), self.copy_button)
        self.encryption = self._fact(self.tr("Encryption"))
        self.version = self._fact(self.tr("Version"))
        self.run_button = push_button(self.tr("&Run it here"), self._run_here, self)
        self.runner = self._fact(self.tr("The training is run by"), self.run_button)
        self.upgrade_button = push_button(
            self.tr("&Upgrade ..."), lambda: session.ask_to_begin("upgrade"), self
        )
        self.programs = self._fact(self.tr("Students' programs"))
        self._grid.addWidget(self.upgrade_button, self._grid.rowCount(), 1, Qt.AlignmentFlag.AlignLeft)
        self.upgrade_button.hide()
        for signal in (session.coordination_changed, session.snapshot_changed, session.class_changed):
            signal.connect(self._show_session)
        self.show_server(None)
        self._show_session()

    def _fact(self, title: str, button: QPushButton | None = None) -> QLabel:
        name, words = QLabel(title, self), plain_label("", self)
        set_role(name, "muted")
        words.setAccessibleName(title)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = self._grid.rowCount()
        self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        if button is None:
            self._grid.addWidget(words, row, 1)
        else:
            line = QHBoxLayout()
            line.setSpacing(em(self, 0.5))
            line.addWidget(words, 1)
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addLayout(line, row, 1)
        return words

    # -- what was read of the server ------------------------------------------------------------

    def show_server(self, server: ClassServer | None) -> None:
        """Show what was read; None: nothing yet."""
        self.copy_button.setVisible(server is not None and bool(server.hosts))
        self.upgrade_button.hide()
        if server is None:
            for label in (self.addresses, self.encryption, self.version):
                label.setText(self.tr("Looking ..."))
            return
        self.addresses.setText(self._addresses(server))
        self.encryption.setText(self._encryption(server))
        words = self.tr("PostgreSQL {version}; the class and this program fit each other")
        self.version.setText(words.format(version=server.facts.version))

    def show_too_old(self, words: str) -> None:
        """The class was made by another version of the program."""
        self.version.setText(words)
        self.upgrade_button.show()

    def _addresses(self, server: ClassServer) -> str:
        if not server.hosts:
            return self.tr("Nobody but this computer can reach it. Let others in when you open the class.")
        from gan_desktop.class_code import shown_address

        taught = self._session.taught
        database = taught.address.dbname if taught is not None else ""
        return ", ".join(shown_address(host, server.port, database) for host in server.hosts)

    def _encryption(self, server: ClassServer) -> str:
        if server.is_here and not server.facts.offers_tls:
            if not server.hosts:
                return self.tr("Not needed: nothing leaves this computer.")
            return self.tr(
                "None: whoever is in the same network can read along. Passwords never travel; names and"
                " pictures do. Fine for a lesson in your own room."
            )
        if server.facts.is_encrypted or server.is_here:
            return self.tr("Yes: nobody on the way can read along.")
        return self.tr(
            "None: whoever sits between here and the server can read along. Passwords never travel; names"
            " and pictures do."
        )

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.addresses.text())

    # -- what the session knows -----------------------------------------------------------------

    @Slot()
    def _show_session(self) -> None:
        taught = self._session.taught
        if taught is None:
            self.place.setText(self.tr("Nowhere yet"))
        elif taught.hosted_in is not None:
            words = self.tr("On this computer, in {folder}")
            self.place.setText(words.format(folder=taught.hosted_in))
        else:
            words = self.tr('On {host}, in the database "{database}"')
            self.place.setText(words.format(host=taught.address.host, database=taught.address.dbname))
        self._show_runner()
        self._show_programs()

    def _show_runner(self) -> None:
        now, training = self._session.coordination, self._session.snapshot.training
        self.run_button.setVisible(now.place == "nobody" and now.run_id is not None)
        if now.run_id is None:
            words = self.tr("Nobody: no training is in progress.")
        elif now.is_starting:
            words = self.tr("This window, in a moment")
        elif now.place == "here":
            words = self.tr("This window")
        elif now.place == "elsewhere":
            silent = training.coordinator_silent_s if training is not None else None
            words = self.tr("Another program; heard of {ago}").format(ago=ago(time.time() - (silent or 0.0)))
        else:
            words = self.tr("Nobody: everybody waits.")
        self.runner.setText(words)

    @Slot()
    def _run_here(self) -> None:
        run_id = self._session.coordination.run_id
        if run_id is not None:
            self._session.begin_training(run_id)

    def _show_programs(self) -> None:
        status = self._session.snapshot.status
        told = {worker.program_version for worker in status.workers} if status is not None else set()
        versions = sorted(version for version in told if version)
        # A program says of itself what it likes.
        versions = versions[:MOST_VERSIONS] + ["..."] * (len(versions) > MOST_VERSIONS)
        words = self.tr("Version {versions}").format(versions=", ".join(versions))
        self.programs.setText(words if versions else self.tr("Nobody has joined yet"))
