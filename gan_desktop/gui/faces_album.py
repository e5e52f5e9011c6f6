"""The nine faces of an account as they were drawn from iteration to iteration, kept on the disk.

One small picture for each iteration, so that they are there offline and after the class has ended.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.files import write_whole
from gan_desktop.gui.studio import MY_COLUMNS, NUM_MY_FACES

if TYPE_CHECKING:
    from gan_desktop.training.picture_files import Pixels

logger = logging.getLogger(__name__)

# A set of 32x32 pixels takes some 15 kB.
MOST_KEPT = 400


class FacesAlbum:
    """One training's album. Not for the window's thread.

    Args:
        folder: `<iteration>.png` lie here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def iterations(self) -> tuple[int, ...]:
        """Those that are kept, in order."""
        names = (path.stem for path in self._folder.glob("*.png"))
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def keep(self, iteration: int, faces: Pixels) -> bytes:
        """Keep nine faces [9, S, S, 3]; returns their sheet, a PNG. A full disk is only logged."""
        from gan_desktop.training.picture_files import grid, png

        sheet = png(grid(faces, MY_COLUMNS))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / f"{iteration}.png", sheet)
            self._thin_out()
        except OSError as error:
            logger.warning("Faces of iteration %d could not be kept: %s", iteration, error)
        return sheet

    def sheet(self, iteration: int) -> bytes | None:
        """The nine faces of an iteration as one PNG; None: they are not here."""
        try:
            return (self._folder / f"{iteration}.png").read_bytes()
        except OSError:
            return None

    def _thin_out(self) -> None:
        """Of a very long training every second iteration goes, never the first or the newest."""
        kept = self.iterations()
        if len(kept) > MOST_KEPT:
            for iteration in kept[1:-1:2]:
                (self._folder / f"{iteration}.png").unlink(missing_ok=True)


def former_album(folder: Path, run_id: int) -> FacesAlbum | None:
    """The album of the newest other training that has drawn more than noise. Not for the window's thread.

    Args:
        folder: `<run_id>/<iteration>.png` lie here.
    """
    run_ids = (int(path.name) for path in folder.glob("*") if path.name.isdecimal())
    albums = (FacesAlbum(folder / str(other)) for other in sorted(run_ids, reverse=True) if other != run_id)
    return next((album for album in albums if any(album.iterations())), None)


def single_faces(sheet: bytes) -> tuple[bytes, ...]:
    """Cut a sheet into its nine faces, each a PNG; nothing where it is no picture."""
    from gan_desktop.training.picture_files import png

    return tuple(png(face) for face in _cut(sheet))


def presented(sheet: bytes) -> bytes | None:
    """A sheet to look at: each face enlarged by itself, thin lines between them; None: no picture."""
    import numpy as np
    from PIL import Image

    from gan_desktop.training.picture_files import grid, png, scale_to_look_at

    faces = _cut(sheet)
    if not faces:
        return None
    edge = len(faces[0]) * scale_to_look_at(len(faces[0]))
    large = [Image.fromarray(face).resize((edge, edge), Image.Resampling.LANCZOS) for face in faces]
    return png(grid(np.stack([np.asarray(face) for face in large]), MY_COLUMNS))


def _cut(sheet: bytes) -> list[Pixels]:
    import numpy as np
    from PIL import Image

    from gan_desktop.training.picture_files import GRID_GAP

    try:
        with Image.open(io.BytesIO(sheet)) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except OSError as error:
        logger.warning("A kept picture of faces cannot be read: %s", error)
        return []
    step = (pixels.shape[0] - GRID_GAP) // MY_COLUMNS
    edge = step - GRID_GAP
    places = (divmod(number, MY_COLUMNS) for number in range(NUM_MY_FACES))
    corners = [(GRID_GAP + row * step, GRID_GAP + column * step) for row, column in places]
    return [pixels[y : y + edge, x : x + edge] for y, x in corners]
