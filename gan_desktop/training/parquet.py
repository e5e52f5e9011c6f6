"""Pictures out of Parquet files, the tables in which the Hugging Face Hub likes to keep them.

Reading them needs pyarrow, which is large and otherwise not needed: the extra `parquet`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gan_desktop.errors import ImageSetError
from gan_desktop.training.images import SUFFIXES

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_ROWS = 64
_COLUMNS = ("image", "img", "images", "picture", "jpg", "png", "pixel_values")


def unpack_pictures(
    tables: Sequence[Path],
    target: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> None:
    """Copy the pictures of some tables, as they are, into a new zip: rows cannot be read one by one.

    Args:
        target: The zip; it has its name only when it is whole.
        on_progress: Called with the rows done and their total.

    Raises:
        ImageSetError: pyarrow is missing, no column holds pictures, a table is damaged, or cancelled.
        OSError: The zip cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:  # stored: pictures are compressed already
            for name, data in _pictures(tables, on_progress):
                if should_cancel():
                    raise ImageSetError("The import was cancelled. Nothing was kept.")
                archive.writestr(name, data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _pictures(tables: Sequence[Path], on_progress: Callable[[int, int], None]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each picture; a row without one is left out."""
    files = [_open(path) for path in tables]
    num_done, total = 0, sum(file.metadata.num_rows for file in files)
    for number, (path, file) in enumerate(zip(tables, files, strict=True)):
        column = _picture_column(file, path)
        for batch in file.iter_batches(batch_size=_ROWS, columns=[column]):
            for row in batch.column(0).to_pylist():
                picture = row if isinstance(row, dict) else {"bytes": row}
                if data := picture.get("bytes"):
                    suffix = PurePosixPath(picture.get("path") or "").suffix.lower()
                    yield f"{number:05}/{num_done:08}{suffix if suffix in SUFFIXES else '.jpg'}", data
                num_done += 1
            on_progress(num_done, total)


def _open(path: Path) -> pq.ParquetFile:
    try:
        import pyarrow
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImageSetError(
            "These pictures lie in Parquet files. To read them, install what is missing: pip install"
            ' "gan-desktop[parquet]". Or choose a data set that holds a zip or single pictures.'
        ) from error
    try:
        return pq.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ImageSetError(f"The Parquet file {path.name} is damaged: {error}") from error


def _picture_column(file: pq.ParquetFile, path: Path) -> str:
    """The first column of pictures: {bytes, path} as the Hub's libraries write it, or plain bytes."""
    import pyarrow.types as types

    columns = {column.name: column.type for column in file.schema_arrow}
    for name, kind in columns.items():
        if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return str(name)
    for name in _COLUMNS:
        if name in columns and (types.is_binary(columns[name]) or types.is_large_binary(columns[name])):
            return name
    raise ImageSetError(f"No column of {path.name} holds pictures. Its columns are: {', '.join(columns)}.")
