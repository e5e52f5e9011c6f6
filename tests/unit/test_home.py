from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gan_desktop.errors import GanDesktopError
from gan_desktop.records import CheckFigures, UnitResult, Update
from gan_desktop.worker.home import MAX_WORKERS, WorkerHome


def update(unit_id: int, payload: bytes = b"\0some\nbytes\n") -> Update:
    result = UnitResult(160, 10, 2.5, 1.25, 0.5, 0.75, CheckFigures(1.5, 2.5, 3.5, 4.5, 16), 3.0, True)
    sha256 = hashlib.sha256(payload).hexdigest()
    return Update(unit_id, 1, 7, "51f4c871-6080-4245-8320-b4af954deb2a", "int8", payload, sha256, result)


def test_identity_survives_a_restart(tmp_path: Path) -> None:
    first = WorkerHome.open(tmp_path, "ana@class")
    device_id = first.device_id
    first.close()
    again = WorkerHome.open(tmp_path, "ana@class")
    assert again.device_id == device_id
    again.close()


def test_a_message_that_was_shown_is_remembered_over_a_restart(tmp_path: Path) -> None:
    first = WorkerHome.open(tmp_path, "ana@class")
    assert first.last_message == 0
    first.remember_message(7)
    first.close()
    again = WorkerHome.open(tmp_path, "ana@class")
    assert again.last_message == 7
    again.close()


def test_two_workers_at_once_have_two_identities(tmp_path: Path) -> None:
    homes = [WorkerHome.open(tmp_path, "ana@class") for _ in range(2)]
    assert len({home.device_id for home in homes}) == 2
    for home in homes:
        home.close()


def test_accounts_share_no_folder(tmp_path: Path) -> None:
    ana, ben = WorkerHome.open(tmp_path, "ana@class"), WorkerHome.open(tmp_path, "ben@class")
    assert ana.device_id != ben.device_id
    ana.close()
    ben.close()


def test_one_worker_too_many_is_told_so(tmp_path: Path) -> None:
    homes = [WorkerHome.open(tmp_path, "ana@class") for _ in range(MAX_WORKERS)]
    with pytest.raises(GanDesktopError, match="Stop one"):
        WorkerHome.open(tmp_path, "ana@class")
    for home in homes:
        home.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GanDesktopError, match=str(tmp_path / "file")):
        WorkerHome.open(tmp_path / "file", "ana@class")


def test_finished_updates_come_back_as_they_were(tmp_path: Path) -> None:
    home = WorkerHome.open(tmp_path, "ana@class")
    home.outbox.put(update(41))
    home.outbox.put(update(42, b"other"))
    home.close()
    again = WorkerHome.open(tmp_path, "ana@class")
    assert {u.unit_id: u for u in again.outbox.updates()} == {41: update(41), 42: update(42, b"other")}
    assert len(again.outbox) == 2
    again.outbox.remove(41)
    assert [u.unit_id for u in again.outbox.updates()] == [42]
    again.close()


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_a_damaged_update_is_dropped_not_sent(tmp_path: Path, keep: int) -> None:
    home = WorkerHome.open(tmp_path, "ana@class")
    home.outbox.put(update(41))
    [path] = (home.folder / "outbox").iterdir()
    path.write_bytes(path.read_bytes()[:keep])
    assert home.outbox.updates() == []
    assert not path.exists()
    home.close()
