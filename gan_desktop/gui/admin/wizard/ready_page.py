"""Ready for the lesson: what is there, what is missing, and the first training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QDate, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.images.job import PicturesJob
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.admin.wizard.first_training import FirstTraining
from gan_desktop.gui.admin.wizard.page import ClassPage, Facts
from gan_desktop.gui.admin.wizard.people_page import ClassCode
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import clock, number
from gan_desktop.records import RunConfig

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

LOOK_MS = 500
MOST_NAMES = 50


class ReadyPage(ClassPage):
    """The summary.

    Signals:
        begun: The first training was made; it begins now.
        finished: No training was begun; the first one may stand ready.
        postponed: The chosen training cannot be made yet: its pictures are missing.
    """

    begun = Signal()
    finished = Signal()
    postponed = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(5, parent)
        self._session = session
        self._visit = ""
        self._num_students = 0
        self._code: ClassCode | None = None
        self._job: PicturesJob | None = None
        self.set_title(self.tr("Ready for the lesson"))
        frame = QFrame(self)
        set_role(frame, "card")
        column = QVBoxLayout(frame)
        column.setContentsMargins(em(self, 1.0), em(self, 0.9), em(self, 1.0), em(self, 0.9))
        column.setSpacing(em(self, 0.5))
        self.facts = Facts(frame)
        self.code = plain_label("", frame)
        scale_font(self.code, 1.6, bold=True)
        use_tabular_digits(self.code)
        self.code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.code.hide()
        column.addWidget(self.facts)
        column.addWidget(self.code)
        self.middle.addWidget(frame)
        self.first = FirstTraining(self)
        self.first.changed.connect(self._show)
        self.middle.addWidget(self.first)
        self.words = plain_label("", self, role="muted")
        self.middle.addWidget(self.words)
        self.projector = self.add_link(self.tr("Open the projector (F11)"), session.show_projector)
        self.later = self.add_button(self.tr("To the class"), self._leave_for_later)
        self.start = self.add_button(self.tr("Start the training"), self._start, is_primary=True)
        session.snapshot_changed.connect(self._show)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._show)

    # -- what is known --------------------------------------------------------------------------

    def show_state(self, num_students: int, visit: str, code: ClassCode | None, job: PicturesJob) -> None:
        """Sum up.

        Args:
            num_students: How many are expected.
            visit: Which other computer has come; empty: none yet.
            code: The class code that was made here.
            job: The import of pictures, which may be on its way.
        """
        self._num_students, self._visit, self._job = num_students, visit, job
        self._code = code
        if code is not None:
            self.code.setText(f"{code.address}   {code.code}")
        self.code.setVisible(code is not None)
        self._show()

    def enter(self) -> None:
        """Starting comes first."""
        self.clear_trouble()
        (self.start if self.start.isEnabled() else self.later).setFocus()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        self.start.setEnabled(not is_waiting and self._can_start())
        # Who went back while the training is made would start it twice.
        for button in (self.later, self.back, self.way_out):
            button.setEnabled(not is_waiting)

    @property
    def _num_pictures(self) -> int:
        status = self._session.snapshot.status
        return status.datasets[-1].num_images if status is not None and status.datasets else 0

    @property
    def _has_training(self) -> bool:
        status = self._session.snapshot.status
        return status is not None and bool(status.runs)

    def _estimate(self) -> None:
        """For the pictures that are there, and the people, as far as the class knows them."""
        from gan_desktop.class_admin.status import num_expected

        snapshot = self._session.snapshot
        if snapshot.status is None:
            self.first.estimate_for(self._num_students)
            return
        datasets = snapshot.status.datasets
        self.first.estimate_for(
            num_expected(snapshot.status, snapshot.students) or self._num_students,
            datasets[-1].image_size if datasets else None,
        )

    def _can_start(self) -> bool:
        is_possible = self._session.taught is not None and self._num_pictures > 0 and not self._has_training
        return is_possible and self.first.preset is not None

    @Slot()
    def _show(self) -> None:
        if self.isHidden():
            return
        self.facts.show_lines(
            [
                self._place(),
                self._reach(),
                self._pictures(),
                *self._training(),
                *self._cards(),
                self._people(),
            ]
        )
        if self.start.isEnabled() != self._can_start() and not self._is_busy():
            self.start.setEnabled(self._can_start())
            is_choosing = (focus := self.focusWidget()) is not None and self.first.isAncestorOf(focus)
            if self.start.isEnabled() and self.isVisible() and not is_choosing:
                self.start.setFocus()
        self.first.setVisible(not self._has_training)
        self._estimate()
        preset = self.first.preset
        if preset is None or self._has_training:
            self.start.setText(self.tr("Start the training"))
            self.words.clear()
            return
        self.start.setText(self.tr('Start "{preset}" now').format(preset=engine_text(preset.title)))
        self.words.setText(self._start_words())

    def _start_words(self) -> str:
        if not self._can_start():
            return self.tr(
                "This training can be made as soon as the pictures are there: wait for them here, or make it"
                " later on the Training page."
            )
        return self.tr(
            "Starting takes some seconds. From then on this computer merges what the students hand in:"
            ' keep this window open, and the computer awake and on mains. "To the class" leaves the'
            " training ready: you start it in the lesson."
        )

    def _is_busy(self) -> bool:
        return not self.later.isEnabled()

    def _place(self) -> tuple[bool | None, str]:
        taught = self._session.taught
        if taught is None:
            return None, self.tr("The class is being opened ...")
        if taught.hosted_in is not None:
            words = self.tr('"{title}" lives on this computer.')
        else:
            words = self.tr('"{title}" lives on {host}.')
        return True, words.format(title=self._session.title, host=taught.address.host)

    def _reach(self) -> tuple[bool | None, str]:
        if self._visit:
            return True, self.tr("Others reach it: {who} has come through.").format(who=self._visit)
        return None, self.tr("Not tried yet: whether another computer gets through (step 2).")

    def _cards(self) -> list[tuple[bool | None, str]]:
        if not made_cards(self._session).have_unsaved(self._session.snapshot.students):
            return []
        return [(None, self.tr("To come: their cards are not saved yet (Students, Make cards)."))]

    def _people(self) -> tuple[bool | None, str]:
        students = [s for s in self._session.snapshot.students if not s.is_withdrawn]
        told = self.tr("%n student(s) have a login.", None, len(students)) if students else ""
        # Who has a login and no card cannot come in by it.
        is_good = True if not self._cards() else None
        if self._code is not None:
            words = self.tr("With this address and code others can join (valid until {time}):")
            told = f"{told} {words.format(time=clock(self._code.valid_until.timestamp()))}".strip()
        if told:
            return is_good, told
        return None, self.tr("Nobody can join yet: make cards or a code on the Students page.")

    def _pictures(self) -> tuple[bool | None, str]:
        stage = self._job.stage if self._job is not None else None
        if stage is not None:
            words = self.tr("Pictures are being imported: {done} of {all}.")
            return None, words.format(done=number(stage.done), all=number(stage.total))
        if self._num_pictures:
            words = self.tr("{count} pictures to learn from.")
            return True, words.format(count=number(self._num_pictures))
        return None, self.tr(
            "No pictures yet: import some on the Images page, then start the training there."
        )

    def _training(self) -> list[tuple[bool | None, str]]:
        if not self._has_training:
            return []
        return [(True, self.tr("A training is there already: see the Training page."))]

    # -- for the wizard -------------------------------------------------------------------------

    def typed(self) -> dict[str, str]:
        """Which training."""
        return {"preset": self.first.preset.key if self.first.preset is not None else ""}

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was."""
        if "preset" in typed:
            self.first.choose(typed["preset"])

    # -- beginning ------------------------------------------------------------------------------

    def _start(self) -> None:
        self._make(self._begin, self.tell)

    def _leave_for_later(self) -> None:
        """Leave the announced training there, to be started in the lesson."""
        if not self._can_start():
            is_wanted = self.first.preset is not None and not self._has_training
            (self.postponed if is_wanted else self.finished).emit()
            return

        def fail(error: GanDesktopError) -> None:
            # Nobody is kept here by a training that can be made on its page, too.
            self._session.tell_trouble(error)
            self.finished.emit()

        self._make(self._take_prepared, fail)

    def _make(self, on_made: Callable[[int], None], on_error: Callable[[GanDesktopError], None]) -> None:
        taught = self._session.taught
        if taught is None or not self._can_start():
            return
        name = self.tr("Lesson of {date}").format(date=QDate.currentDate().toString(Qt.DateFormat.ISODate))
        status = self._session.snapshot.status
        assert status is not None
        image_size = status.datasets[-1].image_size
        address, preset = taught.address, self.first.preset
        assert preset is not None
        config = preset.for_pictures(image_size)
        self.ask(
            lambda: _make_training(address, name, config),
            on_made,
            self.tr("Preparing the training ..."),
            on_error,
        )

    def _take_prepared(self, _run_id: int) -> None:
        self._session.refresh()
        self.finished.emit()

    def _begin(self, run_id: int) -> None:
        self._session.begin_training(run_id)
        self._session.refresh()
        self.begun.emit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().showEvent(event)
        self._clock.start()
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        self._clock.stop()
        super().hideEvent(event)


def _make_training(address: Address, name: str, config: RunConfig) -> int:
    """Write a training down under a name that is free; runs in the background."""
    from gan_desktop.class_admin.trainings import create_run

    attempt = name
    for copy in range(2, MOST_NAMES):
        try:
            return create_run(address, attempt, config)
        except GanDesktopError as error:
            if error.title != "A name twice":
                raise
            attempt = f"{name} ({copy})"
    return create_run(address, attempt, config)
