"""The person's own nine faces: drawn here from each new generator of the class, gently, and kept.

"Gently": only while the window is seen, at most every `SHORTEST_PAUSE_S`, and more seldom where the class's
network is large, for thirty computers fetch it over the same Wi-Fi.
"""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from gan_desktop.errors import GanDesktopError, PayloadError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_reader import AverageAnswer, AverageWanted
from gan_desktop.gui.faces_album import FacesAlbum, former_album, presented, single_faces
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import Average
from gan_desktop.gui.studio import Network, Studio
from gan_desktop.records import RunConfig

SHORTEST_PAUSE_S = 20.0
# On the average one computer fetches at most so much for its own faces: 30 of them 8 Mbit/s.
LARGEST_RATE = 33_000
# An answer that was lost with the connection is not waited for any longer.
LONGEST_WAIT_S = 120.0


class MyFaces(PictureSource):
    """Draws, keeps and shows the session's `my_faces`; as a source it has the album's pictures.

    Until a new training has drawn more than noise, the album of the former one is shown.

    Signals:
        failed: A `GanDesktopError`: the newest faces could not be drawn.
    """

    failed = Signal(object)

    def __init__(self, session: Session, page: QWidget) -> None:
        super().__init__(page)
        self._session, self._page = session, page
        self._run_id: int | None = None
        # Of the training that is drawn for; what is shown may be the former one's.
        self._album: FacesAlbum | None = None
        self._drawn: set[int] = set()
        self._shown: FacesAlbum | None = None
        self._wanted: AverageWanted | None = None
        self._asked_at = float("-inf")
        self._fetched_at = float("-inf")
        self._pause_s = SHORTEST_PAUSE_S
        self._first_is_missing = False
        self._is_read = False
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._consider)
        session.class_changed.connect(self._begin)
        session.training_changed.connect(self._follow_training)
        session.link_changed.connect(self._consider)
        session.average_arrived.connect(self._take_answer)
        # The window was minimised, perhaps, when the last iteration came.
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.connect(self._consider)
        self._begin()

    @property
    def is_former(self) -> bool:
        """Whether what is shown was drawn for the training before."""
        return self._shown is not self._album

    # -- as a source ----------------------------------------------------------------------------

    def ask(self, iteration: int) -> None:
        """From the album."""
        if (album := self._shown) is None:
            return

        def read() -> bytes | None:
            return presented(album.sheet(iteration) or b"")

        def take(picture: bytes | None) -> None:
            if picture is not None and album is self._shown:
                self._take(iteration, picture)

        run_in_background(read, take, lambda _error: None, owner=self)

    # -- which training -------------------------------------------------------------------------

    @Slot()
    def _begin(self) -> None:
        self._run_id, self._wanted = None, None
        self._album = self._shown = None
        self._drawn.clear()
        self._fetched_at = float("-inf")
        self._forget_all()
        self._session.set_my_faces(())
        self._follow_training()

    @Slot()
    def _follow_training(self) -> None:
        training, folder = self._session.snapshot.training, self._session.class_folder
        run_id = training.run.run_id if training is not None else None
        if run_id is not None and folder is not None and run_id != self._run_id:
            self._run_id, self._is_read, self._first_is_missing = run_id, False, False
            self._forget_all()
            self._drawn.clear()
            albums = folder.folder / "my-faces"
            album = self._album = self._shown = FacesAlbum(albums / str(run_id))

            def read() -> tuple[tuple[int, ...], FacesAlbum, tuple[int, ...]]:
                kept = album.iterations()
                shown = (None if any(kept) else former_album(albums, run_id)) or album
                return kept, shown, shown.iterations()

            run_in_background(read, lambda kept: self._open(album, *kept), lambda _error: None, owner=self)
        self._consider()

    def _open(
        self, album: FacesAlbum, drawn: tuple[int, ...], shown: FacesAlbum, kept: tuple[int, ...]
    ) -> None:
        if album is not self._album:
            return
        self._is_read, self._shown = True, shown
        self._drawn.update(drawn)
        self._offer(kept)
        if kept:
            self.ask(kept[-1])
            run_in_background(
                lambda: single_faces(shown.sheet(kept[-1]) or b""),
                lambda faces: self._show_single(shown, faces),
                lambda _error: None,
                owner=self,
            )
        self._consider()

    def _show_single(self, album: FacesAlbum, faces: tuple[bytes, ...]) -> None:
        if album is self._shown and faces:
            self._session.set_my_faces(faces)

    # -- fetching -------------------------------------------------------------------------------

    @Slot()
    def _consider(self) -> None:
        """Ask for the next generator, if one is to be had and now is the time."""
        wanted = self._next_iteration()
        if wanted is None or not self._is_seen():
            return
        now = time.monotonic()
        if self._wanted is not None and now - self._asked_at < LONGEST_WAIT_S:
            return
        if (left := self._fetched_at + self._pause_s - now) > 0:
            if not self._later.isActive():
                self._later.start(round(1_000 * left) + 1)
            return
        self._asked_at = now
        self._wanted = AverageWanted(0 if wanted == 0 else None)
        self._session.request_average(self._wanted.iteration)

    def _next_iteration(self) -> int | None:
        """0 where the faces of the beginning are missing, else the newest; None: nothing to draw."""
        training, link = self._session.snapshot.training, self._session.link
        if training is None or training.run.run_id != self._run_id or not self._is_read:
            return None
        if link is None or not link.is_connected or training.run.iteration < 0:
            return None
        if 0 not in self._drawn and not self._first_is_missing:
            return 0
        newest = training.run.iteration
        return newest if newest > max(self._drawn, default=-1) else None

    def _is_seen(self) -> bool:
        window = self._page.window()
        is_minimised = bool(window.windowState() & Qt.WindowState.WindowMinimized)
        return window.isVisible() and not is_minimised

    @Slot(object)
    def _take_answer(self, answer: AverageAnswer) -> None:
        training, average = self._session.snapshot.training, answer.average
        if answer.wanted != self._wanted:
            return
        if answer.wanted.iteration is None:
            self._fetched_at = time.monotonic()
        if answer.error is not None:
            self._fail(answer.wanted, answer.error)
        elif average is None:
            self._wanted = None
            if answer.wanted.iteration == 0:
                # Not kept by the class: the album begins with the newest.
                self._first_is_missing = True
                self._consider()
        elif training is not None and average.run_id == training.run.run_id == self._run_id:
            # What thirty computers fetch at once: a large network is fetched more seldom.
            self._pause_s = max(SHORTEST_PAUSE_S, len(average.payload) / LARGEST_RATE)
            self._draw(training.run.config, average, answer.wanted)
        else:
            self._wanted = None

    def _fail(self, wanted: AverageWanted, error: GanDesktopError) -> None:
        self._wanted = None
        self.failed.emit(error)
        if wanted.iteration == 0 and isinstance(error, PayloadError):
            self._first_is_missing = True
            self._consider()

    # -- drawing --------------------------------------------------------------------------------

    def _draw(self, config: RunConfig, average: Average, wanted: AverageWanted) -> None:
        joined, album = self._session.joined, self._album
        if joined is None or album is None:
            return
        network, account = Network(config, average), joined.account

        def draw() -> tuple[bytes | None, tuple[bytes, ...]]:
            # A studio for this once: the next network is another one.
            sheet = album.keep(average.iteration, Studio().my_faces(network, account))
            return presented(sheet), single_faces(sheet)

        def take(drawn: tuple[bytes | None, tuple[bytes, ...]]) -> None:
            if album is self._album:
                self._wanted = None
                self._take_drawn(average.iteration, *drawn)

        def fail(error: GanDesktopError) -> None:
            if album is self._album:
                self._fail(wanted, error)

        run_in_background(draw, take, fail, owner=self, gently=True)

    def _take_drawn(self, iteration: int, picture: bytes | None, faces: tuple[bytes, ...]) -> None:
        assert picture is not None
        self._drawn.add(iteration)
        if self.is_former and iteration > 0:
            self._forget_all()
            self._shown = self._album
        if not self.is_former:
            # The picture first: whoever hears of the iteration finds it here.
            self._take(iteration, picture)
            self._offer(self._drawn)
            if iteration == max(self._drawn):
                self._session.set_my_faces(faces)
        self._consider()
