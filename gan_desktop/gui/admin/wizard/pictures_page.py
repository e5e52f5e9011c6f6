"""What shall it learn to draw? Drawn faces at once, pictures of one's own, or later on the Images page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.admin.images.job import Imported, PicturesJob, Stage, Wish
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.wizard.page import ClassPage
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, megabytes, number

if TYPE_CHECKING:
    from gan_desktop.training.preview import Preview

DRAWN, OWN, LATER = range(3)
USUAL_DRAWN, FEWEST_DRAWN, MOST_DRAWN = 6_000, 200, 100_000


class PicturesPage(ClassPage):
    """Asks what the class learns from, and begins to import it.

    Attributes:
        job: The import, which goes on while the person turns pages, or has left the wizard.

    Signals:
        go_on_wanted: The next page; an import goes on behind it.
    """

    go_on_wanted = Signal()

    def __init__(self, session: TeachingSession, image_size: int, parent: QWidget | None = None) -> None:
        super().__init__(4, parent)
        self._session = session
        self._image_size = image_size
        self.place: Path | None = None
        self._imported: Imported | None = None
        self.job = PicturesJob(session)
        self.set_title(self.tr("What shall it learn to draw?"))
        self._choices = QButtonGroup(self)
        self.count = CalmSpinBox(self, minimum=FEWEST_DRAWN, maximum=MOST_DRAWN, value=USUAL_DRAWN)
        self.count.setSingleStep(1_000)
        self.count.setAccessibleName(self.tr("How many"))
        folder = push_button(self.tr("A folder ..."), self._choose_folder, self)
        zipped = push_button(self.tr("A zip ..."), self._choose_zip, self)
        self._place = plain_label("", self)
        for position, title, words, beside in (
            (
                DRAWN,
                self.tr("Drawn faces (for a first lesson)"),
                self.tr(
                    "Made by the program in a minute: simple faces that a small network learns within a"
                    " lesson. Nobody's rights are touched."
                ),
                (self.count,),
            ),
            (
                OWN,
                self.tr("Pictures of your own, or CelebA: a folder or a zip"),
                self.tr(
                    "Some thousand pictures of one kind. Pictures of people only if they agreed; CelebA only"
                    " for research and teaching without profit."
                ),
                (folder, zipped),
            ),
            (
                LATER,
                self.tr("Later, on the Images page"),
                self.tr("There also from the Hugging Face Hub, with a preview."),
                (),
            ),
        ):
            self.middle.addWidget(self._make_choice(position, title, words, beside))
        self._choices.button(DRAWN).setChecked(True)
        self._choices.idClicked.connect(self._show_choice)
        self.told = plain_label("", self, role="muted")
        self.middle.addWidget(self.told)
        self.bar = QProgressBar(self, textVisible=False)
        self.bar.setAccessibleName(self.tr("Import"))
        set_role(self.bar, "thin")
        self.bar.hide()
        self.middle.addWidget(self.bar)
        self.cancel = self.add_button(self.tr("Stop the import"), self._cancel)
        self.cancel.hide()
        self.go_on = self.add_button("", self._act, is_primary=True)
        self.job.stage_changed.connect(self._show_progress)
        self.job.imported.connect(self._take)
        self.job.failed.connect(self.tell)
        self.job.cancelled.connect(self._tell_cancelled)
        self._show_choice()

    def _make_choice(self, position: int, title: str, words: str, beside: tuple[QWidget, ...]) -> QFrame:
        frame = QFrame(self)
        set_role(frame, "card")
        choice = QRadioButton(title, frame)
        choice.setAccessibleDescription(words)
        self._choices.addButton(choice, position)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.5))
        row.addWidget(choice, 1)
        for widget in beside:
            row.addWidget(widget)
        column = QVBoxLayout(frame)
        column.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.6))
        column.setSpacing(em(self, 0.25))
        column.addLayout(row)
        column.addWidget(plain_label(words, frame, role="muted"))
        if position == OWN:
            column.addWidget(self._place)
            self._place.hide()
        return frame

    # -- choosing -------------------------------------------------------------------------------

    @property
    def choice(self) -> int:
        """What is chosen."""
        return self._choices.checkedId()

    def choose(self, position: int) -> None:
        """Choose one of the three."""
        self._choices.button(position).setChecked(True)
        self._show_choice()

    def take_place(self, place: Path) -> None:
        """Look at the pictures of a folder or a zip."""
        self.place = place
        self.choose(OWN)
        self._place.setText(str(place))
        self._place.show()
        image_size = self._image_size
        self.ask(
            lambda: look_at_place(place, image_size), self._show_look, self.tr("Looking at the pictures ...")
        )

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder with pictures"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: self.take_place(Path(name)))
        dialog.open()

    def _choose_zip(self) -> None:
        dialog = QFileDialog(self, self.tr("Zip with pictures"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [self.tr("Zip files ({pattern})").format(pattern="*.zip"), self.tr("All files (*)")]
        )
        dialog.fileSelected.connect(lambda name: self.take_place(Path(name)))
        dialog.open()

    def _show_look(self, look: Preview) -> None:
        words = self.tr("{count} pictures: about {amount} in the class, imported in about {time}.")
        told = words.format(
            count=number(look.num_usable),
            amount=megabytes(look.num_bytes / 1e6),
            time=duration(max(1.0, look.seconds)),
        )
        if look.num_usable < look.num_candidates:
            words = self.tr("About {count} cannot be used, for example: {reason}.")
            reason = next((picture.reason for picture in look.pictures if picture.png is None), "")
            told += " " + words.format(
                count=number(look.num_candidates - look.num_usable), reason=engine_text(reason)
            )
        if look.remark:
            told += " " + engine_text(look.remark)
        self.told.setText(told)

    def _show_choice(self) -> None:
        is_busy = self.job.is_busy
        has_some = is_busy or self._imported is not None
        for button in self._choices.buttons():
            button.setEnabled(not is_busy)
        self.count.setEnabled(not is_busy and self.choice == DRAWN)
        self.cancel.setVisible(is_busy)
        if has_some or self.choice == LATER:
            self.go_on.setText(self.tr("Go on"))
        else:
            self.go_on.setText(self.tr("Import and go on"))
        self.go_on.setEnabled(has_some or self.choice != OWN or self.place is not None)

    # -- importing ------------------------------------------------------------------------------

    def _wish(self) -> Wish:
        if self.choice == OWN:
            return Wish(str(self.place), image_size=self._image_size)
        return Wish("", self.count.value(), self._image_size)

    def _act(self) -> None:
        """Import what is chosen unless it is on its way, and turn the page."""
        if not self.job.is_busy and self._imported is None and self.choice != LATER:
            self.start()
        self.go_on_wanted.emit()

    def start(self) -> None:
        """Begin to import what is chosen."""
        if self._session.taught is not None:
            self.clear_trouble()
            self.job.fetch(self._session.taught.address, self._wish())
            self._show_choice()

    def _cancel(self) -> None:
        self.job.cancel()

    @Slot(object)
    def _take(self, imported: Imported) -> None:
        self._imported = imported
        told = self.tr("{count} pictures are in the class.").format(count=number(imported.summary.num_images))
        if num_skipped := imported.summary.num_skipped:
            told += " " + self.tr("%n file(s) could not be used.", None, num_skipped)
        self.told.setText(told)
        self._show_choice()
        self._session.refresh()

    @Slot()
    def _tell_cancelled(self) -> None:
        self.told.setText(self.tr("Stopped: nothing was imported."))

    @Slot(object)
    def _show_progress(self, stage: Stage | None) -> None:
        self.bar.setVisible(stage is not None)
        if stage is None:
            self.told.clear()
            self._show_choice()
            return
        self.bar.setMaximum(stage.total)
        self.bar.setValue(stage.done)
        words = self.tr("Importing: {done} of {all} pictures. You may go on meanwhile.")
        self.told.setText(words.format(done=number(stage.done), all=number(stage.total)))

    # -- for the wizard -------------------------------------------------------------------------

    def enter(self) -> None:
        """What is chosen has the focus."""
        self._show_choice()
        self._choices.button(self.choice).setFocus()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        self.go_on.setEnabled(not is_waiting)
        if not is_waiting:
            self._show_choice()

    def typed(self) -> dict[str, str]:
        """All of it."""
        place = str(self.place) if self.place is not None else ""
        return {"choice": str(self.choice), "count": str(self.count.value()), "place": place}

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was; what was imported meanwhile is the class's."""
        if (count := typed.get("count", "")).isdecimal():
            self.count.setValue(int(count))
        if place := typed.get("place", ""):
            self.place = Path(place)
            self._place.setText(place)
            self._place.show()
        if (choice := typed.get("choice", "")) in ("0", "1", "2"):
            self.choose(int(choice))


def look_at_place(place: Path, image_size: int) -> Preview:
    """What an import of a folder or a zip would bring; not for the window's thread.

    Raises:
        ImageSetError: There are no pictures.
    """
    from gan_desktop.class_admin.pictures import HubAccess, open_pictures, preview

    # Folders and zips need nothing of the Hub.
    with open_pictures(str(place), HubAccess(downloads=Path())) as source:
        return preview(source, image_size)
