"""What a look at pictures has found: some of them, what all will take, and what cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.admin.images.grid import PictureGrid
from gan_desktop.gui.admin.images.job import Looked
from gan_desktop.gui.admin.images.model import size_words
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, megabytes, number

if TYPE_CHECKING:
    from gan_desktop.class_admin.pictures import WebPlace
    from gan_desktop.training.preview import Preview

NUM_NAMED = 2


class LookCard(QFrame):
    """Beside the choice: empty until somebody has looked.

    Signals:
        look_wanted: Look at what is chosen.
        import_wanted: Import what was looked at.
    """

    look_wanted = Signal()
    import_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.looked: Looked | None = None
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        scale_font(self.title, 1.15, bold=True)
        self.grid = PictureGrid(self)
        self.figures = QLabel(self)
        use_tabular_digits(self.figures)
        self.remark = QLabel(self)
        for label in (self.figures, self.remark):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self._make_web()
        self.look = QPushButton(self.tr("&Look at them"), self)
        self.look.clicked.connect(lambda _checked=False: self.look_wanted.emit())
        self.store = QPushButton(self.tr("&Import"), self)
        self.store.clicked.connect(lambda _checked=False: self.import_wanted.emit())
        self._lay_out()
        self.forget()

    def _make_web(self) -> None:
        self.on_web = QCheckBox(self.tr("Keep them on a web server, not in the database"), self)
        self.on_web.setToolTip(
            self.tr("For a small database: you copy the files to where the address shows them.")
        )
        self.folder = QLineEdit(self)
        self.folder.setPlaceholderText(self.tr("Folder for the files"))
        self.folder.setAccessibleName(self.tr("Folder for the files"))
        self.url = QLineEdit(self)
        self.url.setPlaceholderText("https://www.example.org/faces/")
        self.url.setAccessibleName(self.tr("Web address of the files"))
        browse = QPushButton(self.tr("Choose ..."), self)
        browse.clicked.connect(lambda _checked=False: self._browse())
        self._web = QWidget(self)
        row = QHBoxLayout(self._web)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.4))
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        row.addWidget(self.url, 1)
        self.on_web.toggled.connect(self._web.setVisible)
        self._web.hide()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(em(self, 0.6))
        buttons.addStretch(1)
        buttons.addWidget(self.look)
        buttons.addWidget(self.store)
        column = QVBoxLayout(self)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.45))
        column.addWidget(self.title)
        column.addWidget(self.grid, 1)
        column.addWidget(self.figures)
        column.addWidget(self.remark)
        column.addWidget(self.on_web)
        column.addWidget(self._web)
        # Below the words where there is no grid.
        column.addStretch(0)
        column.addLayout(buttons)

    @property
    def can_import(self) -> bool:
        """Whether there is something to import."""
        return self.looked is not None and self.looked.preview.num_usable > 0

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def forget(self) -> None:
        """Something else was chosen: what was found does not belong to it."""
        self.looked = None
        self.grid.show()
        self._offer(self.look)
        self.title.setText(self.tr("What is there"))
        self.grid.show_words(self.tr("Choose pictures and look at them. Nothing is stored yet."))
        self.figures.clear()
        self._tell("", is_bad=False)
        self.on_web.hide()
        self._web.hide()
        self.store.setText(self.tr("&Import"))
        self.store.setEnabled(False)

    def tell_trouble(self, words: str) -> None:
        """Say in its place why there is nothing to see."""
        self.forget()
        self.grid.hide()
        self._tell(words, is_bad=True)

    def show_look(self, looked: Looked) -> None:
        """Show what was found."""
        self.looked = looked
        preview = looked.preview
        self.title.setText(looked.name)
        self.grid.show_pictures([picture.png for picture in preview.pictures if picture.png is not None])
        self.figures.setText("\n".join(self._figures(looked)))
        self._tell("\n".join(self._remarks(preview)), is_bad=False)
        self._offer(self.store)
        self.on_web.show()
        self._web.setVisible(self.on_web.isChecked())
        words = self.tr("&Import about {number} pictures")
        if preview.num_usable == preview.num_candidates:
            words = self.tr("&Import {number} pictures")
        self.store.setText(words.format(number=number(preview.num_usable)))
        self.store.setEnabled(self.can_import)

    def tell_remark(self, words: str) -> None:
        """Add a sentence to what was found."""
        self._tell("\n".join(filter(None, (self.remark.text(), words))), is_bad=False)

    def _offer(self, button: QPushButton) -> None:
        """Show which of the two comes next."""
        for each in (self.look, self.store):
            set_role(each, "primary" if each is button else "")

    def _figures(self, looked: Looked) -> list[str]:
        preview = looked.preview
        found = self.tr("{number} picture files, {size} pixels after the import")
        room = self.tr("Takes about {room} and {time} on this computer")
        return [
            found.format(number=number(preview.num_candidates), size=size_words(looked.wish.image_size)),
            room.format(room=megabytes(preview.num_bytes / 1e6), time=duration(max(1.0, preview.seconds))),
        ]

    def _remarks(self, preview: Preview) -> list[str]:
        lines = [engine_text(preview.remark)] if preview.remark else []
        unusable = [picture for picture in preview.pictures if picture.png is None]
        if unusable:
            words = self.tr("About {number} cannot be used. For example:")
            lines.append(words.format(number=number(preview.num_candidates - preview.num_usable)))
            lines += [f"{each.file_name}: {engine_text(each.reason)}" for each in unusable[:NUM_NAMED]]
        return lines

    def _tell(self, words: str, *, is_bad: bool) -> None:
        self.remark.setText(words)
        self.remark.setVisible(bool(words))
        set_role(self.remark, "bad" if is_bad else "muted")

    # -- on a web server ------------------------------------------------------------------------

    def web_place(self) -> WebPlace | None:
        """Where the files go; None: into the database, or what is written is not enough (`lacks_web`)."""
        if not self.on_web.isChecked() or self.lacks_web():
            return None
        from gan_desktop.class_admin.pictures import WebPlace

        return WebPlace(Path(self.folder.text().strip()), self.url.text().strip())

    def lacks_web(self) -> bool:
        """Whether a web server is wanted, but not both its folder and address are there."""
        is_complete = self.folder.text().strip() and self.url.text().strip()
        return self.on_web.isChecked() and not is_complete

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder for the files"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
