"""What the window knows of a class, kept on the disk: the pages show it also when the class is away."""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from gan_desktop.files import write_whole
from gan_desktop.records import (
    ClassEvent,
    ClassMessage,
    ClassTotals,
    Credit,
    HandedInUnit,
    LeaderboardRow,
    Progress,
    SampleDrawn,
    TrainingNow,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassSnapshot:
    """The class as it was last read. Parts that were never read are None or empty.

    Attributes:
        history: All iterations of `training`, in order.
        sample_iterations: Those of which the class has a grid of faces, in order.
        read_at: When the class last answered, by `time.time()`; None: never.
    """

    totals: ClassTotals | None = None
    training: TrainingNow | None = None
    credit: Credit | None = None
    units: tuple[HandedInUnit, ...] = ()
    leaderboard: tuple[LeaderboardRow, ...] = ()
    history: tuple[Progress, ...] = ()
    sample_iterations: tuple[int, ...] = ()
    events: tuple[ClassEvent, ...] = ()
    messages: tuple[ClassMessage, ...] = ()
    read_at: float | None = None


@dataclass(frozen=True)
class Average:
    """The moving average of the class's generator at one iteration, as it was published."""

    run_id: int
    iteration: int
    payload: bytes = field(repr=False)


class SnapshotFolder:
    """One class's folder: the snapshot, every grid of faces that was fetched, the newest generator.

    Not for the window's thread.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._is_closed = False

    @classmethod
    def of(cls, root: Path, account: str) -> SnapshotFolder:
        """The folder of one account, `database/user`, below `root`."""
        return cls(root / hashlib.sha256(account.encode()).hexdigest()[:12])

    def close(self) -> None:
        """Write nothing more from now on: who leaves a class wants nothing of it to come back."""
        with self._lock:
            self._is_closed = True

    def load(self) -> ClassSnapshot:
        """The last snapshot; an empty one where there is none, or a damaged one."""
        # Importing pydantic takes a moment that the window's first second does not have.
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(ClassSnapshot).validate_json((self.folder / "class.json").read_bytes())
        except FileNotFoundError:
            return ClassSnapshot()
        except (OSError, ValidationError) as error:
            logger.warning("The class as it was last seen could not be read: %s", error)
            return ClassSnapshot()

    def save(self, snapshot: ClassSnapshot) -> None:
        """Keep a snapshot; a full disk is only logged, for the class will be read again."""
        from pydantic import TypeAdapter

        self._write(self.folder / "class.json", TypeAdapter(ClassSnapshot).dump_json(snapshot))

    def sample(self, run_id: int, iteration: int) -> SampleDrawn | None:
        """A grid of faces that was fetched before."""
        try:
            return SampleDrawn(iteration, self._sample_path(run_id, iteration).read_bytes())
        except OSError:
            return None

    def keep_sample(self, run_id: int, sample: SampleDrawn) -> None:
        """Keep a grid of faces."""
        self._write(self._sample_path(run_id, sample.iteration), sample.png)

    def kept_samples(self, run_id: int) -> tuple[int, ...]:
        """The iterations whose grids are kept, in order."""
        names = (path.stem for path in (self.folder / "faces" / str(run_id)).glob("*.png"))
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def trainings(self) -> tuple[int, ...]:
        """The trainings of which grids are kept, by `run_id`, in order."""
        folders = (path.parent.name for path in (self.folder / "faces").glob("*/*.png"))
        return tuple(sorted({int(name) for name in folders if name.isdecimal()}))

    def average(self, run_id: int) -> Average | None:
        """The newest generator that was fetched."""
        kept = (self.folder / "generator" / str(run_id)).glob("*.safetensors")
        iterations = [int(path.stem) for path in kept if path.stem.isdecimal()]
        if not iterations:
            return None
        try:
            return Average(run_id, max(iterations), self._average_path(run_id, max(iterations)).read_bytes())
        except OSError as error:
            logger.warning("The class's generator could not be read: %s", error)
            return None

    def keep_average(self, average: Average) -> None:
        """Keep a generator instead of the one before."""
        path = self._average_path(average.run_id, average.iteration)
        if self._write(path, average.payload):
            for older in set(path.parent.glob("*.safetensors")) - {path}:
                older.unlink(missing_ok=True)

    def drop_average(self, run_id: int) -> None:
        """Forget the generator: its bytes turned out to be damaged."""
        for path in (self.folder / "generator" / str(run_id)).glob("*.safetensors"):
            path.unlink(missing_ok=True)

    def _average_path(self, run_id: int, iteration: int) -> Path:
        return self.folder / "generator" / str(run_id) / f"{iteration}.safetensors"

    def _sample_path(self, run_id: int, iteration: int) -> Path:
        return self.folder / "faces" / str(run_id) / f"{iteration}.png"

    def _write(self, path: Path, data: bytes) -> bool:
        """Write the whole file or leave what was there; False: it could not be written."""
        with self._lock:
            if self._is_closed:
                return False
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, data)
            except OSError as error:
                logger.warning("%s could not be written: %s", path, error)
                return False
        return True
