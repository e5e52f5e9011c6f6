"""Publishes a class's network on the Hugging Face Hub, by hand or every so many iterations.

It outlives the page being shown. By itself it publishes only while this window runs the training; a headless
coordinator does it on its own, as config.yaml says.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, QTimer, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.ongoing import Ongoing
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.trouble import Trouble
from gan_desktop.records import IterationPublished, RunStatus
from gan_desktop.settings import HuggingFaceSettings

if TYPE_CHECKING:
    from gan_desktop.class_admin.publishing import Published, Wish
    from gan_desktop.database.address import Address

logger = logging.getLogger(__name__)

LOOK_MS = 150


@dataclass(frozen=True)
class HubWishes:
    """Where a class's network goes; kept for the next time, without the token."""

    repository: str = ""
    is_public: bool = False
    is_automatic: bool = False
    push_interval: int = 10


@dataclass(frozen=True)
class _Outcome:
    """What became of a try; `kept`: the token that was typed is in the password store now."""

    published: Published
    kept: bool


class HubPublisher(QObject):
    """One for each window.

    Signals:
        wishes_changed: Another class, or `wishes` were changed.
        token_changed: `has_token` is known anew.
        progressed: `ongoing` is another one, or further.
        published: A `Published`.
        failed: A `GanDesktopError`, of a try that somebody asked for.
    """

    wishes_changed = Signal()
    token_changed = Signal()
    progressed = Signal()
    published = Signal(object)
    failed = Signal(object)

    def __init__(self, session: TeachingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._kept = QSettings(
            str(session.places.config / "publishing.ini"), QSettings.Format.IniFormat, self
        )
        self.wishes = HubWishes()
        self.has_token: bool | None = None
        self.ongoing: Ongoing | None = None
        # Typed on a computer without a password store: gone with the window.
        self._token = ""
        self._told_trouble = ""
        # What a window that is to be closed asks about; empty: nobody waits for what is published.
        self._words = ""
        # Training and iteration: another training counts from 0 again.
        self._newest_published: tuple[int | None, int] = (None, 0)
        self._run_here: int | None = None
        # What fell due while something else was being published.
        self._next: Callable[[], None] | None = None
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self.progressed)
        session.class_changed.connect(self._take_class)
        session.leaving.connect(self.cancel)
        session.published.connect(self._take_iteration)
        session.coordination_changed.connect(self._look_for_end)
        session.snapshot_changed.connect(self._look_for_end)
        self._take_class()

    # -- wishes ---------------------------------------------------------------------------------

    def remember(self, **changes: str | bool | int) -> None:
        """Change what is wished, for now and for the next time."""
        changed = dataclasses.replace(self.wishes, **changes)  # type: ignore[arg-type]
        if changed == self.wishes:
            return
        self.wishes = changed
        for name, value in dataclasses.asdict(changed).items():
            self._kept.setValue(f"{self._key()}/{name}", value)
        if not changed.is_automatic:
            self._next = None
        self.wishes_changed.emit()

    @Slot()
    def _take_class(self) -> None:
        self.cancel()
        # What becomes of it is not told any more: it was about the former class.
        self._end()
        self._newest_published, self._told_trouble, self._run_here = (None, 0), "", None
        self.wishes = self._known_wishes()
        self.wishes_changed.emit()
        self.look_for_token()

    def _known_wishes(self) -> HubWishes:
        """Those of the last time, else what config.yaml says."""
        known = HubWishes()
        hub = self._settings()
        if hub.enabled:
            known = HubWishes(hub.repo_id, is_automatic=True, push_interval=hub.push_interval)
        kept = {
            field.name: self._kept.value(f"{self._key()}/{field.name}", getattr(known, field.name), kind)
            for field, kind in zip(dataclasses.fields(HubWishes), (str, bool, bool, int), strict=True)
        }
        return HubWishes(**kept)  # type: ignore[arg-type]

    def _settings(self) -> HuggingFaceSettings:
        taught = self._session.taught
        return (taught.hub if taught is not None else None) or HuggingFaceSettings()

    def _key(self) -> str:
        taught = self._session.taught
        return taught.address.user if taught is not None else "none"

    # -- the token ------------------------------------------------------------------------------

    def look_for_token(self) -> None:
        """See whether there is a token; `token_changed` follows."""
        hub = self._settings()

        def look() -> bool:
            from gan_desktop.credentials import find_hub_token

            return find_hub_token(hub) is not None

        run_in_background(look, self._take_token, lambda _error: self._take_token(False), owner=self)

    def forget_token(self) -> None:
        """Take the token out of the password store."""
        self._token = ""

        def forget() -> None:
            from gan_desktop.credentials import forget_hub_token

            forget_hub_token()

        run_in_background(
            forget, lambda _: self.look_for_token(), lambda _error: self.look_for_token(), owner=self
        )

    def _take_token(self, has_token: bool) -> None:
        self.has_token = has_token or bool(self._token)
        self.token_changed.emit()

    # -- publishing -----------------------------------------------------------------------------

    def publish(self, iteration: int | None, run_id: int | None, typed_token: str = "") -> None:
        """Publish an iteration now; `published` or `failed` follows.

        Args:
            iteration: None: the newest.
            typed_token: Kept in the password store once the Hub knows it; empty: the one there is.
        """
        self._begin(iteration, run_id, typed_token, is_asked_for=True)

    @Slot()
    def cancel(self) -> None:
        """Stop in the middle of a file; what fell due meanwhile is not begun either."""
        self._next = None
        if self.ongoing is not None:
            self.ongoing.cancel()

    def _begin(self, iteration: int | None, run_id: int | None, typed: str, *, is_asked_for: bool) -> None:
        if self.ongoing is not None:
            if not is_asked_for:
                self._next = partial(self._begin, iteration, run_id, typed, is_asked_for=False)
            return
        from gan_desktop.class_admin.publishing import Wish

        wish = Wish(self.wishes.repository, iteration, run_id, is_private=not self.wishes.is_public)
        ongoing = self.ongoing = Ongoing()
        if is_asked_for:
            self._words = self.tr("The network is being published on the Hugging Face Hub.")
            self._session.work_begins(self._words)
        work = partial(_publish, wish, typed or self._token, self._settings(), ongoing, bool(typed))
        self._clock.start()
        self.progressed.emit()
        self._session.ask(
            work,
            partial(self._take_outcome, typed, run_id),
            owner=self,
            on_error=partial(self._take_error, is_asked_for),
            is_long=True,
        )

    def _take_outcome(self, typed: str, run_id: int | None, outcome: _Outcome) -> None:
        if typed and not outcome.kept:
            self._token = typed
        self._newest_published = (run_id, outcome.published.iteration)
        self._told_trouble = ""
        self._end()
        self._take_token(True)
        self.published.emit(outcome.published)
        self._session.refresh()

    def _take_error(self, is_asked_for: bool, error: GanDesktopError) -> None:
        is_cancelled = self.ongoing is not None and self.ongoing.is_cancelled
        self._end()
        if is_asked_for:
            self.failed.emit(error)
        elif not is_cancelled and error.message != self._told_trouble:
            # Once, until it was over: the training goes on whatever happens here.
            self._told_trouble = error.message
            trouble = Trouble.of(error)
            self._session.tell_trouble(dataclasses.replace(trouble, is_warning=True))

    def _end(self) -> None:
        self.ongoing = None
        self._clock.stop()
        if self._words:
            self._session.work_ends(self._words)
            self._words = ""
        self.progressed.emit()
        begin, self._next = self._next, None
        if begin is not None:
            begin()

    # -- by itself ------------------------------------------------------------------------------

    @Slot(object)
    def _take_iteration(self, report: IterationPublished) -> None:
        is_due = report.iteration > 0 and report.iteration % self.wishes.push_interval == 0
        if self.wishes.is_automatic and is_due:
            self._publish_newest()

    @Slot()
    def _look_for_end(self) -> None:
        """At the training's end its last iteration is published, whatever its number."""
        now, training = self._session.coordination, self._session.snapshot.training
        if now.place == "here":
            self._run_here = now.run_id
            return
        is_over = (
            training is not None
            and training.run.run_id == self._run_here
            and training.run.status is RunStatus.COMPLETE
        )
        if training is not None and is_over:
            last = (self._run_here, training.run.iteration)
            if self.wishes.is_automatic and self._newest_published != last:
                self._publish_newest()
            self._run_here = None

    def _publish_newest(self) -> None:
        self._begin(None, self._run_here, "", is_asked_for=False)


def _publish(
    wish: Wish,
    token: str,
    hub: HuggingFaceSettings,
    ongoing: Ongoing,
    is_typed: bool,
    coordinator: Address,
) -> _Outcome:
    """In a pool thread."""
    from gan_desktop.class_admin.publishing import Stage, publish
    from gan_desktop.credentials import find_hub_token, store_hub_token

    kept: list[bool] = []

    def tell(stage: Stage, done: int, total: int) -> None:
        # The Hub has taken the token by now, so it is worth keeping.
        if is_typed and not kept and stage is not Stage.SIGNING_IN:
            kept.append(store_hub_token(token))
        ongoing.stage, ongoing.done, ongoing.total = stage.value, done, total

    published = publish(
        coordinator,
        wish,
        token or find_hub_token(hub),
        on_progress=tell,
        should_cancel=lambda: ongoing.is_cancelled,
    )
    return _Outcome(published, kept=bool(kept and kept[0]))
