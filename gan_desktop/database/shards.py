"""The instructor's side of the pictures: an imported data set is stored once, shard by shard."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gan_desktop.database.connection import Connection, binary
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import RunStatus, Shard, ShardFile


@dataclass(frozen=True)
class Dataset:
    """A stored set of pictures."""

    dataset_id: int
    name: str
    image_size: int
    num_images: int
    fingerprint: str


@dataclass(frozen=True)
class PicturesUse:
    """A training that learns, or has learned, from a data set."""

    dataset_id: int
    run_id: int
    name: str
    status: RunStatus


@dataclass(frozen=True)
class StoredPictures:
    """A data set with the room that it takes.

    Attributes:
        num_images: All pictures; `num_held_out` of them are kept for measuring.
        num_bytes: In the database; `num_bytes_elsewhere` lie on a web server.
        uses: Newest first.
    """

    dataset_id: int
    name: str
    image_size: int
    num_images: int
    created_at: datetime
    num_bytes: int
    num_bytes_elsewhere: int
    num_held_out: int
    uses: tuple[PicturesUse, ...] = ()


def choose_dataset(datasets: Sequence[Dataset], dataset_id: int | None) -> Dataset:
    """One of a class's data sets; None: the newest.

    Raises:
        GanDesktopError: There is none, or none of that number.
    """
    if not datasets:
        raise GanDesktopError(
            "The class has no pictures yet. Import some: gan-desktop class import.", title="No pictures"
        )
    for dataset in datasets:
        if dataset.dataset_id == dataset_id:
            return dataset
    if dataset_id is None:
        return datasets[-1]
    known = ", ".join(f"{dataset.dataset_id} ({dataset.name})" for dataset in datasets)
    raise GanDesktopError(
        f"The class has no data set number {dataset_id}. There are: {known}.", title="No such pictures"
    )


class ShardStore:
    """Stores and lists data sets, as the class's coordinator role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("pictures")

    def begin(self, name: str, image_size: int) -> int:
        """Open a new data set; returns its number. Shards follow one by one with `add`."""
        self._execute("drop_stale_datasets")
        [row] = self._query(
            "add_dataset", name=name, image_size=image_size, fingerprint=f"new:{uuid.uuid4()}"
        )
        return int(row.dataset_id)

    def add(self, dataset_id: int, position: int, shard: ShardFile, url: str | None = None) -> None:
        """Store one shard of an open data set; only its description where its bytes are at `url`."""
        with self._connection.transaction():
            [row] = self._query(
                "add_shard",
                dataset_id=dataset_id,
                position=position,
                num_images=shard.num_images,
                num_bytes=len(shard.data),
                sha256=shard.sha256,
                is_held_out=shard.is_held_out,
                url=url,
            )
            if url is None:
                self._connection.upload(
                    "gan.shard_payloads", {"shard_id": binary(row.shard_id, "int4"), "payload": shard.data}
                )

    def finish(self, dataset_id: int, fingerprint: str) -> int:
        """Close a data set. If the class has the very same pictures already, that set is returned: its bytes
        are from now on those of the new copy, wherever it keeps them."""
        known = self._query("find_dataset", fingerprint=fingerprint)
        if known:
            known_id = int(known[0].dataset_id)
            with self._connection.transaction():
                for statement in ("forget_payloads", "move_payloads", "move_urls"):
                    self._execute(statement, dataset_id=dataset_id, known_id=known_id)
                self.discard(dataset_id)
            return known_id
        self._execute("finish_dataset", dataset_id=dataset_id, fingerprint=fingerprint)
        return dataset_id

    def discard(self, dataset_id: int) -> None:
        """Drop a data set that was not finished (a cancelled import)."""
        self._execute("discard_dataset", dataset_id=dataset_id)

    def store(
        self,
        name: str,
        image_size: int,
        shards: Iterable[ShardFile],
        place: Callable[[ShardFile], str | None] = lambda shard: None,
    ) -> int:
        """Store all shards and return the open data set's number (`finish` it next).

        A failure on the way leaves nothing behind.

        Args:
            place: Puts a shard's bytes elsewhere and returns their address; None: into the database.
        """
        dataset_id = self.begin(name, image_size)
        try:
            for position, shard in enumerate(shards):
                self.add(dataset_id, position, shard, place(shard))
        except BaseException:
            self.discard(dataset_id)
            raise
        return dataset_id

    def get(self, dataset_id: int) -> Dataset:
        """A stored data set."""
        [row] = self._query("dataset", dataset_id=dataset_id)
        return Dataset(**row._asdict())

    def stored(self) -> tuple[StoredPictures, ...]:
        """All finished data sets, oldest first, with who learns from them."""
        uses = [
            PicturesUse(**{**row._asdict(), "status": RunStatus(row.status)}) for row in self._query("uses")
        ]
        return tuple(
            StoredPictures(
                **row._asdict(), uses=tuple(use for use in uses if use.dataset_id == row.dataset_id)
            )
            for row in self._query("stored")
        )

    def smallest_shard(self, dataset_id: int) -> Shard | None:
        """The file of a data set that is fetched soonest; None: there is no such set."""
        rows = self._query("smallest_shard", dataset_id=dataset_id)
        return Shard(**rows[0]._asdict()) if rows else None

    def delete(self, dataset_id: int) -> tuple[PicturesUse, ...] | None:
        """Delete a data set that no training needs any more.

        Returns:
            The trainings for which it was kept; none: it is gone. None: there is no such set.
        """
        with self._connection.transaction():
            if not self._query("lock_dataset", dataset_id=dataset_id):
                return None
            [held] = [each for each in self.stored() if each.dataset_id == dataset_id]
            if not held.uses:
                self._execute("forget_shards", dataset_id=dataset_id)
                self._execute("forget_dataset", dataset_id=dataset_id)
            return held.uses

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(self._sql[statement], parameters)

    def _execute(self, statement: str, **parameters: Any) -> int:
        return self._connection.execute(self._sql[statement], parameters)
