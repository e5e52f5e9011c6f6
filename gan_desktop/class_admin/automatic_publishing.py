"""Publishes every so many iterations while a coordinator runs, as `huggingface` in config.yaml says.

It listens to what the coordinator reports and works in a thread of its own: whatever happens to it, the
training goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from gan_desktop.class_admin.publishing import Published, Wish, publish, words_for
from gan_desktop.database.address import Address
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import IterationPublished, Notice, Report, Reporter
from gan_desktop.settings import HuggingFaceSettings

logger = logging.getLogger(__name__)

# Publishes the newest iteration; gets what says whether to stop.
Publish = Callable[[Callable[[], bool]], Published]


class AutomaticPublishing:
    """A reporter between the coordinator and the console or window.

    Each trouble is told once, until something was published again.

    Args:
        told: Who gets all reports, and what becomes of the publishing as notices.
        publish_newest: Publishes the newest iteration that is kept.
        push_interval: Iterations between two publications.
    """

    def __init__(self, told: Reporter, publish_newest: Publish, push_interval: int) -> None:
        self._told = told
        self._publish = publish_newest
        self._push_interval = push_interval
        self._newest = self._done = 0
        self._told_trouble = ""
        self._changed = threading.Condition()
        self._is_due = self._is_at_work = self._is_ending = False
        self._thread = threading.Thread(target=self._work, name="publishing")

    def around(self, coordinate: Callable[[], bool]) -> Callable[[], bool]:
        """What to call instead of the coordinator's `run`, so that this works as long as that does.

        When the training is complete its last iteration is published too, before the call returns.
        """

        def run() -> bool:
            self._thread.start()
            try:
                is_complete = coordinate()
                if is_complete:
                    self._publish_last()
                return is_complete
            finally:
                self.give_up()
                self._thread.join()

        return run

    def report(self, report: Report) -> None:
        """Pass a report on; some iterations are published soon after."""
        self._told.report(report)
        if isinstance(report, IterationPublished) and report.iteration > 0:
            with self._changed:
                self._newest = report.iteration
                if report.iteration % self._push_interval == 0:
                    self._is_due = True
                    self._changed.notify_all()

    def give_up(self) -> None:
        """End soon, in the middle of a file; from any thread. The next start publishes what is newest."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    def _publish_last(self) -> None:
        """Wait until the last iteration is published, or cannot be."""
        with self._changed:
            self._changed.wait_for(self._is_resting)
            self._is_due = self._newest > self._done
            self._changed.notify_all()
            self._changed.wait_for(self._is_resting)

    def _is_resting(self) -> bool:
        return self._is_ending or not (self._is_due or self._is_at_work)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._is_at_work = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_due or self._is_ending)
                if self._is_ending:
                    return
                self._is_due, self._is_at_work = False, True
            self._publish_once()

    def _publish_once(self) -> None:
        try:
            published = self._publish(lambda: self._is_ending)
        except GanDesktopError as error:
            if not self._is_ending:
                self._tell_trouble(f"{error.title}: {error.message}")
        except Exception as error:
            logger.exception("Publishing")
            self._tell_trouble(f"A mistake in the program: {type(error).__name__}.")
        else:
            self._done, self._told_trouble = published.iteration, ""
            self._told.report(Notice(words_for(published)))

    def _tell_trouble(self, words: str) -> None:
        if words == self._told_trouble:
            logger.info("Still not published: %s", words)
            return
        self._told_trouble = words
        again = f"Every {self._push_interval} iterations it is tried again; the training goes on."
        self._told.report(Notice(f"The network could not be published. {words} {again}"))


def automatic_publishing(
    told: Reporter, coordinator: Address, run_id: int, hub: HuggingFaceSettings, token: str | None
) -> AutomaticPublishing | None:
    """What `huggingface` in config.yaml asks for; None: nothing.

    Args:
        token: The Hub's. Without one the trouble is told at the first iteration that is due.
    """
    if not hub.enabled:
        return None
    wish = Wish(hub.repo_id, run_id=run_id, is_private=None)

    # The newest that is kept, whatever its number: where iterations are short, the one that was due is gone.
    def publish_newest(should_cancel: Callable[[], bool]) -> Published:
        return publish(coordinator, wish, token, should_cancel=should_cancel)

    return AutomaticPublishing(told, publish_newest, hub.push_interval)
