"""What the class learns from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.connection import Address
from gan_desktop.database.shards import ShardStore

if TYPE_CHECKING:
    from gan_desktop.training.images import ImageSource
    from gan_desktop.training.shards import ImportSummary


def import_pictures(
    coordinator: Address,
    source: ImageSource,
    image_size: int,
    *,
    seed: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> tuple[int, ImportSummary]:
    """Store pictures as a data set; returns its number and what became of the pictures.

    Args:
        image_size: Edge of the square pictures, pixels.
        seed: Decides which picture lands in which shard.
        on_progress: Called with the pictures done and their total.

    Raises:
        ImageSetError: Too few usable pictures, or cancelled; nothing is kept then.
    """
    from gan_desktop.training.shards import ImageImport

    pictures = ImageImport(source, image_size, seed, on_progress, should_cancel)
    with log_in(coordinator) as connection:
        store = ShardStore(connection)
        dataset_id = store.store(source.name, image_size, pictures)
        return store.finish(dataset_id, pictures.summary.fingerprint), pictures.summary
