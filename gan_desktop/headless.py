"""The front end without a window: runs a worker or a coordinator until it is done or Ctrl+C is pressed."""

from __future__ import annotations

from pathlib import Path

from gan_desktop.class_admin.automatic_publishing import automatic_publishing
from gan_desktop.console import CoordinatorConsole, LogOptions, open_console
from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.credentials import find_hub_token
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.errors import GanDesktopError
from gan_desktop.interrupts import run_with_signals
from gan_desktop.records import Notice, StopRequest
from gan_desktop.settings import DataSettings, HuggingFaceSettings
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.home import WorkerHome, account_of, workers_folder
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions


def _folders(chosen: Path | None, data: DataSettings) -> tuple[Path, Path]:
    """Where workers keep their identity and finished units, and where pictures are cached."""
    return workers_folder(chosen), (chosen or data.cache_place) / "shards"


def run_worker(
    address: Address,
    options: WorkerOptions,
    folder: Path | None,
    data: DataSettings,
    *,
    log: LogOptions | None = None,
    number: int | None = None,
) -> bool:
    """Contribute until the training is complete (True) or the person stops (False).

    Ctrl+C or SIGTERM once: finish the unit and hand it in. Twice: hand in what is done.

    Args:
        folder: Where identity, finished units and pictures are kept; None: in the user's own folders.
        number: Which of this login's workers on this computer this is; None: the first that does not run.
    """
    workers, shards = _folders(folder, data)
    common = {} if options.device is None else {"device": options.device}
    with open_console(log or LogOptions(), common) as console:
        console.say_starting()
        try:
            home = WorkerHome.open(workers, account_of(address), number)
            try:
                cache = ShardCache(shards, data.cache_limit_bytes, lambda text: console.report(Notice(text)))
                worker = Worker(address, home, cache, options, console)

                def stop(times: int) -> None:
                    if times == 1:
                        console.say_stopping()
                        worker.request_stop(StopRequest.FINISH_UNIT)
                    else:
                        if times == 2:
                            console.report(Notice("Handing in what is done and stopping."))
                        worker.request_stop(StopRequest.HAND_IN_NOW)

                return run_with_signals(worker.run, stop)
            finally:
                home.close()
        except GanDesktopError as error:
            console.say_failed(error)
            raise


def run_coordinator(
    address: Address,
    run_id: int | None,
    folder: Path | None,
    output: Path | None,
    data: DataSettings,
    hub: HuggingFaceSettings,
) -> bool:
    """Coordinate a training until it is complete (True) or the instructor stops it (False).

    Args:
        run_id: Which training; None: the one in progress, else the newest that was never started.
        output: Save every grid of faces in this folder, the last one as newest.png too.
        hub: Where the network is published, if it is.

    Raises:
        GanDesktopError: There is no training to coordinate.
    """
    with Connection(address, "gan-desktop coordinator") as connection:
        runs = Runs(connection)
        run_id = runs.unfinished() if run_id is None else runs.get(run_id).run_id
    if run_id is None:
        raise GanDesktopError(
            "The class has no training to run. Make one first: gan-desktop class new-run.",
            title="No training to run",
        )
    console = CoordinatorConsole(output=output)
    _, shards = _folders(folder, data)
    token = find_hub_token(hub) if hub.enabled else None
    publishing = automatic_publishing(console, address, run_id, hub, token)
    cache = ShardCache(shards, data.cache_limit_bytes)
    coordinator = Coordinator(address, run_id, cache, publishing or console)

    def stop(times: int) -> None:
        if times == 1:
            console.report(Notice("Stopping. The workers wait, and go on with the next start."))
        coordinator.stop()
        if publishing is not None:
            publishing.give_up()

    return run_with_signals(
        coordinator.run if publishing is None else publishing.around(coordinator.run), stop
    )
