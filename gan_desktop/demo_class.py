"""The class that a demo is held with: a server, an instructor's coordinator, students' logins.

For both front ends: the console runs all its workers as processes, the window is one of the workers itself.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from gan_desktop.class_admin.login import make_class
from gan_desktop.class_admin.people import add_student
from gan_desktop.class_admin.pictures import import_pictures
from gan_desktop.class_admin.trainings import create_run
from gan_desktop.database.address import Address
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.demo_guard import SERVER_FOLDER
from gan_desktop.own_process import own_program, own_session
from gan_desktop.records import RunConfig
from gan_desktop.training.images import ImageSource, open_source

NUM_DRAWN_FACES = 6_000
# Some ten minutes of two processor cores.
DEFAULT_ITERATIONS = 40
# Short rounds, so that there is something new to see every few seconds.
CONFIG = RunConfig(
    unit_seconds=12.0,
    first_unit_images=512,
    min_unit_images=128,
    max_unit_images=8_192,
    lease_seconds=30.0,
    evaluate_every=5,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoOptions:
    """What one may choose.

    Attributes:
        num_iterations: None: some ten minutes' worth.
        data: A folder or zip of pictures; None: drawn faces.
        output: Where the results go; None: a new folder gan-desktop-demo in the current one.
        num_workers: Computers (and students) of the class.
    """

    num_iterations: int | None = None
    data: Path | None = None
    output: Path | None = None
    num_workers: int = 1


@dataclass(frozen=True)
class DemoClass:
    """The class as it was made: its run and its people's ways in."""

    run_id: int
    config: RunConfig
    coordinator: Address
    students: tuple[Address, ...]


def open_demo_pictures(options: DemoOptions) -> AbstractContextManager[ImageSource]:
    """The pictures that the demo class learns from.

    Raises:
        ImageSetError: They cannot be used.
    """
    return open_source(options.data, NUM_DRAWN_FACES)


class DemoStage:
    """The demo's working folder and processes. A guard (see demo_guard) removes them in every case.

    Attributes:
        folder: Removed at the end.
        processes: Those of the class, in the order of their start.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gan-desktop-demo-"))
        # When we are root PostgreSQL runs as somebody else, who has to pass through.
        self.folder.chmod(0o711)
        self.processes: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            own_program(f"--guard={self.folder}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl+C and the end of the terminal are for the demo, which then ends its processes itself.
            **own_session(has_console=False),
        )

    def end(self) -> bool:
        """End and remove everything; True: something may be left in the folder."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        for process in (*self.processes, self._guard):
            process.wait()
        return self._guard.returncode != 0

    def make_class(
        self,
        source: ImageSource,
        options: DemoOptions,
        say: Say,
        should_cancel: Callable[[], bool] = lambda: False,
    ) -> DemoClass:
        """Start the server, make the class, its pictures, its run and its students.

        Raises:
            ImageSetError: The pictures cannot be used, or it was cancelled.
            EmbeddedServerError: The server does not start.
        """
        say("Starting the class's database on this computer ...")
        server = EmbeddedPostgres(
            self.folder / SERVER_FOLDER,
            max_connections=3 * options.num_workers + 20,
            # The class ends with the demo: nothing of it has to survive a power cut.
            settings={"fsync": "off"},
        )
        return _make_class(create_database(server.start(), "demo"), source, options, say, should_cancel)

    def start_coordinator(self, demo: DemoClass, log: Path, *options: str) -> None:
        """Start the class's main computer, a process of its own."""
        self._start(demo.coordinator, ["--admin", f"--run={demo.run_id}", *options], log)

    def start_worker(self, student: Address, number: int, num_threads: int, log: Path) -> None:
        """Start a student's computer, a process of its own."""
        self._start(student, [f"--name=Computer {number}", f"--threads={num_threads}", "--no-limits"], log)

    def _start(self, address: Address, options: Sequence[str], log: Path) -> None:
        """Start this program as somebody of the class; the password goes by the environment."""
        config = self.folder / "config.yaml"
        config.write_text("# The demo tells its processes everything by their environment.\n", "utf-8")
        with log.open("wb") as file:
            process = subprocess.Popen(
                own_program("--no-gui", f"--config={config}", f"--folder={self.folder}", *options),
                env=_environment(address, self.folder),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                **own_session(has_console=False),
            )
        self.processes.append(process)
        assert self._guard.stdin is not None
        self._guard.stdin.write(b"%d\n" % process.pid)
        self._guard.stdin.flush()


def _environment(address: Address, folder: Path) -> Mapping[str, str]:
    """Ours without the person's own class, and with the demo's."""
    foreign = ("GAN_DESKTOP_", "PG")
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)},
        # PyTorch leaves folders among the temporary files.
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
        "PGPASSWORD": address.password or "",
        "GAN_DESKTOP_DATABASE__HOST": address.host,
        "GAN_DESKTOP_DATABASE__PORT": str(address.port),
        "GAN_DESKTOP_DATABASE__DATABASE": address.dbname,
        "GAN_DESKTOP_DATABASE__USER": address.user,
        "GAN_DESKTOP_WORKER__POLL_INTERVAL": "1",
        "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "2",
    }


def _make_class(
    administrator: Address,
    source: ImageSource,
    options: DemoOptions,
    say: Say,
    should_cancel: Callable[[], bool],
) -> DemoClass:
    """Make the class, its pictures, its run and its students."""
    coordinator = make_class(administrator, "Demo")
    config = replace(CONFIG, target_iterations=options.num_iterations or DEFAULT_ITERATIONS)
    what = f"{len(source):,} pictures ({source.name})" if options.data else source.name
    say(f"Preparing {what} ...")
    dataset_id, summary = import_pictures(
        coordinator,
        source,
        config.image_size,
        seed=config.seed,
        on_progress=_teller(say),
        should_cancel=should_cancel,
    )
    for name, reason in summary.skipped[:5]:
        say(f"  skipped {name}: {reason}")
    if summary.num_skipped > 5:
        say(f"  and {summary.num_skipped - 5} more skipped")
    return DemoClass(
        run_id=create_run(coordinator, "Demo", config, dataset_id),
        config=config,
        coordinator=coordinator,
        students=tuple(
            add_student(coordinator, f"Student {number}") for number in range(1, options.num_workers + 1)
        ),
    )


def _teller(say: Say) -> Callable[[int, int], None]:
    """Tells three times how far a long import is."""
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        quarter = 4 * done // total
        if total >= 2_000 and told < quarter < 4:
            told = quarter
            say(f"  {done:,} done")

    return tell
