"""The import of pictures: the choice at the left, what it holds at the right; looking stores nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gan_desktop.errors import DownloadFailed, GanDesktopError
from gan_desktop.gui.admin.images.job import Looked, PicturesJob
from gan_desktop.gui.admin.images.look import LookCard
from gan_desktop.gui.admin.images.source import CELEBA, SourceCard
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.theme import em, scale_font
from gan_desktop.gui.translation import engine_text


class ImportView(QWidget):
    """Choose, look, import; one import at a time, which goes on whatever page is shown."""

    def __init__(self, session: TeachingSession, job: PicturesJob, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._job = session, job
        self.back = QPushButton(self.tr("Back"), self)
        self.back.setToolTip(self.tr("To the stored pictures; an import goes on"))
        self.source = SourceCard(self)
        self.look = LookCard(self)
        heading = QLabel(self.tr("Import pictures"), self)
        scale_font(heading, 1.3, bold=True)
        top = QHBoxLayout()
        top.addWidget(self.back)
        top.addSpacing(em(self, 0.5))
        top.addWidget(heading, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.source)
        scroll.setMinimumWidth(self.source.minimumSizeHint().width())
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.7))
        row.addWidget(scroll, 1)
        row.addWidget(self.look, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addLayout(top)
        column.addLayout(row, 1)
        self.source.changed.connect(self.look.forget)
        self.source.changed.connect(self._follow)
        self.source.chosen.connect(self.begin_look)
        self.look.look_wanted.connect(self.begin_look)
        self.look.import_wanted.connect(self.begin_import)
        job.looked.connect(self._take_look)
        job.cancelled.connect(self.look.forget)
        job.stage_changed.connect(self._follow)
        self._follow()

    @Slot()
    def begin_look(self) -> None:
        """Open what is chosen."""
        wish = self.source.wish()
        if wish is not None and not self._job.is_busy:
            self.look.forget()
            self._job.look(wish)

    @Slot()
    def begin_import(self) -> None:
        """Store what was looked at."""
        looked, taught = self.look.looked, self._session.taught
        if looked is None or taught is None or self._job.is_busy:
            return
        if self.look.lacks_web():
            self.look.folder.setFocus()
            return
        self._job.store(taught.address, looked.wish.image_size, self.look.web_place())

    def tell_failure(self, error: GanDesktopError) -> None:
        """Say beside the choice why the pictures cannot be used."""
        words = engine_text(error.message)
        if isinstance(error, DownloadFailed) and error.cause in ("login", "forbidden"):
            words = self.tr(
                "The Hub gives these pictures only with the access token of somebody who may see them. Write"
                " yours beside their name; if the Hub asks for it, accept their conditions on its page first."
            )
        self.look.tell_trouble(words)

    @Slot(object)
    def _take_look(self, looked: Looked) -> None:
        # Something else may have been chosen while it went on.
        if looked.wish == self.source.wish():
            self.look.show_look(looked)
            if self.source.kind == CELEBA and not looked.is_celeba:
                words = self.tr(
                    "These are not the aligned pictures of CelebA (000001.jpg ..., 178 x 218 pixels)."
                )
                self.look.tell_remark(words)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        is_busy = self._job.is_busy
        self.source.setEnabled(not self._job.is_importing)
        self.look.look.setEnabled(not is_busy and self.source.wish() is not None)
        self.look.store.setEnabled(not is_busy and self.look.can_import)
