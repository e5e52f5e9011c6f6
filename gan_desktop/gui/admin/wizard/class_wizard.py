"""The way to a class of one's own: the pages beside this file, how they follow each other, and the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError, SchemaError
from gan_desktop.gui.admin.session import TOO_OLD, TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.students.class_codes import class_codes
from gan_desktop.gui.admin.wizard import jobs
from gan_desktop.gui.admin.wizard.draft import FILE, FURNISHING, ClassDraft, Step, is_half_way, load_draft
from gan_desktop.gui.admin.wizard.here_page import USUAL_STUDENTS, HerePage
from gan_desktop.gui.admin.wizard.jobs import Hosted, HostWish, LoginWish
from gan_desktop.gui.admin.wizard.page import ClassPage
from gan_desktop.gui.admin.wizard.people_page import ClassCode, PeoplePage
from gan_desktop.gui.admin.wizard.pictures_page import PicturesPage
from gan_desktop.gui.admin.wizard.reach_page import ReachPage
from gan_desktop.gui.admin.wizard.ready_page import ReadyPage
from gan_desktop.gui.admin.wizard.server_here import ServerHere
from gan_desktop.gui.admin.wizard.server_page import LoginPage, ServerPage
from gan_desktop.gui.admin.wizard.upgrade_page import UpgradePage
from gan_desktop.gui.admin.wizard.where_page import OpenPage, WherePage
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.draft import DraftKeeper
from gan_desktop.gui.trouble import Trouble

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.known_classes import KnownClass

# Of the presets' trainings; pictures are made to fit.
IMAGE_SIZE = 32


class ClassWizard(QWidget):
    """Shows one page at a time and remembers on the disk which.

    Signals:
        left: The person is done here.
    """

    left = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._draft = ClassDraft()
        self._keeper = DraftKeeper(session.places.config, session, FILE)
        self._came_from: list[Step] = []
        self._step = Step.WHERE
        self._code: ClassCode | None = None
        self._here_server = ServerHere(session, self)
        self._after_upgrade: Callable[[], None] = lambda: None
        self._where, self._here = WherePage(self), HerePage(session.places, self)
        self._server, self._login = ServerPage(self), LoginPage(self)
        self._open, self._upgrade = OpenPage(session.places, self), UpgradePage(self)
        self._reach, self._people = ReachPage(self), PeoplePage(session, self)
        self._pictures = PicturesPage(session, IMAGE_SIZE, self)
        self._ready = ReadyPage(session, self)
        self._pages: dict[Step, ClassPage] = {
            Step.WHERE: self._where,
            Step.HERE: self._here,
            Step.SERVER: self._server,
            Step.OPEN: self._open,
            Step.LOGIN: self._login,
            Step.UPGRADE: self._upgrade,
            Step.REACH: self._reach,
            Step.PEOPLE: self._people,
            Step.PICTURES: self._pictures,
            Step.READY: self._ready,
        }
        self._stack = QStackedWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        for page in self._pages.values():
            self._stack.addWidget(page)
            page.back_wanted.connect(self._go_back)
            page.leave_wanted.connect(self._ask_to_leave)
        self._connect()
        session.class_changed.connect(self._take_class)

    def _connect(self) -> None:
        self._where.here_wanted.connect(lambda: self.show_step(Step.HERE))
        self._where.server_wanted.connect(lambda: self.show_step(Step.SERVER))
        self._where.open_wanted.connect(lambda: self.show_step(Step.OPEN))
        self._here.wanted.connect(self._make_here)
        self._server.wanted.connect(self._make_on_server)
        self._open.known_chosen.connect(self._open_known)
        self._open.file_chosen.connect(self._open_file)
        self._open.folder_chosen.connect(self._open_folder)
        self._open.login_wanted.connect(lambda: self.show_step(Step.LOGIN))
        for page in (self._server, self._login):
            page.tried.connect(partial(self._open_login, page))
            page.upgrade_wanted.connect(partial(self._upgrade_there, page))
        self._upgrade.done.connect(self._take_upgrade)
        self._reach.listen_wanted.connect(self._listen_at)
        self._reach.visited.connect(self._take_visit)
        self._reach.network_known.connect(self._session.set_network)
        self._reach.go_on_wanted.connect(lambda: self.show_step(Step.PEOPLE))
        self._people.code_made.connect(self._take_code)
        self._people.admitted.connect(lambda _count: self._remember())
        self._people.go_on_wanted.connect(lambda: self.show_step(Step.PICTURES))
        self._pictures.go_on_wanted.connect(lambda: self.show_step(Step.READY))
        self._ready.begun.connect(self._finish)
        self._ready.postponed.connect(self._leave_for_now)
        self._ready.finished.connect(self._finish)

    # -- beginning ------------------------------------------------------------------------------

    def begin(self, why: str = "") -> None:
        """Show the page that fits; `why` as in `TeachingSession.ask_to_begin`."""
        self._came_from = []
        taught = self._session.taught
        folder = self._session.places.config
        if why == "upgrade" and taught is not None:
            self._upgrade.show_class(taught.address, taught.hosted_in)
            self._show(Step.UPGRADE)
        elif why == "login":
            self._ask_login()
        elif why == "another":
            self._show(Step.WHERE)
        elif why == "set_up" and taught is not None:
            self._stack.setCurrentWidget(self._reach)
            run_in_background(lambda: load_draft(folder), self._set_up, lambda _error: None, owner=self)
        else:
            # Something to see until the disk has answered.
            self._show(Step.WHERE)
            run_in_background(lambda: load_draft(folder), self._resume, lambda _error: None, owner=self)

    @property
    def step(self) -> Step:
        """Which page is shown."""
        return self._step

    def page(self, step: Step) -> ClassPage:
        """One of the pages."""
        return self._pages[step]

    def _ask_login(self) -> None:
        """The way in that is known does not work."""
        taught = self._session.taught
        if taught is not None and taught.hosted_in is None:
            self._login.fill_in(taught.address)
            self._show(Step.LOGIN)
        else:
            self._show(Step.OPEN)

    def _resume(self, draft: ClassDraft) -> None:
        """Go on where the person stopped."""
        if self._step is not Step.WHERE or self._came_from:
            return
        if draft.is_left:
            # It was about a class that is gone; what is made next begins anew.
            return
        self._type_again(draft)
        if is_half_way(draft):
            self._furnish(draft.step)
        elif draft.step not in (Step.WHERE, *FURNISHING):
            self._came_from = [Step.WHERE]
            self._show(draft.step)

    def _set_up(self, draft: ClassDraft) -> None:
        """Make the class that is open ready, from where the person stopped, else from the beginning."""
        known = self._session.taught.known if self._session.taught is not None else None
        if known is not None and known.class_id == draft.class_id and draft.step in FURNISHING:
            self._type_again(replace(draft, is_left=False))
            self._furnish(draft.step)
        else:
            self._furnish(Step.REACH)
        self._remember()

    def _furnish(self, step: Step) -> None:
        """Show one of the steps that make a class ready; Back leads through those before."""
        self._came_from = [*FURNISHING[: FURNISHING.index(step)]]
        self._show(step)

    def _type_again(self, draft: ClassDraft) -> None:
        """Fill all pages as they were."""
        self._draft = draft
        for step, page in self._pages.items():
            prefix = f"{step}."
            page.type_again(
                {
                    name.removeprefix(prefix): value
                    for name, value in draft.typed.items()
                    if name.startswith(prefix)
                }
            )

    # -- turning pages --------------------------------------------------------------------------

    def show_step(self, step: Step) -> None:
        """Turn to a page; Back leads here."""
        if step is not self._step:
            self._came_from.append(self._step)
        self._show(step)
        self._remember()

    def _go_back(self) -> None:
        if not self._came_from and self._session.taught is not None:
            if self._step in FURNISHING:
                self._ask_to_leave()
            else:
                self._leave()
            return
        # What was started for the page is not waited for.
        self._here_server.end()
        self._show(self._came_from.pop() if self._came_from else Step.WHERE)
        self._remember()

    def _show(self, step: Step) -> None:
        former = self._pages[self._step]
        if step is not self._step:
            former.leave()
        self._step = step
        page = self._pages[step]
        self._stack.setCurrentWidget(page)
        leads_out = step in FURNISHING and not self._came_from
        page.back.setText(self.tr("Leave ...") if leads_out else self.tr("Back"))
        page.back.setVisible(bool(self._came_from) or self._session.taught is not None)
        self._show_way_out()
        self._prepare(step)
        page.enter()

    def _show_way_out(self) -> None:
        """From any page after the class was made one can leave; from the first of them by Back's button."""
        is_possible = self._step in FURNISHING and self._session.taught is not None
        self._pages[self._step].way_out.setVisible(is_possible and bool(self._came_from))

    def _prepare(self, step: Step) -> None:
        """Tell the pages that come after the class's beginning which class it is."""
        taught = self._session.taught
        if step in FURNISHING and taught is None:
            self._pages[step].show_busy(self.tr("Opening your class ..."))
            return
        if step in FURNISHING:
            self._pages[step].show_busy("")
        if taught is None:
            return
        if step is Step.REACH:
            self._reach.show_class(taught, self._num_students, self._draft.visit)
        elif step is Step.PEOPLE:
            self._people.show_class(taught, self._num_students)
        elif step is Step.READY:
            self._ready.show_state(self._num_students, self._draft.visit, self._code, self._pictures.job)

    @property
    def _num_students(self) -> int:
        told = self._draft.typed.get(f"{Step.HERE}.students", "")
        return int(told) if told.isdecimal() else USUAL_STUDENTS

    def _remember(self) -> None:
        typed = {
            f"{step}.{name}": value
            for step, page in self._pages.items()
            for name, value in page.typed().items()
        }
        known = self._session.taught.known if self._session.taught is not None else None
        class_id = known.class_id if known is not None else ""
        self._draft = replace(self._draft, step=self._step, typed=typed, class_id=class_id)
        if known is None or self._step in FURNISHING:
            # A look at other classes does not take the place of how far the open one has come.
            self._keeper.keep(self._draft)

    def _ask_to_leave(self) -> None:
        """The class is there, and not ready: say where the way back is."""
        question = QMessageBox(
            QMessageBox.Icon.Question,
            self.tr("Leave"),
            self.tr(
                "The class is made. What is still to come (who takes part, the pictures, the first training)"
                ' waits in the menu of the class\'s name: "Set up this class ...".'
            ),
            QMessageBox.StandardButton.NoButton,
            self,
        )
        leave = question.addButton(self.tr("Leave for now"), QMessageBox.ButtonRole.AcceptRole)
        stay = question.addButton(self.tr("Go on setting up"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(stay)
        question.finished.connect(question.deleteLater)
        leave.clicked.connect(self._leave_for_now)
        question.open()

    @Slot()
    def _leave_for_now(self) -> None:
        """The next start shows the class; "Set up this class ..." goes on at this page."""
        self._remember()
        self._draft = replace(self._draft, is_left=True)
        self._keeper.keep(self._draft)
        self._leave()

    def step_aside(self) -> None:
        """Make room for the class's pages, if there is a class; its menu leads back to where it was."""
        if self._session.taught is None or not self._pages[self._step].back.isEnabled():
            return
        if self._step in FURNISHING:
            self._leave_for_now()
        else:
            self._leave()

    @Slot()
    def _finish(self) -> None:
        """Nothing is left to go on with."""
        self._keeper.keep(None)
        self._leave()

    def _leave(self) -> None:
        """Show the class's pages."""
        for page in self._pages.values():
            page.leave()
        if self._pictures.job.is_busy:
            # The import goes on without the wizard.
            self._pictures.job.failed.connect(self._session.tell_trouble)
        self._here_server.end()
        self.left.emit()

    # -- a new class ----------------------------------------------------------------------------

    def _make_here(self, wish: HostWish, title: str) -> None:
        self._remember()
        self._here_server.run(self._here, wish, partial(self._make_in, title))

    def _make_in(self, title: str, hosted: Hosted) -> None:
        """Make a class, unless one is there that may be meant."""
        page, found = self._here, hosted.with_title
        if not found:
            self._make_hosted(title, hosted)
            return
        words = self.tr('In this folder lives "{title}" already. A further class gets a database of its own.')
        mends = [
            (
                self.tr('Open "{title}"').format(title=one.title),
                partial(self._open_hosted, page, hosted, one.dbname),
            )
            for one in found[:2]
        ]
        mends.append((self.tr("Make one more class"), partial(self._make_hosted, title, hosted)))
        trouble = Trouble(
            self.tr("There is a class already"), words.format(title=found[0].title), is_warning=True
        )
        page.show_trouble(trouble, mends)

    def _make_hosted(self, title: str, hosted: Hosted) -> None:
        places = self._session.places
        self._here.ask(
            lambda: jobs.make_hosted(hosted, title, places), self._take_made, self.tr("Making the class ...")
        )

    def _make_on_server(self, login: LoginWish, title: str) -> None:
        places = self._session.places
        self._server.ask(
            lambda: jobs.make_on_server(login, title, places),
            self._take_made,
            self.tr("Making the class ..."),
        )

    def _take_made(self, taught: TaughtClass) -> None:
        """The class is there: now it is made ready for the lesson."""
        self._remember()
        self._draft = replace(self._draft, visit="", is_left=False)
        self._code = None
        self._came_from = []

        def go_on() -> None:
            self._came_from = []
            self._show(Step.REACH)
            self._remember()

        self._here_server.turn_to(self._pages[self._step], taught, go_on)

    # -- a class that exists --------------------------------------------------------------------

    def _open_known(self, known: KnownClass) -> None:
        places = self._session.places
        self._open.ask(
            lambda: jobs.open_again(known, places),
            self._take_opened,
            self.tr("Opening your class ..."),
            partial(self._tell_not_opened, known),
        )

    def _open_file(self, file: Path) -> None:
        places = self._session.places
        self._open.ask(
            lambda: jobs.open_file(file, places), self._take_opened, self.tr("Opening your class ...")
        )

    def _open_login(self, page: LoginPage, login: LoginWish) -> None:
        places = self._session.places
        words = self.tr("Connecting to {host} ...").format(host=login.host)
        page.ask(lambda: jobs.open_login(login, places), self._take_opened, words)

    def _open_folder(self, folder: Path) -> None:
        self._here_server.run(self._open, HostWish(folder.absolute()), self._choose_hosted)

    def _choose_hosted(self, hosted: Hosted) -> None:
        """Open the one class of a folder; ask where there are several."""
        page, found = self._open, hosted.with_title
        if len(found) == 1:
            self._open_hosted(page, hosted, found[0].dbname)
            return
        if not found:
            words = self.tr("The folder holds a database, but no class. Go back and make one there.")
            self._here_server.end()
            page.show_trouble(Trouble(self.tr("No class here"), words, is_warning=True))
            return
        mends = [(one.title or "", partial(self._open_hosted, page, hosted, one.dbname)) for one in found[:4]]
        page.show_trouble(
            Trouble(self.tr("Several classes live here"), self.tr("Which one?"), is_warning=True), mends
        )

    def _open_hosted(self, page: ClassPage, hosted: Hosted, dbname: str) -> None:
        places = self._session.places

        def fail(error: GanDesktopError) -> None:
            if isinstance(error, SchemaError) and TOO_OLD in error.title:
                address = replace(hosted.administrator, dbname=dbname)
                self._upgrade.show_class(address, hosted.folder)
                self._after_upgrade = lambda: self._open_hosted(self._upgrade, hosted, dbname)
                self.show_step(Step.UPGRADE)
            else:
                page.tell(error)

        page.ask(
            lambda: jobs.open_hosted(hosted, dbname, places),
            self._take_opened,
            self.tr("Opening your class ..."),
            fail,
        )

    def _take_opened(self, taught: TaughtClass) -> None:
        """A class that was ready before: nothing more is asked."""

        def opened() -> None:
            now, places = self._session.taught, self._session.places
            if now is not None and now.known is None:
                # Its server did not run when the file was read.
                run_in_background(
                    lambda: jobs.keep(now, places),
                    lambda _: None,
                    self._session.tell_trouble,
                    owner=self._session,
                )
            run_in_background(
                lambda: load_draft(places.config), self._forget, lambda _: None, owner=self._session
            )
            self._leave()

        self._here_server.turn_to(self._pages[self._step], taught, opened)

    def _forget(self, draft: ClassDraft) -> None:
        """Another class is open now: only one that was left for the time being is gone on with some day."""
        if not draft.is_left:
            self._keeper.keep(None)

    def _tell_not_opened(self, known: KnownClass, error: GanDesktopError) -> None:
        """A class of the list does not open: its login is asked, or it is brought up to date."""
        if isinstance(error, SchemaError) and TOO_OLD in error.title:
            self._login.fill_in_known(known)
            words = self.tr("An older version of the program made this class. It can be brought up to date.")
            upgrade = (self.tr("Bring it up to date ..."), partial(self._upgrade_known, known))
            self._open.show_trouble(Trouble(error.title, words, is_warning=True), [upgrade])
            return
        self._login.fill_in_known(known)
        enter = (self.tr("Enter the login"), lambda: self.show_step(Step.LOGIN))
        self._open.show_trouble(Trouble.of(error), [enter])

    # -- an older class -------------------------------------------------------------------------

    def _upgrade_known(self, known: KnownClass) -> None:
        from gan_desktop.admission import address_of

        address = address_of(known, None)
        self._after_upgrade = lambda: self._open_known(known)
        self._upgrade.show_class(address, None)
        self.show_step(Step.UPGRADE)

    def _upgrade_there(self, page: LoginPage, login: LoginWish) -> None:
        def show(address: Address) -> None:
            if page is self._login:
                self._after_upgrade = lambda: self._open_login(page, login)
            else:
                self._after_upgrade = lambda: self.show_step(Step.LOGIN)
            self._upgrade.show_class(address, None)
            self.show_step(Step.UPGRADE)

        page.ask(login.address, show)

    @Slot()
    def _take_upgrade(self) -> None:
        taught = self._session.taught
        if not self._came_from and taught is not None:
            # The session's own class was too old.
            self._session.refresh()
            self._leave()
            return
        self._go_back()
        self._after_upgrade()

    # -- making it ready ------------------------------------------------------------------------

    @Slot(object)
    def _take_class(self, taught: TaughtClass | None) -> None:
        if taught is None:
            # Also when the window is closed: nobody is waited for any more.
            self._reach.leave()
        if taught is not None and self._step in FURNISHING:
            self._prepare(self._step)
            self._pages[self._step].back.setVisible(True)
            self._show_way_out()

    @Slot(str)
    def _listen_at(self, listen: str) -> None:
        """Start the class's server anew, at another address."""
        taught = self._session.taught
        if taught is None or taught.hosted_in is None:
            return
        page, folder = self._reach, taught.hosted_in
        page.show_busy(self.tr("Starting the class's database anew ..."))

        def go_on() -> None:
            self._show(Step.REACH)
            self._remember()

        def take(_: Hosted) -> None:
            self._here_server.turn_to(page, taught, go_on)

        def fail() -> None:
            # As it was.
            self._session.teach(taught)

        wish = HostWish(folder, listen, taught.address.port, self._num_students)
        self._here_server.leave_then(lambda: self._here_server.run(page, wish, take, fail))

    @Slot(str)
    def _take_visit(self, who: str) -> None:
        self._draft = replace(self._draft, visit=who)
        self._remember()

    @Slot(object)
    def _take_code(self, made: ClassCode) -> None:
        self._code = made
        class_codes(self._session).add(made.login, made.code.replace("-", ""))
        self._remember()
