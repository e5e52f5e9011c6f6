"""Your first contribution: a real unit, with the class's newest faces beside it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from gan_desktop.gui.contribute_page import NewestFaces
from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.joining.what_leaves import show_what_leaves
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.records import HandedInUnit, StateChanged, UnitComputed, UnitDelivered
from gan_desktop.sentences import sentence


class FirstUnitPage(WizardPage):
    """The worker goes on: what it does, how far it is, and that it was handed in.

    Signals:
        finished: To the class's own pages. The unit goes on there, and counts when it is done.
    """

    finished = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, fills=True)
        self._session = session
        self._delivered: int | None = None
        self.set_title(self.tr("Your first contribution"))
        self.set_lead(
            self.tr(
                "Your computer learns from its first pictures and hands in what it has learned. You may"
                " finish here at any time: the unit goes on, and counts when it is done."
            )
        )
        self.back.hide()
        row = QHBoxLayout()
        row.setSpacing(em(self))
        faces = NewestFaces(session, self)
        row.addWidget(faces, 3)
        row.addLayout(self._make_words(), 2)
        self.middle.addLayout(row)
        self.add_link(self.tr("What leaves my computer?"), lambda: show_what_leaves(self))
        self.finish = self.add_button(self.tr("Finish"), self.finished.emit, is_primary=True)
        session.state_changed.connect(self._show_state)
        session.unit_computed.connect(self._take_computed)
        session.unit_delivered.connect(self._take_delivered)
        session.units_changed.connect(self._take_units)

    def _make_words(self) -> QVBoxLayout:
        self.sentence = plain_label("", self)
        self.sentence.setAccessibleName(self.tr("State"))
        scale_font(self.sentence, 1.1, bold=True)
        use_tabular_digits(self.sentence)
        # Room for three lines, so that a long sentence moves nothing.
        self.sentence.setMinimumHeight(em(self.sentence, 3.2))
        self._progress = QProgressBar(self, maximum=1_000, textVisible=False)
        self._progress.setAccessibleName(self.tr("Progress of the unit"))
        set_role(self._progress, "thin")
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep)
        self.outcome = plain_label("", self, role="good")
        column = QVBoxLayout()
        column.setSpacing(em(self, 0.5))
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self._progress)
        column.addWidget(self.outcome)
        column.addStretch(2)
        return column

    def enter(self) -> None:
        """Begin."""
        self._delivered = None
        self.outcome.setText("")
        self._session.start()
        self._session.resume()
        self._show_state(self._session.state)
        self.finish.setFocus()

    @Slot(object)
    def _show_state(self, now: StateChanged) -> None:
        detail = now.detail
        self.sentence.setText(self._session.preparing or engine_text(sentence(now.state, detail)))
        done, of = detail.get("num_done"), detail.get("num_images")
        self._progress.setVisible(bool(of))
        if of:
            self._progress.setValue(round(1_000 * (done or 0) / of))

    @Slot(object)
    def _take_computed(self, _computed: UnitComputed) -> None:
        if self._delivered is None:
            self.outcome.setText(self.tr("Computed. It is handed in now ..."))

    @Slot(object)
    def _take_delivered(self, delivered: UnitDelivered) -> None:
        if self._delivered is not None:
            return
        self._delivered = delivered.unit.unit_id
        self.outcome.setText(
            self.tr(
                "Your first unit is handed in. It counts as soon as the class's main computer has merged it:"
                " then the faces change a little, and partly because of you."
            )
        )

    @Slot(object)
    def _take_units(self, units: tuple[HandedInUnit, ...]) -> None:
        """Say what became of it, as soon as the class has decided."""
        status = next((unit.status for unit in units if unit.unit_id == self._delivered), "handed_in")
        words = {
            "counted": self.tr("Your first unit is counted: from now on the faces are partly yours."),
            "late": self.tr("Your first unit came late and still counts for you."),
            "not_counted": self.tr("Your first unit was not counted. The page Log says why."),
        }
        if status in words:
            self.outcome.setText(words[status])
            set_role(self.outcome, "muted" if status == "not_counted" else "good")
