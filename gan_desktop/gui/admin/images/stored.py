"""The pictures that the class has: a row for each data set; below them some of the chosen one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.images.grid import PictureGrid
from gan_desktop.gui.admin.images.model import NAME, pictures_table, storage_words
from gan_desktop.gui.admin.keyed_table import KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.class_admin.pictures import PicturesCheck
    from gan_desktop.database.address import Address
    from gan_desktop.database.shards import StoredPictures

NUM_SHOWN = 24


class StoredView(QWidget):
    """The table, and what can be done with a row.

    Signals:
        told: A sentence about what was done.
    """

    told = Signal(str)

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        # None: under way.
        self._looks: dict[int, tuple[bytes, ...] | None] = {}
        self.box: QMessageBox | None = None
        self._wanted: int | None = None
        # Said where there is none; empty: nobody knows yet.
        self._instead = ""
        self.model = pictures_table(self)
        self.order = TableOrder(self.model, self)
        self.table: KeyedTableView[StoredPictures] = KeyedTableView(
            self.order, self.tr("Stored pictures"), NAME, self
        )
        self.import_button = QPushButton(self.tr("&Import pictures ..."), self)
        set_role(self.import_button, "primary")
        self.check = QPushButton(self.tr("&Check"), self)
        self.check.setToolTip(
            self.tr("Fetch all pictures as a student's computer would, and see whether they are whole")
        )
        icons.set_icon(self.check, "check")
        self.delete = QPushButton(self.tr("&Delete ..."), self)
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        self.some = PictureGrid(self)
        self.some.setFixedHeight(self.some.minimumSizeHint().height())
        self._lay_out()
        self.check.clicked.connect(lambda _checked=False: self.begin_check())
        self.delete.clicked.connect(lambda _checked=False: self.ask_to_delete())
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.ask_to_delete)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_chosen())
        self._show_chosen()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(em(self, 0.6))
        for button in (self.import_button, self.check, self.delete):
            top.addWidget(button)
        top.addStretch(1)
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.6)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.setSpacing(em(self, 0.5))
        inside.addWidget(self.table, 1)
        inside.addWidget(self.some)
        inside.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addLayout(top)
        column.addWidget(card, 1)

    # -- showing --------------------------------------------------------------------------------

    def show_pictures(self, stored: tuple[StoredPictures, ...]) -> None:
        """Show these data sets; the chosen one stays chosen."""
        self._instead = self.tr("The class has no pictures yet. Import some: drawn faces are there at once.")
        self._show_rows(stored)

    def show_miss(self, error: GanDesktopError) -> None:
        """Say why nobody knows what is stored; what was known stays."""
        self._instead = engine_text(error.message)
        self._show_chosen()

    def _show_rows(self, stored: tuple[StoredPictures, ...]) -> None:
        self.model.show_rows(stored)
        for row in range(self.order.rowCount()):
            if self.order.row_at(self.order.index(row, NAME)).dataset_id == self._wanted:
                self.table.selectRow(row)
                self._wanted = None
        if stored and not self.table.selectionModel().hasSelection():
            self.table.selectRow(self.order.rowCount() - 1)
        self._show_chosen()

    def choose_when_there(self, dataset_id: int) -> None:
        """Choose a data set as soon as it is shown."""
        self._wanted = dataset_id

    def forget(self) -> None:
        """Another class has other pictures."""
        if self.box is not None:
            self.box.reject()
        self._looks.clear()
        self._wanted, self._instead = None, ""
        self._show_rows(())

    @property
    def chosen(self) -> StoredPictures | None:
        """The data set that the buttons are about."""
        rows = self.table.chosen()
        return rows[0] if len(rows) == 1 else None

    def _show_chosen(self) -> None:
        chosen = self.chosen
        self.check.setEnabled(chosen is not None)
        self.delete.setEnabled(chosen is not None and not chosen.uses)
        self.some.setVisible(chosen is not None)
        if not self.model.rows:
            words = self._instead
        elif chosen is None:
            words = ""
        else:
            words = self._about(chosen)
            self._show_some(chosen.dataset_id)
        self.words.setText(words)

    def _about(self, chosen: StoredPictures) -> str:
        said = self.tr("{learned} to learn from, {kept} kept for measuring; takes {room}.").format(
            learned=number(chosen.num_images - chosen.num_held_out),
            kept=number(chosen.num_held_out),
            room=storage_words(chosen),
        )
        if not chosen.uses:
            return said
        words = self.tr("Needed by the training {names}: to delete them, delete it first.")
        return said + " " + words.format(names=", ".join(f'"{use.name}"' for use in chosen.uses))

    def _show_some(self, dataset_id: int) -> None:
        known = self._looks.get(dataset_id)
        if known is not None:
            self.some.show_pictures(known)
            return
        self.some.show_words(self.tr("Fetching some of them ..."))
        if dataset_id in self._looks:
            return
        self._looks[dataset_id] = None

        def look(address: Address) -> tuple[bytes, ...]:
            from gan_desktop.class_admin.pictures import look_at_stored

            return look_at_stored(address, dataset_id, NUM_SHOWN)

        def show(pngs: tuple[bytes, ...]) -> None:
            self._looks[dataset_id] = pngs
            self._show_chosen()

        def fail(error: GanDesktopError) -> None:
            self._looks.pop(dataset_id, None)
            self.some.show_words(engine_text(error.message))

        self._session.ask(look, show, owner=self, on_error=fail)

    # -- doing ----------------------------------------------------------------------------------

    @Slot()
    def begin_check(self) -> None:
        """Fetch everything once."""
        chosen = self.chosen
        if chosen is None:
            return

        def check(address: Address) -> PicturesCheck:
            from gan_desktop.class_admin.pictures import check_pictures

            return check_pictures(address, chosen.dataset_id)

        self.check.setEnabled(False)
        self.told.emit(self.tr("Checking all pictures of {name} ...").format(name=chosen.name))
        self._session.ask(check, self._tell_check, owner=self, on_error=self._tell_check_failed)

    def _tell_check(self, check: PicturesCheck) -> None:
        self.check.setEnabled(True)
        if check.problems:
            words = self.tr("{number} of {total} files cannot be had, for example: {problem}").format(
                number=number(len(check.problems)),
                total=number(check.num_shards),
                problem=engine_text(check.problems[0]),
            )
        else:
            words = self.tr("All {number} pictures of {name} are there and whole.").format(
                number=number(check.dataset.num_images), name=check.dataset.name
            )
        self.told.emit(words)

    def _tell_check_failed(self, error: GanDesktopError) -> None:
        self.check.setEnabled(True)
        self._session.tell_trouble(error)

    @Slot()
    def ask_to_delete(self) -> None:
        """Ask first: it is for good."""
        chosen = self.chosen
        if chosen is None or chosen.uses or self.box is not None:
            return
        box = self.box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        words = self.tr("Delete the {number} pictures of {name} from the class for good?")
        box.setText(words.format(number=number(chosen.num_images), name=chosen.name))
        delete = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        delete.clicked.connect(partial(self._delete, chosen))
        box.finished.connect(self._drop_box)
        box.open()

    def _drop_box(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None

    def _delete(self, chosen: StoredPictures, _checked: bool = False) -> None:
        def delete(address: Address) -> None:
            from gan_desktop.class_admin.pictures import delete_pictures

            delete_pictures(address, chosen.dataset_id)

        words = self.tr("{name} is deleted.").format(name=chosen.name)
        self._session.change(delete, lambda _nothing: self.told.emit(words), owner=self)
