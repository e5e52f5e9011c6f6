"""The import of pictures away from the window's thread: opening them, a look at them, storing them.

One `PicturesJob` lives as long as the page. It holds what was opened between the look and the import, and
what it is about is a plain record that the window looks at a few times a second.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QThread, QTimer, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession

if TYPE_CHECKING:
    from gan_desktop.class_admin.pictures import HubAccess, WebPlace
    from gan_desktop.database.address import Address
    from gan_desktop.training.images import ImageSource
    from gan_desktop.training.preview import Preview
    from gan_desktop.training.shards import ImportSummary

logger = logging.getLogger(__name__)

TELL_MS = 200
# The time left is not told before: the first pictures say little.
FIRST_GUESS_S = 2.0

StageName = Literal["finding", "downloading", "unpacking", "looking", "importing"]


@dataclass(frozen=True)
class Wish:
    """Pictures that somebody wants: a folder, a zip, a data set of the Hub, or so many drawn faces.

    `place` is what `class_admin.pictures.open_pictures` takes; empty: drawn faces.
    """

    place: str
    num_drawn: int = 0
    image_size: int = 32
    token: str | None = None


@dataclass(frozen=True)
class Stage:
    """What goes on: so much of it is done (bytes while downloading, otherwise pictures)."""

    name: StageName
    done: int = 0
    total: int = 0
    began: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """By the speed so far; None: nobody can know yet."""
        elapsed = time.monotonic() - self.began
        if not self.done or elapsed < FIRST_GUESS_S:
            return None
        return elapsed * (self.total - self.done) / self.done


@dataclass(frozen=True)
class Looked:
    """What a look found: `image_size` is the one it was for."""

    wish: Wish
    name: str
    is_celeba: bool
    preview: Preview


@dataclass(frozen=True)
class Imported:
    """What became of an import."""

    dataset_id: int
    name: str
    summary: ImportSummary
    web: WebPlace | None = None


class PicturesThread(QThread):
    """Does one thing, once, at low priority. It ends early when its job is cancelled."""

    done = Signal(object)
    failed = Signal(object)

    def __init__(self, work: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._work = work

    def run(self) -> None:
        """The thread itself."""
        if sys.platform == "linux":  # where a thread, and those that it starts, have a priority of their own
            from gan_desktop.worker.courtesy import lower_priority

            lower_priority()
        try:
            answer = self._work()
        except GanDesktopError as error:
            self.failed.emit(error)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            self.failed.emit(None)
        else:
            self.done.emit(answer)


class PicturesJob(QObject):
    """Looks at pictures, then imports them; one thing at a time. It stops when the class is left.

    Signals:
        stage_changed: A `Stage`, or None when nothing goes on.
        looked: A `Looked`.
        imported: An `Imported`.
        failed: A `GanDesktopError`.
        cancelled: It was stopped, and nothing of it is left.
    """

    stage_changed = Signal(object)
    looked = Signal(object)
    imported = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, session: TeachingSession) -> None:
        # Its child: the session waits for its threads before it ends.
        super().__init__(session)
        self._session = session
        self._thread: PicturesThread | None = None
        self._source: ImageSource | None = None
        self._wish: Wish | None = None
        self._stage: Stage | None = None
        # A sentence of what must not be cut short.
        self._words = ""
        self._cancel = threading.Event()
        self._clock = QTimer(self, interval=TELL_MS)
        self._clock.timeout.connect(lambda: self.stage_changed.emit(self._stage))
        session.leaving.connect(self.forget)

    @property
    def stage(self) -> Stage | None:
        """What goes on now."""
        return self._stage if self.is_busy else None

    @property
    def is_busy(self) -> bool:
        """Whether something goes on."""
        return self._thread is not None

    @property
    def is_importing(self) -> bool:
        """Whether it is an import, which changes the class."""
        return self.is_busy and self._stage is not None and self._stage.name == "importing"

    # -- from the window's thread ---------------------------------------------------------------

    def look(self, wish: Wish) -> None:
        """Open pictures and look at some of them; `looked` follows. What was open before is closed."""

        def work() -> Looked:
            source = self._opened(wish)
            from gan_desktop.class_admin.pictures import preview
            from gan_desktop.training.celeba import is_celeba

            self._tell("looking", 0, 0)
            return Looked(wish, source.name, is_celeba(source), preview(source, wish.image_size))

        self._start(work, "finding")

    def store(self, coordinator: Address, image_size: int, web: WebPlace | None = None) -> None:
        """Import what `look` has opened; `imported` follows."""
        source = self._source
        assert source is not None
        self._start(lambda: self._stored(coordinator, source, image_size, web), "importing", len(source))

    def fetch(self, coordinator: Address, wish: Wish) -> None:
        """Open pictures and import them without a look; `imported` follows."""
        self._start(lambda: self._stored(coordinator, self._opened(wish), wish.image_size, None), "finding")

    def cancel(self) -> None:
        """Stop soon; `cancelled` follows. What was downloaded is kept for the next time."""
        if self.is_busy:
            self._cancel.set()

    @Slot()
    def forget(self) -> None:
        """Stop, and let go of what is open."""
        self.cancel()
        if not self.is_busy:
            self._close()

    # -- the thread -----------------------------------------------------------------------------

    def _opened(self, wish: Wish) -> ImageSource:
        """Runs in the thread. The same pictures as before need not be opened, or fetched, again."""
        from gan_desktop.class_admin.pictures import HubProgress, open_pictures
        from gan_desktop.training.images import DrawnFaces

        known = self._wish
        if (
            self._source is not None
            and known is not None
            and replace(known, image_size=0) == replace(wish, image_size=0)
        ):
            return self._source
        self._close()
        if not wish.place:
            source: ImageSource = DrawnFaces(wish.num_drawn)
        else:
            progress = HubProgress(
                on_download=lambda done, total: self._tell("downloading", done, total),
                on_unpack=lambda done, total: self._tell("unpacking", done, total),
            )
            source = open_pictures(wish.place, self._access(wish), progress, self._cancel.is_set)
        self._source, self._wish = source, wish
        return source

    def _stored(
        self, coordinator: Address, source: ImageSource, image_size: int, web: WebPlace | None
    ) -> Imported:
        """Runs in the thread."""
        from gan_desktop.class_admin.pictures import import_pictures

        dataset_id, summary = import_pictures(
            coordinator,
            source,
            image_size,
            web=web,
            on_progress=lambda done, total: self._tell("importing", done, total),
            should_cancel=self._cancel.is_set,
        )
        return Imported(dataset_id, source.name, summary, web)

    def _access(self, wish: Wish) -> HubAccess:
        from gan_desktop.class_admin.pictures import HubAccess
        from gan_desktop.credentials import find_hub_token
        from gan_desktop.settings import HuggingFaceSettings
        from gan_desktop.web.hub import HUB

        return HubAccess(
            downloads=self._session.places.cache / "hub",
            token=wish.token or find_hub_token(HuggingFaceSettings()),
            endpoint=os.environ.get("HF_ENDPOINT") or HUB,
        )

    def _tell(self, name: StageName, done: int, total: int) -> None:
        """Runs in the thread, or in one of its helpers."""
        known = self._stage
        began = known.began if known is not None and known.name == name else time.monotonic()
        self._stage = Stage(name, done, total, began)

    # -- beginning and ending -------------------------------------------------------------------

    def _start(self, work: Callable[[], object], name: StageName, total: int = 0) -> None:
        assert not self.is_busy
        self._cancel.clear()
        self._stage = Stage(name, 0, total, time.monotonic())
        thread = self._thread = PicturesThread(work, self)
        thread.done.connect(self._take_answer)
        thread.failed.connect(self._take_error)
        # The class is not left before what an import has stored is taken back.
        self._session.keep_open_for(thread)
        if name == "importing":
            self._words = self.tr("Pictures are being imported.")
            self._session.work_begins(self._words)
        thread.start()
        self._clock.start()
        self.stage_changed.emit(self._stage)

    @Slot(object)
    def _take_answer(self, answer: object) -> None:
        self._end()
        if self._cancel.is_set() and isinstance(answer, Looked):
            self._close()
            self.cancelled.emit()
        elif isinstance(answer, Looked):
            self.looked.emit(answer)
        else:
            self._close()
            self.imported.emit(answer)

    @Slot(object)
    def _take_error(self, error: GanDesktopError | None) -> None:
        self._end()
        if self._cancel.is_set():
            self._close()
            self.cancelled.emit()
        elif error is not None:
            self.failed.emit(error)

    def _end(self) -> None:
        """The thread has said its last word: wait the instant until it is over."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.wait()
            thread.deleteLater()
        words, self._words = self._words, ""
        if words:
            self._session.work_ends(words)
        self._clock.stop()
        self._stage = None
        self.stage_changed.emit(None)

    def _close(self) -> None:
        source, self._source, self._wish = self._source, None, None
        if source is not None:
            source.close()
