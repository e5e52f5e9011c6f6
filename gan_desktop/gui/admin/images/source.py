"""The choice of pictures: a folder or zip, CelebA, the Hugging Face Hub, or drawn faces; and their size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.images.job import Wish
from gan_desktop.gui.admin.images.model import size_words
from gan_desktop.gui.admin.images.terms import TermsCard
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.theme import em, scale_font, set_role

FILES, CELEBA, HUB, DRAWN = range(4)
SIZES = (32, 64, 128)
FEWEST_DRAWN, USUAL_DRAWN, MOST_DRAWN = 200, 6_000, 100_000
_HUB_PREFIXES = ("hub:", "https://")


class SourceCard(QFrame):
    """Where the pictures come from, and how large they become.

    Signals:
        changed: Another choice: what was looked at is not it any more.
        chosen: A place was picked or dropped: look at it now.
    """

    changed = Signal()
    chosen = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setAcceptDrops(True)
        self.terms = TermsCard(self)
        self._kinds, kinds = _segments(
            self,
            self.tr("Where are the pictures?"),
            (self.tr("Folder or zip"), self.tr("CelebA"), self.tr("Hugging Face"), self.tr("Drawn faces")),
        )
        self._sizes, sizes = _segments(self, self.tr("Size in pixels"), tuple(map(size_words, SIZES)))
        self._size_words = QLabel(self)
        self._size_words.setWordWrap(True)
        set_role(self._size_words, "muted")
        self.place = self._line(self.tr("Folder or zip file"), self.tr("Drop a folder or a zip here"))
        self.hub = self._line(self.tr("Data set on the Hub"), self.tr("OWNER/NAME, or a link to it"))
        self.token = self._line(self.tr("Access token"), self.tr("Access token, if it is not public"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.num_drawn = CalmSpinBox(self)
        self.num_drawn.setRange(FEWEST_DRAWN, MOST_DRAWN)
        self.num_drawn.setSingleStep(1_000)
        self.num_drawn.setGroupSeparatorShown(True)
        self.num_drawn.setValue(USUAL_DRAWN)
        self.num_drawn.setSuffix(self.tr(" faces"))
        self.num_drawn.setAccessibleName(self.tr("Number of drawn faces"))
        self.num_drawn.valueChanged.connect(lambda _value: self.changed.emit())
        files = self._files_row()
        # What is shown for each kind of source.
        self._rows = {
            FILES: (files,),
            CELEBA: (files,),
            HUB: (self.hub, self.token),
            DRAWN: (self.num_drawn,),
        }
        self._lay_out(kinds, sizes)
        self._kinds.idToggled.connect(lambda _id, on: self._follow_kind() if on else None)
        self._sizes.idToggled.connect(lambda _id, on: self._follow_size() if on else None)
        self._follow_kind()
        self._follow_size()

    # -- what is chosen -------------------------------------------------------------------------

    @property
    def kind(self) -> int:
        """FILES, CELEBA, HUB or DRAWN."""
        return self._kinds.checkedId()

    def choose_kind(self, kind: int) -> None:
        """Turn to another source."""
        self._kinds.button(kind).setChecked(True)

    def choose_size(self, image_size: int) -> None:
        """Another size of the pictures, in pixels."""
        self._sizes.button(SIZES.index(image_size)).setChecked(True)

    def wish(self) -> Wish | None:
        """What the person wants; None: a place is missing yet."""
        size = SIZES[self._sizes.checkedId()]
        if self.kind == DRAWN:
            return Wish("", self.num_drawn.value(), size)
        if self.kind == HUB:
            written = self.hub.text().strip()
            place = written if written.startswith(_HUB_PREFIXES) else f"hub:{written}"
            return Wish(place, image_size=size, token=self.token.text().strip() or None) if written else None
        written = self.place.text().strip()
        return Wish(written, image_size=size) if written else None

    # -- building -------------------------------------------------------------------------------

    def _line(self, name: str, hint: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setAccessibleName(name)
        line.setPlaceholderText(hint)
        line.textChanged.connect(lambda _text: self.changed.emit())
        line.returnPressed.connect(self.chosen)
        return line

    def _files_row(self) -> QWidget:
        folder = QPushButton(self.tr("Folder ..."), self)
        zip_file = QPushButton(self.tr("Zip ..."), self)
        icons.set_icon(folder, "folder")
        folder.clicked.connect(lambda _checked=False: self._browse(QFileDialog.FileMode.Directory))
        zip_file.clicked.connect(lambda _checked=False: self._browse(QFileDialog.FileMode.ExistingFile))
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(em(self, 0.4))
        line.addWidget(self.place, 1)
        line.addWidget(folder)
        line.addWidget(zip_file)
        return row

    def _lay_out(self, kinds: QHBoxLayout, sizes: QHBoxLayout) -> None:
        heading = QLabel(self.tr("Where are the pictures?"), self)
        scale_font(heading, 1.15, bold=True)
        size_line = QHBoxLayout()
        size_line.setSpacing(em(self, 0.6))
        size_line.addWidget(QLabel(self.tr("Size"), self))
        size_line.addLayout(sizes)
        size_line.addStretch(1)
        column = QVBoxLayout(self)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.45))
        column.addWidget(heading)
        column.addLayout(kinds)
        for widget in dict.fromkeys(widget for row in self._rows.values() for widget in row):
            column.addWidget(widget)
        column.addLayout(size_line)
        column.addWidget(self._size_words)
        column.addWidget(self.terms)
        column.addStretch(1)

    # -- following ------------------------------------------------------------------------------

    def _follow_kind(self) -> None:
        for row in self._rows.values():
            for widget in row:
                widget.setVisible(widget in self._rows[self.kind])
        show: Callable[[], None] = {
            CELEBA: self.terms.show_celeba,
            DRAWN: self.terms.show_drawn,
        }.get(self.kind, self.terms.show_consent)
        show()
        self.changed.emit()

    def _follow_size(self) -> None:
        self._size_words.setText(
            (
                self.tr("Quick to learn, little to send: right for a lesson."),
                self.tr("Finer faces for four times the work and more: for evenings, or graphics cards."),
                self.tr("For graphics cards and much time: not measured with a class."),
            )[self._sizes.checkedId()]
        )
        self.changed.emit()

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, self.tr("Pictures to learn from"))
        dialog.setFileMode(mode)
        if mode is QFileDialog.FileMode.ExistingFile:
            dialog.setNameFilter("*.zip")
        dialog.fileSelected.connect(self._take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take(self, place: str) -> None:
        self.place.setText(place)
        self.chosen.emit()

    # -- dropped --------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Qt's name."""
        if _dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Qt's name."""
        place = _dropped(event.mimeData())
        if place is not None:
            if self.kind not in (FILES, CELEBA):
                self.choose_kind(FILES)
            self._take(str(place))


def _segments(parent: QWidget, name: str, words: tuple[str, ...]) -> tuple[QButtonGroup, QHBoxLayout]:
    """Buttons of which one is pressed, side by side."""
    group, row = QButtonGroup(parent), QHBoxLayout()
    row.setSpacing(0)
    for number, text in enumerate(words):
        button = QPushButton(text, parent)
        button.setCheckable(True)
        button.setAccessibleDescription(name)
        set_role(button, "segment")
        group.addButton(button, number)
        row.addWidget(button)
    row.addStretch(1)
    group.button(0).setChecked(True)
    return group, row


def _dropped(data: QMimeData) -> Path | None:
    """The one folder or zip that is being dropped; None: something else."""
    places = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if len(places) == 1 and (places[0].is_dir() or places[0].suffix.lower() == ".zip"):
        return places[0]
    return None
