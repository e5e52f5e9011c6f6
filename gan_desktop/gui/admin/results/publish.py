"""The panel that puts an iteration on the Hugging Face Hub: where to, who may see it, what the card says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QShowEvent, QTextDocument
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QRadioButton,
    QScrollArea,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.results.hub_publisher import HubPublisher
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.calm_fields import CalmComboBox, CalmSpinBox
from gan_desktop.gui.joining.page import link_button, plain_label, push_button
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import megabytes, number
from gan_desktop.records import SampleDrawn

if TYPE_CHECKING:
    from gan_desktop.class_admin.portrait import Figures
    from gan_desktop.class_admin.publishing import Published
    from gan_desktop.database.address import Address
    from gan_desktop.gui.admin.results.reader import ResultsReader

CARD_DELAY_MS = 300
TOKENS_PAGE = "https://huggingface.co/settings/tokens"


class PublishPanel(QWidget):
    """Form at the left, the card at the right."""

    def __init__(self, session: TeachingSession, reader: ResultsReader, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._reader = session, reader
        self.publisher = HubPublisher(session, self)
        self._figures: Figures | None = None
        self._faces: SampleDrawn | None = None
        self._run_id: int | None = None
        self._url = ""
        self._card_timer = QTimer(self, interval=CARD_DELAY_MS, singleShot=True)
        self._card_timer.timeout.connect(self._ask_figures)
        self._make_fields()
        self._make_foot()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.7))
        row.addWidget(self._make_form(), 5)
        row.addWidget(self._make_card(), 6)
        self._follow()
        self._show_wishes()
        self._show_iterations()
        self._show_token()
        self._show_progress()

    # -- building -------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.repository = QLineEdit(self)
        self.repository.setPlaceholderText(self.tr("for example ana/our-faces"))
        self.repository.setToolTip(
            self.tr("Owner and name, or the name alone: then it belongs to the token's owner.")
        )
        self.iterations = CalmComboBox(self)
        self.private = QRadioButton(self.tr("Only &I can see it"), self)
        self.public = QRadioButton(self.tr("&Everybody can see it"), self)
        who = QButtonGroup(self)
        who.addButton(self.private)
        who.addButton(self.public)
        self.token = QLineEdit(self)
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData)
        self._token_note = plain_label("", self, role="muted")
        self._token_page = link_button(
            self.tr("Get a token"), lambda: QDesktopServices.openUrl(QUrl(TOKENS_PAGE)), self
        )
        self._token_page.setToolTip(TOKENS_PAGE)
        self._forget = link_button(self.tr("Forget it"), self.publisher.forget_token, self)
        self.automatic = QCheckBox(self.tr("By itself, every"), self)
        self.interval = CalmSpinBox(self)
        self.interval.setRange(1, 10_000)
        self.interval.setAccessibleName(self.tr("Iterations between two publications"))
        self.interval.setSuffix(self.tr(" iterations"))

    def _make_form(self) -> QWidget:
        inner = QWidget(self)
        form = QFormLayout(inner)
        form.setContentsMargins(em(self, 0.9), em(self, 0.9), em(self, 0.9), em(self, 0.4))
        form.setVerticalSpacing(em(self, 0.5))
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Repository"), self.repository)
        form.addRow(self.tr("I&teration"), self.iterations)
        form.addRow("", self.private)
        form.addRow("", self.public)
        typed = QHBoxLayout()
        typed.setSpacing(em(self, 0.3))
        typed.addWidget(self.token, 1)
        typed.addWidget(self._forget)
        typed.addWidget(self._token_page)
        form.addRow(self.tr("&Access token"), typed)
        if (label := form.labelForField(typed)) is not None:
            label.setBuddy(self.token)  # type: ignore[attr-defined]
        form.addRow("", self._token_note)
        every = QHBoxLayout()
        every.setSpacing(em(self, 0.4))
        every.addWidget(self.automatic)
        every.addWidget(self.interval)
        every.addStretch(1)
        form.addRow("", every)
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        scroll.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        card = QFrame(self)
        set_role(card, "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(0, 0, 0, em(self, 0.7))
        column.setSpacing(em(self, 0.4))
        column.addWidget(scroll, 1)
        column.addLayout(self._foot)
        return card

    def _make_foot(self) -> None:
        self._bar = QProgressBar(self, textVisible=False)
        self._bar.setAccessibleName(self.tr("How much is published"))
        set_role(self._bar, "thin")
        self._said = plain_label("", self)
        self._page = link_button(self.tr("Show it"), self._open_page, self)
        self._copy = link_button(self.tr("Copy the address"), self._copy_address, self)
        self.publish_button = push_button(self.tr("&Publish"), self._publish, self)
        set_role(self.publish_button, "primary")
        icons.set_icon(self.publish_button, "upload", "on_accent")
        self.cancel_button = push_button(self.tr("Cancel"), self.publisher.cancel, self)
        buttons = QHBoxLayout()
        buttons.setSpacing(em(self, 0.5))
        buttons.addWidget(self.publish_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        buttons.addWidget(self._page)
        buttons.addWidget(self._copy)
        self._foot = QVBoxLayout()
        self._foot.setContentsMargins(em(self, 0.9), 0, em(self, 0.9), 0)
        self._foot.setSpacing(em(self, 0.4))
        self._foot.addWidget(self._bar)
        self._foot.addWidget(self._said)
        self._foot.addLayout(buttons)
        self._show_address("")

    def _make_card(self) -> QWidget:
        card = QFrame(self)
        set_role(card, "card")
        title = plain_label(self.tr("What the page will say"), card)
        scale_font(title, 1.15, bold=True)
        words = self.tr("It names no person: only the training and its pictures, as you called them.")
        note = plain_label(words, card, role="muted")
        self.card = CardPreview(card)
        self.card.setAccessibleName(self.tr("Preview of the model card"))
        column = QVBoxLayout(card)
        column.setContentsMargins(em(self, 0.9), em(self, 0.9), em(self, 0.9), em(self, 0.5))
        column.setSpacing(em(self, 0.4))
        column.addWidget(title)
        column.addWidget(note)
        column.addWidget(self.card, 1)
        return card

    def _follow(self) -> None:
        self._reader.course_changed.connect(self._show_iterations)
        self._reader.faces_arrived.connect(self._take_faces)
        self.publisher.wishes_changed.connect(self._show_wishes)
        self.publisher.token_changed.connect(self._show_token)
        self.publisher.progressed.connect(self._show_progress)
        self.publisher.published.connect(self._tell_published)
        self.publisher.failed.connect(self._tell_failed)
        self.repository.editingFinished.connect(self._keep_wishes)
        self.repository.textChanged.connect(self._show_progress)
        self.repository.textChanged.connect(self._show_card)
        self.repository.returnPressed.connect(self.publish_button.click)
        self.token.returnPressed.connect(self.publish_button.click)
        self.token.textChanged.connect(self._show_progress)
        self.private.toggled.connect(self._keep_wishes)
        self.automatic.toggled.connect(self._keep_wishes)
        self.interval.valueChanged.connect(self._keep_wishes)
        self.iterations.currentIndexChanged.connect(self._card_timer.start)

    # -- what is wished -------------------------------------------------------------------------

    @Slot()
    def _show_wishes(self) -> None:
        wishes = self.publisher.wishes
        fields = (self.repository, self.private, self.public, self.automatic, self.interval)
        for field in fields:
            field.blockSignals(True)
        if self.repository.text().strip() != wishes.repository:
            self.repository.setText(wishes.repository)
        (self.public if wishes.is_public else self.private).setChecked(True)
        self.automatic.setChecked(wishes.is_automatic)
        self.interval.setValue(wishes.push_interval)
        for field in fields:
            field.blockSignals(False)
        self.interval.setEnabled(wishes.is_automatic)
        self._card_timer.start()

    @Slot()
    def _keep_wishes(self) -> None:
        self.publisher.remember(
            repository=self.repository.text().strip(),
            is_public=self.public.isChecked(),
            is_automatic=self.automatic.isChecked(),
            push_interval=self.interval.value(),
        )

    @Slot()
    def _show_iterations(self) -> None:
        """The kept ones, the newest first; the chosen one stays, and the newest goes along."""
        course = self._reader.course
        run_id = course.run.run_id if course is not None else None
        if run_id != self._run_id:
            self._run_id, self._figures, self._faces = run_id, None, None
            self.card.clear()
        before = self.iterations.currentData() if self.iterations.currentIndex() > 0 else None
        self.iterations.blockSignals(True)
        self.iterations.clear()
        for at, kept in enumerate(reversed(course.kept if course is not None else ())):
            words = self.tr("{number} (the newest)") if at == 0 else "{number}"
            if kept.distance is not None:
                distance = self.tr("distance {value}").format(value=number(kept.distance, 1))
                words = f"{words}, {distance}"
            self.iterations.addItem(words.format(number=number(kept.iteration)), kept.iteration)
        if before is not None and (at := self.iterations.findData(before)) > 0:
            self.iterations.setCurrentIndex(at)
        self.iterations.blockSignals(False)
        self._show_progress()
        self._card_timer.start()

    def choose(self, iteration: int) -> None:
        """Mean an iteration."""
        self.iterations.setCurrentIndex(max(0, self.iterations.findData(iteration)))

    @Slot()
    def _show_token(self) -> None:
        has_token = self.publisher.has_token
        self._forget.setVisible(bool(has_token))
        self._token_page.setVisible(not has_token)
        if has_token:
            self.token.setPlaceholderText(self.tr("there is one"))
            self._token_note.setText(self.tr("Kept out of sight on this computer. Another replaces it."))
        else:
            self.token.setPlaceholderText("hf_...")
            self._token_note.setText(self.tr("With the right to write."))
        self._show_progress()

    # -- the card -------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: the card is written when somebody sees it."""
        super().showEvent(event)
        self._card_timer.start()

    @Slot()
    def _ask_figures(self) -> None:
        iteration, course = self.iterations.currentData(), self._reader.course
        if not self.isVisible() or course is None or iteration is None:
            return
        ask = partial(_figures, iteration=iteration, run_id=course.run.run_id)
        # An iteration that is gone meanwhile: the next look brings the list anew.
        self._session.ask(ask, self._take_figures, owner=self, on_error=lambda _error: None)
        self._reader.ask_faces(iteration)

    def _take_figures(self, figures: Figures) -> None:
        # Answers may overtake each other: those of an earlier choice may come last.
        if (figures.run.run_id, figures.iteration) == (self._run_id, self.iterations.currentData()):
            self._figures = figures
            self._show_card()

    @Slot(object)
    def _take_faces(self, sample: SampleDrawn) -> None:
        if sample.iteration == self.iterations.currentData():
            self._faces = sample
            self._show_card()

    @Slot()
    def _show_card(self) -> None:
        figures = self._figures
        if figures is None or not self.isVisible():
            return
        from gan_desktop.class_admin.model_card import FACES, FILM_LINE, model_card

        name = self.repository.text().strip() or self.tr("owner/name")
        text = model_card(figures, name).split("---\n", 2)[2]
        document = self.card.document()
        at = self.card.verticalScrollBar().value()
        # Nobody sees the faces of another training while these are on their way.
        self.card.pictures = {}
        if self._faces is not None and self._faces.iteration == figures.iteration:
            faces = QImage.fromData(self._faces.png).scaledToWidth(
                em(self, 14), Qt.TransformationMode.SmoothTransformation
            )
            self.card.pictures = {FACES: faces}
        text = text.replace(FILM_LINE, f"\n{self.tr('(Here the time-lapse plays.)')}\n")
        features = QTextDocument.MarkdownFeature
        document.setMarkdown(text, features.MarkdownDialectGitHub | features.MarkdownNoHTML)
        self.card.verticalScrollBar().setValue(at)

    # -- publishing -----------------------------------------------------------------------------

    def _publish(self) -> None:
        course = self._reader.course
        if course is None or not self.publish_button.isEnabled():
            return
        self._keep_wishes()
        self._show_address("")
        # The newest goes by no number: it may be gone by the time it is fetched.
        is_newest = self.iterations.currentIndex() == 0
        iteration = None if is_newest else self.iterations.currentData()
        self.publisher.publish(iteration, course.run.run_id, self.token.text().strip())

    @Slot()
    def _show_progress(self) -> None:
        ongoing = self.publisher.ongoing
        is_ready = self.iterations.count() > 0 and bool(self.repository.text().strip())
        has_token = bool(self.publisher.has_token or self.token.text().strip())
        self.publish_button.setVisible(ongoing is None)
        self.publish_button.setEnabled(is_ready and has_token)
        self.cancel_button.setVisible(ongoing is not None)
        self._bar.setVisible(ongoing is not None)
        if ongoing is None:
            if self.iterations.count() == 0:
                words = self.tr("There is something to publish once the training has begun.")
                self._say(words, is_progress=True)
            elif self._said.property("is_progress"):
                self._say("")
            return
        self._bar.setRange(0, max(0, ongoing.total))
        self._bar.setValue(ongoing.done)
        self.cancel_button.setEnabled(not ongoing.is_cancelled)
        self._say(self._stage_words(ongoing.stage, ongoing.done, ongoing.total), is_progress=True)

    def _stage_words(self, stage: str, done: int, total: int) -> str:
        if self.publisher.ongoing is not None and self.publisher.ongoing.is_cancelled:
            return self.tr("Stopping ...")
        match stage:
            case "collecting the faces":
                return self.tr("Getting the weights and faces ...")
            case "uploading" if done < total:
                return self.tr("Uploading: {done} of {all}").format(
                    done=megabytes(done / 1e6), all=megabytes(total / 1e6)
                )
            case "uploading":
                return self.tr("Making the page ...")
        return self.tr("Signing in ...")

    @Slot(object)
    def _tell_published(self, published: Published) -> None:
        self.token.clear()
        words = self.tr("Iteration {number} is published as {name}. Only you can see it.")
        if not published.is_private:
            words = self.tr("Iteration {number} is published as {name}. Everybody can see it.")
        self._say(words.format(number=number(published.iteration), name=published.repository))
        self._show_address(published.url)

    @Slot(object)
    def _tell_failed(self, error: GanDesktopError) -> None:
        self._say(f"{engine_text(error.title)}: {engine_text(error.message)}", is_trouble=True)

    def _say(self, words: str, *, is_trouble: bool = False, is_progress: bool = False) -> None:
        if self._said.text() != words:
            self._said.setText(words)
        self._said.setProperty("is_progress", is_progress)
        set_role(self._said, "bad" if is_trouble else "muted" if is_progress else "")
        self._said.setVisible(bool(words))

    def _show_address(self, url: str) -> None:
        self._url = url
        self._page.setVisible(bool(url))
        self._page.setToolTip(url)
        self._copy.setVisible(bool(url))

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._url))

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(self._url)


class CardPreview(QTextBrowser):
    """Shows Markdown with pictures that are given to it; nothing is fetched or followed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.pictures: dict[str, QImage] = {}
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: N802
        """Qt's name: a picture of the text."""
        return self.pictures.get(name.toString() if isinstance(name, QUrl) else name)


def _figures(coordinator: Address, iteration: int, run_id: int) -> Figures:
    """In a pool thread."""
    from gan_desktop.class_admin.portrait import figures_of

    return figures_of(coordinator, iteration, run_id)
