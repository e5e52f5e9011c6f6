"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_desktop.files import write_whole


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only one program replace a file at a moment")
def test_many_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    texts = [bytes([number]) * 100_000 for number in range(24)]
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda text: write_whole(file, text), texts))
    assert file.read_bytes() in texts
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_secret_is_never_open_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("os.fsync", lambda descriptor: seen.append(os.fstat(descriptor).st_mode & 0o777))
    before = os.umask(0o022)
    try:
        for mode in (0o600, None, 0o644):
            write_whole(tmp_path / "file", b"secret", mode=mode)
            seen.append((tmp_path / "file").stat().st_mode & 0o777)
    finally:
        os.umask(before)
    assert seen == [0o600, 0o600, 0o644, 0o644, 0o600, 0o644]
