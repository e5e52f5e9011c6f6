"""The first page: the class's newest faces, what one has contributed, how hard this computer works."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.preferences import PaceName, Preferences
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import ago, duration, megabytes, number
from gan_desktop.records import Credit, SampleDrawn

NUM_MY_FACES = 9


class ContributePage(QWidget):
    """Faces left, as large as can be; oneself on the right."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self), em(self), em(self), em(self))
        row.setSpacing(em(self))
        row.addWidget(NewestFaces(session, self), 1)
        column = QVBoxLayout()
        column.setSpacing(em(self))
        column.addWidget(CreditCard(session, self))
        column.addWidget(PaceCard(session, self))
        column.addStretch(1)
        row.addLayout(column)


class NewestFaces(QFrame):
    """The newest grid, when it was made, and one's own faces below."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        self._faces = FacesView(self)
        self._faces.setAccessibleName(self.tr("The newest faces of the class"))
        self._caption = QLabel(self)
        self._caption.setTextFormat(Qt.TextFormat.PlainText)
        self._caption.setWordWrap(True)
        use_tabular_digits(self._caption)
        self._mine = MyFaces(session, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.8), em(self, 0.8), em(self, 0.8), em(self, 0.7))
        column.setSpacing(em(self, 0.5))
        column.addWidget(self._faces, 1)
        column.addWidget(self._caption)
        column.addWidget(self._mine)
        self._clock = QTimer(self, interval=1_000)
        self._clock.timeout.connect(self._show_caption)
        session.sample_arrived.connect(self._take_sample)
        session.training_changed.connect(self._show_caption)
        session.class_changed.connect(self._begin)
        session.link_changed.connect(self._show_caption)
        session.preparing_changed.connect(self._show_caption)
        self._begin()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. The time since the iteration only runs where somebody sees it."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().hideEvent(event)
        self._clock.stop()

    @Slot()
    def _begin(self) -> None:
        sample = self._session.newest_sample
        if sample is not None:
            self._faces.show_picture(sample.png)
        else:
            self._faces.show_words(self.tr("Here the class's faces will appear."))
        self._show_caption()

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        if sample == self._session.newest_sample:
            self._faces.show_picture(sample.png)
            self._show_caption()

    @Slot()
    def _show_caption(self) -> None:
        self._caption.setText(self._caption_words())

    def _caption_words(self) -> str:
        sample, training = self._session.newest_sample, self._session.snapshot.training
        if sample is None:
            if self._session.joined is None:
                return ""
            return self.tr("The first ones come when the training has begun.")
        if sample.iteration == 0:
            return self.tr(
                "This is what the network draws before it has learned anything. Watch this square."
            )
        words = self.tr("Iteration {number}").format(number=number(sample.iteration))
        is_newest = training is not None and training.run.iteration == sample.iteration
        if training is not None and training.published_at is not None and is_newest:
            words += f", {ago(training.published_at)}"
        link = self._session.link
        if link is not None and not link.is_connected:
            words += f" · {self.tr('not connected: this is what was seen last')}"
        return words


class MyFaces(QWidget):
    """Nine small faces that are the person's own; nothing until they were drawn."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        label = QLabel(self.tr("Your faces"), self)
        set_role(label, "muted")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(em(self, 0.35))
        self._row.addWidget(label)
        self._row.addSpacing(em(self, 0.3))
        self._pictures = [QLabel(self) for _ in range(NUM_MY_FACES)]
        for number_, picture in enumerate(self._pictures, start=1):
            picture.setAccessibleName(self.tr("Your face {number}").format(number=number_))
            self._row.addWidget(picture)
        self._row.addStretch(1)
        session.my_faces_changed.connect(self._show)
        self._show(session.my_faces)

    @Slot(object)
    def _show(self, pictures: tuple[bytes, ...]) -> None:
        self.setVisible(bool(pictures))
        edge, ratio = em(self, 2.2), self.devicePixelRatioF()
        for label, png in zip(self._pictures, pictures, strict=False):
            picture = QPixmap()
            picture.loadFromData(png)
            picture = picture.scaled(
                round(edge * ratio),
                round(edge * ratio),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            picture.setDevicePixelRatio(ratio)
            label.setPixmap(picture)


class CreditCard(QFrame):
    """What this person has contributed: images, units, time; what is still to be decided."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(em(self, 1.2))
        self._grid.setVerticalSpacing(em(self, 0.35))
        self._grid.setColumnStretch(0, 1)
        self._values: dict[str, QLabel] = {}
        for column, text in ((1, self.tr("today")), (2, self.tr("in all"))):
            self._grid.addWidget(self._small(text), 0, column, Qt.AlignmentFlag.AlignRight)
        for line, (name, text) in enumerate(
            (("images", self.tr("Images")), ("units", self.tr("Units")), ("seconds", self.tr("Time"))),
            start=1,
        ):
            self._grid.addWidget(QLabel(text, self), line, 0)
            for column, suffix in ((1, "_today"), (2, "")):
                self._grid.addWidget(self._value(name + suffix, text), line, column)
        self._waiting = self._small("")
        column_layout = QVBoxLayout(self)
        margin = em(self, 0.9)
        column_layout.setContentsMargins(margin, margin, margin, margin)
        column_layout.setSpacing(em(self, 0.5))
        title = QLabel(self.tr("You"), self)
        scale_font(title, 1.15, bold=True)
        column_layout.addWidget(title)
        column_layout.addLayout(self._grid)
        column_layout.addWidget(self._waiting)
        session.credit_changed.connect(self._show)
        self._show(session.snapshot.credit)

    def _small(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setWordWrap(bool(not text))
        set_role(label, "muted")
        return label

    def _value(self, name: str, text: str) -> QLabel:
        value = self._values[name] = QLabel(self)
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        value.setAccessibleName(text)
        # Room for a long course, so that a growing number does not push the faces aside.
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("0,000,000"))
        use_tabular_digits(value)
        return value

    @Slot(object)
    def _show(self, credit: Credit | None) -> None:
        for name, label in self._values.items():
            value = getattr(credit, name) if credit is not None else None
            if value is None:
                label.setText("-")
            else:
                label.setText(duration(value) if name.startswith("seconds") else number(value))
        self._waiting.setText(self._words(credit))

    def _words(self, credit: Credit | None) -> str:
        if credit is None:
            return ""
        lines = [
            (credit.num_waiting, self.tr("%n unit(s) not yet counted", None, credit.num_waiting)),
            (credit.num_late, self.tr("%n unit(s) came late and still count for you", None, credit.num_late)),
            (credit.num_not_counted, self.tr("%n unit(s) not counted", None, credit.num_not_counted)),
        ]
        told = [words for count, words in lines if count]
        if told:
            return "\n".join(told)
        if credit.units:
            return self.tr("All of it is counted.")
        return self.tr("Your first unit counts here.")


class PaceCard(QFrame):
    """How hard this computer works, and what it sends and fetches."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        title = QLabel(self.tr("How hard"), self)
        scale_font(title, 1.15, bold=True)
        self._captions: dict[PaceName, str] = {
            "quiet": self.tr("Rests more than it works: cool and silent."),
            "balanced": self.tr("Other programs come first."),
            "full": self.tr("All this computer has. It may get loud."),
        }
        self._group = QButtonGroup(self)
        self._buttons: dict[PaceName, QRadioButton] = {}
        dial = QHBoxLayout()
        dial.setSpacing(em(self, 0.8))
        for pace, text in (
            ("quiet", self.tr("Quiet")),
            ("balanced", self.tr("Balanced")),
            ("full", self.tr("Full")),
        ):
            button = self._buttons[pace] = QRadioButton(text, self)  # type: ignore[index]
            button.setToolTip(self._captions[pace])  # type: ignore[index]
            button.setAccessibleDescription(self._captions[pace])  # type: ignore[index]
            self._group.addButton(button)
            dial.addWidget(button)
        dial.addStretch(1)
        self._caption = QLabel(self)
        self._caption.setWordWrap(True)
        self._traffic = QLabel(self)
        self._traffic.setWordWrap(True)
        self._traffic.setToolTip(self.tr("What this program fetches and sends for the class, on average."))
        set_role(self._traffic, "muted")
        column = QVBoxLayout(self)
        margin = em(self, 0.9)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        column.addWidget(title)
        column.addLayout(dial)
        column.addWidget(self._caption)
        column.addWidget(self._traffic)
        self._group.buttonClicked.connect(self._choose)
        session.preferences_changed.connect(self._show)
        session.unit_delivered.connect(self._show_traffic)
        session.ready_checked.connect(self._show_traffic)
        session.class_changed.connect(self._show_traffic)
        self._show(session.preferences)
        self._show_traffic()

    @Slot()
    def _choose(self) -> None:
        for pace, button in self._buttons.items():
            if button.isChecked():
                self._session.change_preferences(pace=pace)

    @Slot(object)
    def _show(self, preferences: Preferences) -> None:
        self._buttons[preferences.pace].setChecked(True)
        self._caption.setText(self._captions[preferences.pace])

    @Slot()
    def _show_traffic(self) -> None:
        """Say also which figure it is: the check's and the measured one differ, and both are seen."""
        measured, expected = self._session.measured_mb_per_hour, self._session.expected_mb_per_hour
        if measured is not None:
            words = self.tr("About {amount} an hour, measured").format(amount=megabytes(measured))
        elif expected is not None:
            words = self.tr("About {amount} an hour, estimated").format(amount=megabytes(expected))
        else:
            words = self.tr("Network: measured with the first unit")
        self._traffic.setText(words)
