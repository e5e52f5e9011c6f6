"""Deleting a class: its name to type, and its maker's login where it lives on a server."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.admin.end_of_course import jobs
from gan_desktop.gui.admin.end_of_course.jobs import Deleted
from gan_desktop.gui.admin.end_of_course.sheets import TypedQuestion
from gan_desktop.gui.admin.end_of_course.work import Work
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.wizard.page import add_line, make_form
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.trouble import Trouble

if TYPE_CHECKING:
    from gan_desktop.database.address import Address


class DeleteSheet(TypedQuestion):
    """Deletes the class that is taught; the window has none afterwards."""

    def __init__(self, session: TeachingSession, name: str, parent: QWidget) -> None:
        taught = session.taught
        assert taught is not None
        self._session, self._taught = session, taught
        super().__init__(
            parent.tr("Delete the whole class"),
            parent.tr(
                "Pictures, weights, faces, curves, everybody's record and all logins are removed for good."
                " Only files that you have written stay."
            ),
            name,
            parent.tr("Delete the class"),
            self._begin,
            parent,
        )
        self.work = Work(session, self)
        self.user = self.password = None
        if taught.hosted_in is None:
            frame, form = make_form(self)
            self.user = add_line(form, self.tr("Login"), self.tr("the one that made the class"))
            self.password = add_line(form, self.tr("Password"), is_secret=True)
            self.middle.insertWidget(0, frame)

    def _press(self) -> None:
        # It stays open: what goes wrong is said here.
        self._begin()

    def _begin(self) -> None:
        if self.work.is_busy:
            return
        self.clear_error()
        self.be_busy(self.tr("Deleting the class ..."))
        work = partial(jobs.delete, self._taught, self._session.places, self._maker())
        self.work.begin(self.tr("The class is being deleted."), work, self._leave, self.show_error)

    def _maker(self) -> Address | None:
        """The login that made the class; None: this computer's own server needs none."""
        if self.user is None or self.password is None:
            return None
        return replace(
            self._taught.address, user=self.user.text().strip(), password=self.password.text() or None
        )

    def _leave(self, deleted: Deleted) -> None:
        """Turn to no class; a server on this computer that has no other one is removed then."""
        session, folder = self._session, self._taught.hosted_in

        def begin_anew(_answer: object) -> None:
            session.ask_to_begin("")
            if deleted.trouble is not None:
                session.tell_trouble(replace(Trouble.of(deleted.trouble), is_warning=True))

        def remove_server(_taught: object) -> None:
            assert folder is not None
            work = partial(jobs.remove_server, folder)
            run_in_background(work, begin_anew, session.tell_trouble, owner=session)

        after = remove_server if folder is not None and not deleted.others else begin_anew
        session.class_changed.connect(after, Qt.ConnectionType.SingleShotConnection)
        self.accept()
        session.leave()
