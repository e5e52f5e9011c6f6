"""When a coordinator's iterations are published, and what is told of it."""

from __future__ import annotations

import threading

from gan_desktop.class_admin.automatic_publishing import AutomaticPublishing
from gan_desktop.class_admin.publishing import Published
from gan_desktop.errors import GanDesktopError, PublishingFailed
from gan_desktop.records import IterationPublished, Notice
from tests.integration.programs import Recorder, wait_until


class ScriptedPublishing:
    """Publishes nothing, and says what the test wants."""

    def __init__(self) -> None:
        self.errors: list[GanDesktopError] = []
        self.calls = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def publish(self, should_cancel: object) -> Published:
        assert callable(should_cancel)
        self.calls += 1
        while not self.may_go_on.wait(0.01):
            if should_cancel():
                raise PublishingFailed("stopped", cause="cancelled")
        if self.errors:
            raise self.errors.pop(0)
        return Published("url", "teacher/faces", self.calls, 1, True)


def iteration(number: int) -> IterationPublished:
    return IterationPublished(number, 1, 64, None, None, None, None, None, 1.0)


def notices(recorder: Recorder) -> list[str]:
    return [notice.text for notice in recorder.of(Notice)]


def test_every_kth_iteration_is_published_and_the_last_one() -> None:
    scripted, recorder = ScriptedPublishing(), Recorder()
    publishing = AutomaticPublishing(recorder, scripted.publish, 3)

    def coordinate() -> bool:
        for number in range(8):
            publishing.report(iteration(number))
            wait_until(lambda number=number: scripted.calls == number // 3, f"after {number}")  # type: ignore[misc]
        return True

    assert publishing.around(coordinate)()
    assert scripted.calls == 3
    assert len(recorder.of(IterationPublished)) == 8


def test_a_trouble_is_told_once_until_it_was_over() -> None:
    scripted, recorder = ScriptedPublishing(), Recorder()
    publishing = AutomaticPublishing(recorder, scripted.publish, 1)
    away: list[GanDesktopError] = [
        PublishingFailed("The Hub is away.", cause="unreachable") for _ in range(4)
    ]
    scripted.errors = away[:3]

    def coordinate() -> bool:
        for number in range(1, 6):
            publishing.report(iteration(number))
            wait_until(lambda number=number: scripted.calls == number, f"try {number}")  # type: ignore[misc]
            if number == 4:
                wait_until(lambda: any("is published" in text for text in notices(recorder)), "success")
                scripted.errors = away[3:]
        return False

    assert not publishing.around(coordinate)()
    assert sum("The Hub is away" in text for text in notices(recorder)) == 2
    assert "the training goes on" in notices(recorder)[0]


def test_stopping_gives_up_what_is_under_way() -> None:
    scripted, recorder = ScriptedPublishing(), Recorder()
    scripted.may_go_on.clear()
    publishing = AutomaticPublishing(recorder, scripted.publish, 1)

    def coordinate() -> bool:
        publishing.report(iteration(1))
        wait_until(lambda: scripted.calls, "the publishing")
        return False

    assert not publishing.around(coordinate)()
    assert notices(recorder) == []
