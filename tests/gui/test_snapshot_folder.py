"""What is kept of a class on the disk."""

from __future__ import annotations

from pathlib import Path

from gan_desktop.gui.snapshot import ClassSnapshot, SnapshotFolder
from gan_desktop.records import SampleDrawn


def test_what_arrives_after_a_class_was_left_is_not_written(tmp_path: Path) -> None:
    folder = SnapshotFolder.of(tmp_path, "vision/s_1")
    folder.keep_sample(1, SampleDrawn(3, b"faces"))
    assert folder.trainings() == (1,)
    folder.close()
    folder.save(ClassSnapshot())
    folder.keep_sample(2, SampleDrawn(3, b"faces"))
    assert folder.trainings() == (1,)
    assert not list(tmp_path.rglob("class.json"))
