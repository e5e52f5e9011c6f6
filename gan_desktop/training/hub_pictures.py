"""Pictures of the Hugging Face Hub: which files of a repository they are in, and how to get at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gan_desktop.errors import DownloadFailed, ImageSetError
from gan_desktop.training.images import MIN_IMAGES, SUFFIXES, FolderImages, PictureFiles, ZipImages, open_zips
from gan_desktop.training.parquet import unpack_pictures
from gan_desktop.web.hub import Hub, HubAddress, HubListing

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class HubPictures:
    """The files of a repository that hold its pictures.

    Attributes:
        kind: `pictures`, `zips` or `tables`.
        paths: In the repository.
    """

    listing: HubListing
    kind: str
    paths: tuple[str, ...]

    @property
    def num_bytes(self) -> int:
        """What is to be fetched, if nothing of it is here."""
        return sum(self.listing.files[path].num_bytes for path in self.paths)


def find_pictures(hub: Hub, address: HubAddress) -> HubPictures:
    """Look which files of a repository to fetch: single pictures if there are many, else zips, else tables.

    Raises:
        ImageSetError: There are no pictures, or several sets of tables to choose from.
        DownloadFailed: As `Hub.list_files`.
    """
    listing = hub.list_files(address)
    by_suffix = _by_kind(listing.files)
    pictures, zips, tables = by_suffix["pictures"], by_suffix["zips"], by_suffix["tables"]
    if len(pictures) >= MIN_IMAGES:
        return HubPictures(listing, "pictures", pictures)
    if zips:
        return HubPictures(listing, "zips", zips)
    if tables:
        _require_one_folder(address, tables)
        return HubPictures(listing, "tables", tables)
    raise ImageSetError(
        f"{address.repository} holds neither {MIN_IMAGES} pictures nor a zip or Parquet file"
        f"{f' in {address.path}' if address.path else ''}. See {address.page}."
    )


def open_pictures(
    hub: Hub,
    found: HubPictures,
    root: Path,
    on_download: OnProgress = lambda done, total: None,
    on_unpack: OnProgress = lambda done, total: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> PictureFiles:
    """Fetch what is not here yet, and open it.

    Args:
        root: Where downloads are kept; each commit of a repository has a folder of its own there.
        on_download: Called with bytes done and their total.
        on_unpack: Called with rows done and their total, where tables are unpacked.

    Raises:
        DownloadFailed: As `Hub.fetch`.
        ImageSetError: What was fetched holds no usable pictures, or cancelled.
    """
    address = found.listing.address
    folder = root / address.repository.replace("/", "--") / found.listing.commit[:16]
    files = hub.fetch(found.listing, found.paths, folder, on_download)
    name = address.repository.partition("/")[2]
    match found.kind:
        case "pictures":
            source: PictureFiles = FolderImages(folder / address.path)
        case "zips":
            source = open_zips(files, name)
        case _:
            source = _open_tables(files, folder / _zip_name(address), on_unpack, should_cancel)
    source.name = name
    return source


def _by_kind(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    kinds: dict[str, list[str]] = {"pictures": [], "zips": [], "tables": []}
    for path in sorted(paths):
        suffix = PurePosixPath(path).suffix.lower()
        kind = {".zip": "zips", ".parquet": "tables"}.get(suffix, "pictures" if suffix in SUFFIXES else "")
        if kind and not any(part.startswith(".") for part in PurePosixPath(path).parts):
            kinds[kind].append(path)
    return {kind: tuple(found) for kind, found in kinds.items()}


def _require_one_folder(address: HubAddress, tables: tuple[str, ...]) -> None:
    """Several folders of tables are versions of a data set (sizes, subsets), not parts of it."""
    folders = sorted({str(PurePosixPath(path).parent) for path in tables})
    if len(folders) > 1:
        raise ImageSetError(
            f"{address.repository} holds several sets of pictures. Name one:\n"
            + "\n".join(f"  hub:{address.repository}/{folder}" for folder in folders)
        )


def _zip_name(address: HubAddress) -> str:
    return f"{address.path.replace('/', '--') or 'all'}.unpacked.zip"


def _open_tables(
    tables: list[Path], target: Path, on_progress: OnProgress, should_cancel: Callable[[], bool]
) -> PictureFiles:
    if not target.exists():
        try:
            unpack_pictures(tables, target, on_progress, should_cancel)
        except OSError as error:
            raise DownloadFailed(
                f"The pictures cannot be unpacked into {target.parent} ({error.strerror}). Free some space"
                " and try again; what was downloaded is kept.",
                cause="disk",
            ) from error
    return ZipImages(target)
