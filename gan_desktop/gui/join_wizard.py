"""The way into a class, page by page: `joining/` has the pages, this is how they follow each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining import demo, entrance
from gan_desktop.gui.joining.card_page import CardPage, path_of
from gan_desktop.gui.joining.choose_page import ChoosePage, TeachPage, TryPage
from gan_desktop.gui.joining.confirm_page import ConfirmPage
from gan_desktop.gui.joining.draft import WELCOME, Draft, DraftKeeper, Step, load_draft
from gan_desktop.gui.joining.first_unit_page import FirstUnitPage
from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.joining.ready_page import ReadyPage
from gan_desktop.gui.joining.typed_pages import AddressPage, ByHandPage, CodePage
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.theme import em
from gan_desktop.gui.trouble import Trouble
from gan_desktop.join_card import JoinCard


class JoinWizard(QWidget):
    """Shows one page at a time and remembers on the disk which.

    Signals:
        left: The person is done here; there is a class.
    """

    left = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._draft = Draft()
        self._keeper = DraftKeeper(session.places.config, session)
        self._came_from: list[Step] = []
        self._step = Step.CHOOSE
        self._goes_on = False
        self._choose, self._try = ChoosePage(self), TryPage(self)
        self._teach = TeachPage(session.places, self)
        self._card, self._code, self._by_hand = CardPage(self), CodePage(self), ByHandPage(self)
        self._address, self._confirm = AddressPage(self), ConfirmPage(session, self)
        self._ready, self._first_unit = ReadyPage(session, self), FirstUnitPage(session, self)
        self._pages: dict[Step, WizardPage] = {
            Step.CHOOSE: self._choose,
            Step.TEACH: self._teach,
            Step.TRY: self._try,
            Step.CARD: self._card,
            Step.CODE: self._code,
            Step.BY_HAND: self._by_hand,
            Step.ADDRESS: self._address,
            Step.CONFIRM: self._confirm,
            Step.READY: self._ready,
            Step.FIRST_UNIT: self._first_unit,
        }
        self._stack = QStackedWidget(self)
        self._strip_note = plain_label("", self, role="muted")
        self._strip_note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._strip_note.setContentsMargins(em(self), em(self, 0.6), em(self), 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._strip_note)
        column.addWidget(self._stack)
        for page in self._pages.values():
            self._stack.addWidget(page)
            page.back_wanted.connect(self._go_back)
        self._connect()
        session.class_changed.connect(self._take_class)

    def _connect(self) -> None:
        self._choose.join_wanted.connect(lambda: self.show_step(Step.CARD))
        self._choose.teach_wanted.connect(self._teach_class)
        self._teach.quit_wanted.connect(self._close_window)
        self._choose.try_wanted.connect(self._start_demo)
        self._choose.again.clicked.connect(lambda _checked=False: self._session.look_for_class())
        self._card.code_wanted.connect(lambda: self.show_step(Step.CODE))
        self._card.by_hand_wanted.connect(lambda: self.show_step(Step.BY_HAND))
        self._card.code_typed.connect(self._take_code)
        self._card.card_added.connect(self._take_card)
        self._code.card_made.connect(self._take_typed)
        self._by_hand.card_made.connect(self._take_typed)
        self._address.address_typed.connect(self._take_address)
        self._confirm.address_wanted.connect(self._ask_address)
        self._confirm.card_wanted.connect(self._go_back)
        self._confirm.joined.connect(self._take_joined)
        self._ready.go_on_wanted.connect(lambda: self.show_step(Step.FIRST_UNIT))
        self._ready.later_wanted.connect(self._postpone)
        self._first_unit.finished.connect(self._finish)

    # -- beginning ------------------------------------------------------------------------------

    def begin(self, why: str = "") -> None:
        """Show the page that fits; `why` as in `Session.ask_to_join`."""
        self._came_from = []
        self._goes_on = why == "go_on"
        if card := self._session.take_offered_card():
            self._offer(card)
        elif why == "card":
            self._card.say_new_card(self._session.title) if self._session.title else self._card.say_hello()
            self.show_step(Step.CARD)
        elif why == "address" and self._session.joined is not None:
            self._ask_address()
        elif why == "another":
            self._card.say_hello()
            self.show_step(Step.CHOOSE)
        else:
            self._resume()

    @property
    def step(self) -> Step:
        """Which page is shown."""
        return self._step

    def page(self, step: Step) -> WizardPage:
        """One of the pages."""
        return self._pages[step]

    @property
    def is_welcoming(self) -> bool:
        """Whether the person is in the class already, and still here."""
        return self._step in WELCOME

    @property
    def is_measuring(self) -> bool:
        """Whether this computer is only looked at: the person has not said yet that it shall contribute."""
        return self._step is Step.READY

    def _offer(self, card: str) -> None:
        self._card.say_hello()
        self.show_step(Step.CARD)
        path = path_of(card)
        if path is None:
            self._card.take_text(card)
        else:
            self._card.take_file(path)

    def _resume(self) -> None:
        """Go on where the person stopped."""
        # Something to see until the disk has answered.
        self._show(Step.CHOOSE)
        folder = self._session.places.config
        run_in_background(lambda: load_draft(folder), self._take_draft, lambda _error: None, owner=self)

    def _take_draft(self, draft: Draft) -> None:
        if self._step is not Step.CHOOSE or self._came_from:
            return
        self._draft = draft
        self._code.type_again(draft.typed)
        self._by_hand.type_again(draft.typed)
        step = draft.step
        is_in = self._session.joined is not None
        if step in WELCOME and is_in:
            self.show_step(Step.READY)
        elif step is Step.CONFIRM and draft.card_file:
            self._came_from = [Step.CHOOSE]
            self.show_step(Step.CARD)
            self._card.take_file(Path(draft.card_file))
        elif step is Step.CONFIRM:
            self._came_from = [Step.CHOOSE]
            typed = {"code": Step.CODE, "by_hand": Step.BY_HAND}.get(draft.typed.get("way", ""))
            if typed is None:
                self._card.say_once_more(draft.class_name)
            self.show_step(typed or Step.CARD)
        elif step in (Step.CARD, Step.CODE, Step.BY_HAND):
            self._came_from = [Step.CHOOSE]
            self.show_step(step)

    # -- turning pages --------------------------------------------------------------------------

    def show_step(self, step: Step) -> None:
        """Turn to a page; Back leads here."""
        if step is not self._step:
            self._came_from.append(self._step)
        self._show(step)
        self._remember()

    def _go_back(self) -> None:
        if self._step is Step.TRY:
            demo.end_demos(self._session)
        if self._step is Step.CONFIRM:
            self._confirm.leave()
        if not self._came_from and self._session.joined is not None:
            self._finish()
            return
        self._show(self._came_from.pop() if self._came_from else Step.CHOOSE)
        self._remember()

    def _show(self, step: Step) -> None:
        self._step = step
        page = self._pages[step]
        self._stack.setCurrentWidget(page)
        is_first = step is Step.CHOOSE and self._session.joined is None
        # Only who has a config.yaml, with something wrong in it, knows what that is.
        self._choose.again.setVisible(is_first and self._session.trouble is not None)
        page.back.setVisible(not is_first and step not in WELCOME)
        self._show_strip_note()
        page.enter()

    def _show_strip_note(self) -> None:
        """Say whose the strip above is, which is not shown where somebody is welcomed."""
        title = self._session.title
        words = self.tr("The line above is about “{title}”, where this computer takes part now.")
        self._strip_note.setText(words.format(title=title))
        self._strip_note.setVisible(bool(title) and not self.is_welcoming and not self._goes_on)

    def _remember(self) -> None:
        if self._step in (Step.TRY, Step.ADDRESS):
            return
        self._draft = replace(self._draft, step=self._step)
        self._keeper.keep(self._draft)

    # -- a way in -------------------------------------------------------------------------------

    def _take_card(self, card: JoinCard, file: str) -> None:
        self._draft = replace(self._draft, card_file=file, class_name=card.class_name, typed={})
        self._confirm.show_card(card)
        self.show_step(Step.CONFIRM)

    def _take_code(self, code: str) -> None:
        self._code.code.setText(code)
        self.show_step(Step.CODE)

    def _take_typed(self, card: JoinCard) -> None:
        page = self._code if self._step is Step.CODE else self._by_hand
        typed = {**page.typed(), "way": self._step.value}
        self._draft = replace(self._draft, card_file="", class_name=card.class_name, typed=typed)
        self._confirm.show_card(card, is_typed=True)
        self.show_step(Step.CONFIRM)

    def _ask_address(self) -> None:
        """The new address of the card that is about to be used, else of the class one is in."""
        if self._step is Step.CONFIRM and self._confirm.card is not None:
            self._address.ask_for(self._confirm.card.class_name, self._confirm.card.port)
        elif self._session.joined is not None:
            self._address.ask_for(self._session.title, self._session.joined.address.port)
        self.show_step(Step.ADDRESS)

    def _take_address(self, host: str, port: int) -> None:
        if self._came_from and self._came_from[-1] is Step.CONFIRM and self._confirm.card is not None:
            self._confirm.show_card(replace(self._confirm.card, hosts=(host,), port=port))
            self._go_back()
            return
        session, joined = self._session, self._session.joined
        known = joined.known if joined is not None else None
        if known is None:
            self._address.show_trouble(
                Trouble(
                    self.tr("The address stands in config.yaml"),
                    self.tr(
                        "This class is named in a config.yaml. Write the new address there, and start again."
                    ),
                )
            )
            return

        def tell(error: GanDesktopError) -> None:
            self._address.show_trouble(Trouble.of(error))

        self._address.show_busy(self.tr("Connecting to {host} ...").format(host=host))
        run_in_background(
            lambda: entrance.move(known, session.classes, (host, port), session.read_options),
            self._take_moved,
            tell,
            owner=self,
        )

    def _take_moved(self, joined: JoinedClass) -> None:
        self._address.show_busy("")
        self._session.switch(joined)
        self._finish()

    # -- in the class ---------------------------------------------------------------------------

    def _take_joined(self, joined: JoinedClass) -> None:
        self._came_from = []
        # Before the class changes: the window keeps showing the wizard while it welcomes.
        self._step = Step.READY
        self._session.switch(joined)
        # The worker of another class may have to hand in first: `_take_class` goes on.

    def _take_class(self, joined: JoinedClass | None) -> None:
        if joined is not None and self._step is Step.READY and not joined.is_demo:
            self._show(Step.READY)
            self._draft = Draft()
            self._remember()

    def _postpone(self) -> None:
        self._session.stop_now()
        self._finish()

    def _finish(self) -> None:
        """Nothing is left to go on with at the next start."""
        self._step = Step.CHOOSE
        self._keeper.keep(None)
        self.left.emit()

    # -- teaching -------------------------------------------------------------------------------

    def _teach_class(self) -> None:
        self.show_step(Step.TEACH)
        self._teach.open_window()

    def _close_window(self) -> None:
        self._keeper.keep(None)
        self.window().close()

    # -- trying ---------------------------------------------------------------------------------

    def _start_demo(self) -> None:
        self.show_step(Step.TRY)
        page = self._try
        page.show_busy(self.tr("Preparing the demo class on this computer ..."))

        def fail(error: GanDesktopError) -> None:
            page.show_trouble(Trouble.of(error))

        demo.start_demo(self._session, page.show_busy, self._begin_demo, fail)

    def _begin_demo(self, joined: JoinedClass) -> None:
        self._finish()
        self._session.switch(joined)
