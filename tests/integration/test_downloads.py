"""What a worker fetches: weights and shards; always whole or refused."""

from __future__ import annotations

import hashlib

import pytest

from gan_desktop.database.downloads import Downloads
from gan_desktop.database.shards import ShardStore
from gan_desktop.errors import GanDesktopError, PayloadError
from gan_desktop.records import Shard, ShardFile
from tests.integration.classroom import Classroom, counted, finished, new_shard, weights


def test_a_worker_fetches_all_it_needs_with_its_own_login(classroom: Classroom) -> None:
    training = classroom.start_training([50, 37])
    worker = classroom.add_worker()
    downloads = Downloads(worker.connection)
    run = worker.queue.current_run()
    assert run is not None

    for kind in ("live", "ema"):
        assert downloads.newest_weights(run.run_id, kind) == weights(run.run_id, 0, kind)
    shards = downloads.shards(run.dataset_id)
    assert [shard.num_images for shard in shards] == [50, 37]
    unit = worker.claim([shards[1].shard_id])
    assert unit.ranges[0].shard_id == shards[1].shard_id
    assert downloads.shard(shards[1]) == new_shard(37).data
    worker.queue.submit(finished(unit))

    [update] = training.coordination.pending_updates()
    training.publish_next([counted(update.update_id)])
    assert downloads.newest_weights(run.run_id) == weights(run.run_id, 1, "live")


def test_weights_that_are_known_are_not_fetched_again(classroom: Classroom) -> None:
    training = classroom.start_training()
    downloads = Downloads(classroom.add_worker().connection)
    known = downloads.newest_weights(training.run_id)
    assert known is not None
    classroom.superuser.execute("UPDATE gan.model_weights SET payload = 'gone'")
    assert downloads.newest_weights(training.run_id, known=known) is known
    training.publish_next()
    newer = downloads.newest_weights(training.run_id, known=known)
    assert newer is not None
    assert newer.iteration == 1


def test_before_the_first_iteration_there_is_nothing(classroom: Classroom) -> None:
    downloads = Downloads(classroom.log_in(classroom.add_student()))
    assert downloads.newest_weights(1) is None
    assert downloads.shards(1) == ()


def test_damaged_bytes_are_refused(classroom: Classroom) -> None:
    training = classroom.start_training([50])
    downloads = Downloads(classroom.add_worker().connection)
    [shard] = downloads.shards(training.dataset_id)
    classroom.superuser.execute("UPDATE gan.model_weights SET payload = payload || 'x'")
    classroom.superuser.execute("UPDATE gan.shard_payloads SET payload = substr(payload, 2)")
    with pytest.raises(PayloadError, match="weights were damaged"):
        downloads.newest_weights(training.run_id)
    with pytest.raises(PayloadError, match=f"Shard {shard.shard_id} was damaged"):
        downloads.shard(shard)


def test_a_shard_without_bytes_is_named(classroom: Classroom) -> None:
    missing = Shard(99, 1, 10, 100, "00", is_held_out=False)
    with pytest.raises(PayloadError, match="no bytes for shard 99"):
        Downloads(classroom.log_in(classroom.add_student())).shard(missing)


def test_the_same_pictures_are_stored_once(classroom: Classroom) -> None:
    store = ShardStore(classroom.coordinator)
    first = store.finish(store.store("Faces", 32, [new_shard(50)]), "the same")
    second = store.finish(store.store("Faces again", 32, [new_shard(50)]), "the same")
    assert first == second
    assert store.get(first).num_images == 50
    assert len(classroom.superuser.query("SELECT 1 FROM gan.shard_payloads")) == 1


def test_an_import_that_fails_leaves_nothing_behind(classroom: Classroom) -> None:
    def shards() -> list[ShardFile]:
        return [new_shard(50), ShardFile(b"x", 0, hashlib.sha256(b"x").hexdigest(), False)]

    with pytest.raises(Exception, match="dataset_shards_num_images_check"):
        ShardStore(classroom.coordinator).store("Faces", 32, shards())
    for table in ("datasets", "dataset_shards", "shard_payloads"):
        assert classroom.superuser.query(f"SELECT 1 FROM gan.{table}") == []


def test_a_student_stores_no_pictures(classroom: Classroom) -> None:
    store = ShardStore(classroom.log_in(classroom.add_student()))
    with pytest.raises(GanDesktopError, match="permission denied"):
        store.begin("Mine", 32)
