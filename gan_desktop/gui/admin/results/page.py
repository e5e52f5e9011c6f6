"""Results: what the class has made, to look at, to take home, to publish."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.results.publish import PublishPanel
from gan_desktop.gui.admin.results.reader import ResultsReader
from gan_desktop.gui.admin.results.save import ResultsSaving
from gan_desktop.gui.admin.results.table import KeptView
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.words import number
from gan_desktop.records import SampleDrawn


class ResultsPage(QWidget):
    """The page: kept iterations and their faces, or the way to the Hub."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.reader = ResultsReader(session, self)
        self.saving = ResultsSaving(session, self.reader, self)
        self.table = KeptView(self.reader, self)
        self.faces = FacesView(self, least_em=8.0)
        self._caption = plain_label("", self, role="muted")
        self.publishing = PublishPanel(session, self.reader, self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._make_kept())
        self._stack.addWidget(self.publishing)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(self._make_bar())
        column.addWidget(self._stack, 1)
        column.addWidget(self.saving)
        self.reader.course_changed.connect(self._show_course)
        self.reader.faces_arrived.connect(self._take_faces)
        self.table.chosen_changed.connect(self._show_chosen)
        self.saving.busy_changed.connect(self._show_course)
        self.saving.checkpoint_saved.connect(self._show_loader)
        session.snapshot_changed.connect(self._show_runs)
        session.link_changed.connect(self._show_course)
        self._show_runs()
        self._show_course()

    # -- building -------------------------------------------------------------------------------

    def _make_bar(self) -> QHBoxLayout:
        self.everything = push_button(self.tr("E&verything into a folder ..."), self._save_everything, self)
        set_role(self.everything, "primary")
        icons.set_icon(self.everything, "folder", "on_accent")
        self.save_button = QPushButton(self.tr("&Save"), self)
        icons.set_icon(self.save_button, "save")
        menu = self.save_menu = QMenu(self.save_button)
        menu.addAction(self.tr("Checkpoint ..."), lambda: self._save_weights(self.saving.ask_for_checkpoint))
        menu.addAction(self.tr("Faces (PNG) ..."), lambda: self._save(self.saving.ask_for_faces))
        menu.addAction(self.tr("Time-lapse (GIF) ..."), lambda: self._save(self.saving.ask_for_film))
        menu.addSeparator()
        menu.addAction(self.tr("Curves (PNG) ..."), self.saving.ask_for_curves_picture)
        menu.addAction(self.tr("Curves (CSV) ..."), self.saving.ask_for_curves_table)
        self.save_button.setMenu(menu)
        self.runs = QComboBox(self)
        self.runs.setAccessibleName(self.tr("Training"))
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setMinimumContentsLength(9)
        self.runs.activated.connect(lambda at: self.reader.choose(self.runs.itemData(at)))
        self.kept_button = self._segment(self.tr("&Kept iterations"))
        self.publish_segment = self._segment(self.tr("&Hugging Face Hub"))
        group = QButtonGroup(self)
        group.addButton(self.kept_button)
        group.addButton(self.publish_segment)
        group.buttonClicked.connect(lambda button: self.show_publishing(button is self.publish_segment))
        self.kept_button.setChecked(True)
        bar = QHBoxLayout()
        bar.setSpacing(0)
        bar.addWidget(self.everything)
        bar.addSpacing(em(self, 0.5))
        bar.addWidget(self.save_button)
        bar.addStretch(1)
        bar.addWidget(self.runs)
        bar.addSpacing(em(self, 0.5))
        bar.addWidget(self.kept_button)
        bar.addWidget(self.publish_segment)
        return bar

    def _segment(self, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(True)
        set_role(button, "segment")
        return button

    def _make_kept(self) -> QWidget:
        kept = QWidget(self)
        left, right = QFrame(kept), QFrame(kept)
        for card in (left, right):
            set_role(card, "card")
        faces = QVBoxLayout(left)
        faces.setContentsMargins(em(self, 0.9), em(self, 0.9), em(self, 0.9), em(self, 0.6))
        faces.setSpacing(em(self, 0.4))
        faces.addWidget(self.faces, 1)
        faces.addWidget(self._caption)
        self._caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._empty = plain_label("", right, role="muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.save_checkpoint = push_button(
            self.tr("Save this &checkpoint ..."),
            lambda: self._save_weights(self.saving.ask_for_checkpoint),
            right,
        )
        icons.set_icon(self.save_checkpoint, "save")
        self.loader_button = push_button(self.tr("&How to load it"), lambda: self._show_loader(None), right)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(em(self, 0.6), 0, em(self, 0.6), em(self, 0.6))
        buttons.setSpacing(em(self, 0.5))
        buttons.addWidget(self.save_checkpoint)
        buttons.addWidget(self.loader_button)
        buttons.addStretch(1)
        table = QVBoxLayout(right)
        table.setContentsMargins(1, em(self, 0.4), 1, 0)
        table.setSpacing(em(self, 0.5))
        table.addWidget(self.table, 1)
        table.addWidget(self._empty, 1)
        table.addLayout(buttons)
        row = QHBoxLayout(kept)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.7))
        row.addWidget(left, 5)
        row.addWidget(right, 7)
        return kept

    # -- what is shown --------------------------------------------------------------------------

    def show_publishing(self, is_wanted: bool) -> None:
        """Turn to the Hub, or back to the kept iterations."""
        (self.publish_segment if is_wanted else self.kept_button).setChecked(True)
        self._stack.setCurrentIndex(int(is_wanted))
        for button in (self.everything, self.save_button):
            button.setHidden(is_wanted)
        if is_wanted and (iteration := self.table.iteration) is not None:
            self.publishing.choose(iteration)

    @Slot()
    def _show_runs(self) -> None:
        """All trainings with something to show, where there is a choice."""
        runs = self.reader.runs
        known = [(self.runs.itemData(at), self.runs.itemText(at)) for at in range(self.runs.count())]
        wanted = [(run.run_id, f"{run.run_id}: {run.name}") for run in runs]
        if known != wanted:
            self.runs.clear()
            for run_id, words in wanted:
                self.runs.addItem(words, run_id)
        self.runs.setVisible(len(runs) > 1)
        self._show_course()

    @Slot()
    def _show_course(self) -> None:
        self.runs.setCurrentIndex(self.runs.findData(self.reader.run_id))
        course = self.reader.course
        has_some = course is not None and bool(course.kept)
        link = self._session.link
        can_save = has_some and not self.saving.is_busy and link is not None and link.is_connected
        for button in (self.everything, self.save_button, self.save_checkpoint):
            button.setEnabled(can_save)
        self.loader_button.setEnabled(has_some)
        self.table.setVisible(has_some)
        words = "" if has_some else self._why_empty()
        self._empty.setText(words)
        self._empty.setVisible(not has_some)
        if not has_some:
            self.faces.show_words(self.tr("The faces appear here."))
            self._caption.setText("")

    def _why_empty(self) -> str:
        if self._session.taught is None:
            return self.tr("What a class has made appears here.")
        if self._session.snapshot.status is None:
            return self.tr("Getting the class's results ...")
        if self.reader.runs:
            return self.tr("Getting the training's results ...")
        return self.tr("The class has no results yet. They begin with the first training.")

    @Slot(object)
    def _show_chosen(self, iteration: int | None) -> None:
        if not self.table.is_following:
            self.saving.forget_trouble()
        if iteration is not None:
            self.reader.ask_faces(iteration)

    @Slot(object)
    def _take_faces(self, sample: SampleDrawn) -> None:
        if sample.iteration == self.table.iteration:
            self.faces.show_picture(sample.png)
            self._caption.setText(self.tr("Iteration {number}").format(number=number(sample.iteration)))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: read while somebody looks."""
        super().showEvent(event)
        self.reader.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        self.reader.watch(False)
        super().hideEvent(event)

    # -- saving ---------------------------------------------------------------------------------

    def _save(self, ask: Callable[[int], None]) -> None:
        self.saving.forget_trouble()
        if (iteration := self.table.iteration) is not None:
            ask(iteration)

    def _save_weights(self, ask: Callable[[int | None], None]) -> None:
        """The newest weights may be replaced while a dialog asks where to: then those are meant."""
        self.saving.forget_trouble()
        if (row := self.table.row) is not None:
            ask(None if row.is_passing else row.iteration)

    def _save_everything(self) -> None:
        self._save_weights(self.saving.ask_for_folder)

    @Slot(object)
    def _show_loader(self, path: object) -> None:
        """The lines that draw from a file: the one just saved, or one by the usual name."""
        from gan_desktop.class_admin.loader_snippet import NEEDS, file_snippet
        from gan_desktop.gui.admin.results.loader import LoaderSheet

        title = self.tr("How to load it") if path is None else self.tr("The checkpoint is saved")
        file = str(path) if path is not None else f"iteration-{self.table.iteration or 0}.safetensors"
        LoaderSheet(title, file_snippet(file), NEEDS, self).open()
