"""What the class learns from: where pictures come from, a look at them, the import, and what is stored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.shards import Dataset, ShardStore, StoredPictures, choose_dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, PayloadError
from gan_desktop.records import ShardFile
from gan_desktop.web.answers import require_safe
from gan_desktop.web.hub import HUB, Hub, HubAddress

if TYPE_CHECKING:
    from gan_desktop.training.images import ImageSource
    from gan_desktop.training.preview import Preview
    from gan_desktop.training.shards import ImportSummary

OnProgress = Callable[[int, int], None]


def _ignore(done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class HubAccess:
    """How to get at the Hugging Face Hub.

    Attributes:
        downloads: The folder where what was fetched is kept.
        token: For private and gated data sets.
        endpoint: The Hub, or a mirror of it.
    """

    downloads: Path
    token: str | None = field(default=None, repr=False)
    endpoint: str = HUB


@dataclass(frozen=True)
class HubProgress:
    """Told while pictures come from the Hub.

    Attributes:
        on_found: Called once, with the number of files and their bytes.
        on_download: Called with the bytes that are here and their total, from several threads.
        on_unpack: Called with the rows done and their total, where the pictures lie in tables.
    """

    on_found: Callable[[int, int], None] = _ignore
    on_download: OnProgress = _ignore
    on_unpack: OnProgress = _ignore


@dataclass(frozen=True)
class WebPlace:
    """Shards as files for any web server: written into `folder`, to be found below `url`."""

    folder: Path
    url: str


def open_pictures(
    place: str,
    access: HubAccess,
    progress: HubProgress = HubProgress(),
    should_cancel: Callable[[], bool] = lambda: False,
) -> ImageSource:
    """Open a folder, a zip, or a data set of the Hub (`hub:OWNER/NAME`), which is downloaded first.

    Raises:
        ImageSetError: There are no pictures.
        DownloadFailed: The Hub does not give them; or cancelled. What has arrived is kept for the next time.
    """
    from gan_desktop.training import hub_pictures
    from gan_desktop.training.images import open_source

    address = HubAddress.parse(place)
    if address is None:
        return open_source(Path(place))
    hub = Hub(access.endpoint, token=access.token, should_cancel=should_cancel)
    found = hub_pictures.find_pictures(hub, address)
    progress.on_found(len(found.paths), found.num_bytes)
    return hub_pictures.open_pictures(
        hub, found, access.downloads, progress.on_download, progress.on_unpack, should_cancel
    )


def preview(source: ImageSource, image_size: int, count: int = 48) -> Preview:
    """Some pictures as the networks would see them, and what an import of all would take."""
    from gan_desktop.training.preview import look_at

    return look_at(source, image_size, count)


def import_pictures(
    coordinator: Address,
    source: ImageSource,
    image_size: int,
    *,
    seed: int | None = None,
    web: WebPlace | None = None,
    on_progress: OnProgress = _ignore,
    should_cancel: Callable[[], bool] = lambda: False,
) -> tuple[int, ImportSummary]:
    """Store pictures as a data set; returns its number and what became of the pictures.

    Args:
        image_size: Edge of the square pictures, pixels.
        seed: Decides which picture lands in which shard. None: the usual one, so that students who have
            the same pictures can make the same shards.
        web: Where the shards to learn from go; None: into the database, as the held-out ones always do.
        on_progress: Called with the pictures done and their total.

    Raises:
        ImageSetError: Too few usable pictures, or cancelled; nothing is kept then.
        DownloadFailed: The address of `web` cannot be one.
        GanDesktopError: Its folder cannot be written.
    """
    from gan_desktop.training import celeba
    from gan_desktop.training.shards import IMPORT_SEED, ImageImport

    pictures = ImageImport(
        source, image_size, IMPORT_SEED if seed is None else seed, on_progress, should_cancel
    )
    name = celeba.NAME if celeba.is_celeba(source) else source.name
    files = _ShardFiles(web) if web is not None else None
    with log_in(coordinator) as connection:
        store = ShardStore(connection)
        try:
            dataset_id = store.store(name, image_size, pictures, files.place if files else lambda shard: None)
        except BaseException:
            if files is not None:
                files.discard()
            raise
        return store.finish(dataset_id, pictures.summary.fingerprint), pictures.summary


def stored_pictures(coordinator: Address) -> tuple[StoredPictures, ...]:
    """All data sets of the class, oldest first: what they take, and which trainings learn from them."""
    with log_in(coordinator) as connection:
        return ShardStore(connection).stored()


def delete_pictures(coordinator: Address, dataset_id: int) -> None:
    """Delete a data set for good.

    Raises:
        GanDesktopError: There is none of this number, or a training needs it.
    """
    with log_in(coordinator) as connection:
        uses = ShardStore(connection).delete(dataset_id)
    if uses is None:
        raise GanDesktopError(f"The class has no data set number {dataset_id}.", title="No such pictures")
    if uses:
        names = ", ".join(f'{use.run_id}, "{use.name}"' for use in uses)
        raise GanDesktopError(
            f"These pictures are needed by training {names}. Delete it first: its students keep their"
            " credit.",
            title="Not deleted",
        )


def look_at_stored(coordinator: Address, dataset_id: int, count: int = 48) -> tuple[bytes, ...]:
    """Some stored pictures, each a PNG, out of the smallest file that they are kept in.

    Raises:
        GanDesktopError: There is no such data set.
        PayloadError: The file cannot be had.
    """
    from gan_desktop.training.preview import as_png
    from gan_desktop.training.shards import read_shard

    with log_in(coordinator) as connection:
        shard = ShardStore(connection).smallest_shard(dataset_id)
        if shard is None:
            raise GanDesktopError(f"The class has no data set number {dataset_id}.", title="No such pictures")
        pixels = read_shard(Downloads(connection).shard(shard), shard.sha256)[:count]
    return tuple(as_png(picture) for picture in pixels.permute(0, 2, 3, 1).numpy())


@dataclass(frozen=True)
class PicturesCheck:
    """What a check of a data set found: a sentence for each shard that cannot be had."""

    dataset: Dataset
    num_shards: int
    problems: tuple[str, ...]


def check_pictures(
    coordinator: Address, dataset_id: int | None = None, on_progress: OnProgress = _ignore
) -> PicturesCheck:
    """Fetch every shard as a worker would, from the database or the web, and compare its checksum.

    Args:
        dataset_id: None: the newest.
        on_progress: Called with the shards done and their total.

    Raises:
        GanDesktopError: There is no such data set.
    """
    with log_in(coordinator) as connection:
        dataset = choose_dataset(Statistics(connection).datasets(), dataset_id)
        downloads = Downloads(connection)
        shards = downloads.shards(dataset.dataset_id)
        problems = []
        for number, shard in enumerate(shards, start=1):
            try:
                downloads.shard(shard)
            except PayloadError as error:
                problems.append(error.message)
            on_progress(number, len(shards))
        return PicturesCheck(dataset, len(shards), tuple(problems))


class _ShardFiles:
    """Writes the shards to learn from as files, each named after its checksum."""

    def __init__(self, web: WebPlace) -> None:
        self._web = web
        self._url = web.url.rstrip("/")
        self._written: list[Path] = []
        require_safe(self._url)

    def place(self, shard: ShardFile) -> str | None:
        """Write a shard and return its address; None for held-out ones, which students must not fetch."""
        if shard.is_held_out:
            return None
        path = self._web.folder / f"{shard.sha256}.tar"
        try:
            self._web.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                self._written.append(path)
            path.write_bytes(shard.data)
        except OSError as error:
            raise GanDesktopError(
                f"{path} cannot be written: {error.strerror}. Free some space or choose another folder.",
                title="No place for the pictures",
            ) from error
        return f"{self._url}/{path.name}"

    def discard(self) -> None:
        """Remove what was written: the import did not come to its end."""
        for path in self._written:
            with suppress(OSError):
                path.unlink(missing_ok=True)
