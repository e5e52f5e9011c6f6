"""The page of the class's pictures: what is stored, who learns from it, and the import of more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.gui.admin.images.import_form import ImportView
from gan_desktop.gui.admin.images.job import Imported, PicturesJob
from gan_desktop.gui.admin.images.progress import ProgressCard
from gan_desktop.gui.admin.images.result import ResultCard
from gan_desktop.gui.admin.images.stored import StoredView
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.theme import em

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.shards import StoredPictures


class ImagesPage(QWidget):
    """Two views, the stored pictures and the import; an import goes on whatever is shown."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._read_for: object = None
        self.job = PicturesJob(session)
        self.stored = StoredView(session, self)
        self.importing = ImportView(session, self.job, self)
        self.result = ResultCard(session, self)
        self.views = QStackedWidget(self)
        self.views.addWidget(self.stored)
        self.views.addWidget(self.importing)
        self.stored.told.connect(self.result.tell)
        self.stored.import_button.clicked.connect(lambda _checked=False: self.show_import())
        self.importing.back.clicked.connect(lambda _checked=False: self.show_stored())
        column = QVBoxLayout(self)
        margin = em(self)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.6))
        column.addWidget(ProgressCard(self.job, self))
        column.addWidget(self.result)
        column.addWidget(self.views, 1)
        self.job.imported.connect(self._take_import)
        self.job.failed.connect(self._take_failure)
        session.class_changed.connect(self._take_class)
        session.snapshot_changed.connect(self._look_for_news)
        self._look_for_news()

    def turn_to(self, part: str) -> None:
        """Show a part of the page: `import`."""
        if part == "import":
            self.show_import()

    @Slot()
    def show_import(self) -> None:
        """Turn to the import."""
        self.views.setCurrentWidget(self.importing)
        self.importing.source.place.setFocus()

    @Slot()
    def show_stored(self) -> None:
        """Turn to what is stored."""
        self.views.setCurrentWidget(self.stored)

    @Slot(object)
    def _take_class(self, _taught: TaughtClass | None) -> None:
        """Pictures go into the class that they were meant for, or nowhere."""
        self._read_for = None
        self.job.forget()
        self.result.hide()
        self.stored.forget()
        self.show_stored()

    @Slot()
    def _look_for_news(self) -> None:
        """Read what is stored when pictures or trainings have come or gone."""
        status = self._session.snapshot.status
        if status is None:
            return
        seen = (
            tuple(status.datasets),
            tuple((run.run_id, run.name, run.dataset_id, run.status) for run in status.runs),
        )
        if seen != self._read_for:
            self._read_for = seen
            self.read()

    def read(self) -> None:
        """Read what is stored."""

        def stored(address: Address) -> tuple[StoredPictures, ...]:
            from gan_desktop.class_admin.pictures import stored_pictures

            return stored_pictures(address)

        self._session.ask(stored, self.stored.show_pictures, owner=self, on_error=self._miss)

    def _miss(self, error: GanDesktopError) -> None:
        # The next look at the class asks again.
        self._read_for = None
        self.stored.show_miss(error)

    @Slot(object)
    def _take_import(self, imported: Imported) -> None:
        self.result.show_import(imported)
        self.importing.look.forget()
        self.stored.choose_when_there(imported.dataset_id)
        self.show_stored()
        self._session.refresh()
        self.read()

    @Slot(object)
    def _take_failure(self, error: GanDesktopError) -> None:
        """What concerns the pictures stands beside them; what concerns the class goes to the banner."""
        if isinstance(error, ConnectionFailed):
            self._session.tell_trouble(error)
        else:
            self.importing.tell_failure(error)
            self.show_import()
