"""What the class trains: new trainings, and their course."""

from __future__ import annotations

import dataclasses
import getpass
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.coordination import Runs
from gan_desktop.database.notices import Notices
from gan_desktop.database.shards import choose_dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import Run, RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.training.checkpoint_file import Checkpoint

# What may change in mid-training: how the work is shared out, merged, coded, kept and looked at. The network,
# its steps and their seeds may not: updates in work, Adam's moments and stored weights depend on them.
CHANGEABLE = (
    "target_iterations",
    "unit_seconds",
    "first_unit_images",
    "min_unit_images",
    "max_unit_images",
    "lease_seconds",
    "quorum",
    "quorum_share",
    "grace_share",
    "max_staleness",
    "outer_rate",
    "ema_half_life_images",
    "codec_down",
    "codec_up",
    "checkpoint_every",
    "sample_every",
    "evaluate_every",
    "audit_share",
)


@dataclass(frozen=True)
class Change:
    """A field of a training's configuration, as it was and as it is now."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.name} {self.old} -> {self.new}"


def create_run(
    coordinator: Address,
    name: str,
    config: RunConfig,
    dataset_id: int | None = None,
    start: Checkpoint | None = None,
) -> int:
    """Write a new training down; it begins when a coordinator takes it up.

    Args:
        dataset_id: What it learns from; None: the newest data set.
        start: Begin with these weights, as iteration 0 (see `checkpoints.load_checkpoint`); None: with
            ones that have learned nothing.

    Raises:
        SettingsError: The configuration does not fit the pictures, or the weights.
        GanDesktopError: There are no such pictures, or the name cannot be used.
    """
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise GanDesktopError(
            "A training's name has 1 to 80 characters on one line. Choose another name.", title="Not a name"
        )
    first_state = None if start is None else _first_state(start, config)
    with log_in(coordinator) as connection:
        dataset = choose_dataset(Statistics(connection).datasets(), dataset_id)
        if dataset.image_size != config.image_size:
            raise SettingsError(
                f"training.image_size is {config.image_size}, but the pictures of data set"
                f" {dataset.dataset_id} have {dataset.image_size} pixels. Write {dataset.image_size}, or"
                f" import them again with --size {config.image_size}."
            )
        runs = Runs(connection)
        if (known := runs.named(name)) is not None:
            raise GanDesktopError(
                f'Training {known} is called "{name}" already. Choose another name.', title="A name twice"
            )
        return runs.create(name, dataset.dataset_id, config, _max_update_bytes(config), first_state)


def run_to_steer(coordinator: Address, run_id: int | None = None) -> Run:
    """The training that a command means.

    Args:
        run_id: Which; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is none.
    """
    with log_in(coordinator) as connection:
        return _run_to_steer(Runs(connection), run_id)


def steer_run(coordinator: Address, status: RunStatus, run_id: int | None = None) -> int:
    """Start, pause, resume or finish a training; returns its number.

    Args:
        run_id: Which; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is none, or it cannot become that from what it is now.
    """
    with log_in(coordinator) as connection:
        runs = Runs(connection)
        run = _run_to_steer(runs, run_id)
        if not runs.set_status(run.run_id, status):
            raise GanDesktopError(_why_not(run.status, status, run.run_id), title="Not possible now")
        if run.status is not status:
            words = f'Training {run.run_id}, "{run.name}", {what_happened(run.status, status)}.'
            Notices(connection).add_event(status.value, words, run_id=run.run_id)
        return run.run_id


def what_happened(before: RunStatus, after: RunStatus) -> str:
    """What a training did, as the end of a sentence."""
    if after is RunStatus.RUNNING:
        known = {RunStatus.CREATED: "has begun", RunStatus.PAUSED: "goes on"}
        return known.get(before, "is running already")
    return "is paused" if after is RunStatus.PAUSED else "was ended"


def find_run(coordinator: Address, run_id: int) -> Run:
    """A training with its configuration.

    Raises:
        GanDesktopError: There is none of this number.
    """
    with log_in(coordinator) as connection:
        return Runs(connection).get(run_id)


def change_run(coordinator: Address, run_id: int, **changes: Any) -> tuple[Change, ...]:
    """Change some of a training's configuration while it goes on; returns what is different now.

    Nobody has to start anew: the class cuts the next units by it, its coordinator reads it before each
    round, workers with their next unit. An event tells who changed what.

    Args:
        changes: Fields of `RunConfig` that are in `CHANGEABLE`.

    Raises:
        SettingsError: A field cannot change, or its value is none; then nothing has changed.
        GanDesktopError: There is no such training, or it is complete.
    """
    _require_changeable(changes)
    with log_in(coordinator) as connection, connection.transaction():
        runs = Runs(connection)
        run = runs.lock(run_id)
        config = _changed(run, changes)
        made = tuple(
            Change(name, old, new)
            for name in changes
            if (old := getattr(run.config, name)) != (new := getattr(config, name))
        )
        if made:
            max_bytes = _max_update_bytes(config) if config.codec_up != run.config.codec_up else 0
            runs.change_config(run_id, {change.name: change.new for change in made}, max_bytes)
            words = ", ".join(map(str, made))
            Notices(connection).add_event(
                "changed", f'Training {run_id}, "{run.name}": {words}. Changed by {_who()}.', run_id=run_id
            )
    return made


def delete_run(coordinator: Address, run_id: int) -> None:
    """Delete a training's weights, faces and curves for good; its students keep their credit.

    Raises:
        GanDesktopError: There is no such training, or it is not over.
    """
    with log_in(coordinator) as connection:
        runs = Runs(connection)
        run = runs.get(run_id)
        require_over(run)
        if not runs.delete(run_id):
            raise GanDesktopError(
                f'Training {run_id}, "{run.name}", was just ended, and its coordinator still credits the last'
                " units. Try again in a minute.",
                title="Not deleted",
            )


def require_over(run: Run) -> None:
    """Pass only with a training that may be deleted.

    Raises:
        GanDesktopError: It is in progress.
    """
    if run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
        raise GanDesktopError(
            f'Training {run.run_id}, "{run.name}", is in progress. End it first: gan-desktop class finish'
            f" --run {run.run_id}",
            title="Not deleted",
        )


def _max_update_bytes(config: RunConfig) -> int:
    from gan_desktop.training.networks import tensor_shapes
    from gan_desktop.training.payload import max_payload_bytes

    return max_payload_bytes(tensor_shapes(config), config.codec_up)


def _require_changeable(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in CHANGEABLE:
            known = {field.name for field in dataclasses.fields(RunConfig)}
            why = (
                "stays as it was when the training began" if name in known else "is no setting of a training"
            )
            raise SettingsError(f"{name} {why}. What may change: {', '.join(CHANGEABLE)}.")
        wanted = type(getattr(RunConfig(), name))
        is_fitting = type(value) is wanted or (wanted is float and type(value) is int)
        if not is_fitting:
            kind = {int: "a whole number", float: "a number"}.get(wanted, "fp32, fp16 or int8")
            raise SettingsError(f"{name} is {value!r}. Write {kind}.")


def _changed(run: Run, changes: Mapping[str, Any]) -> RunConfig:
    """The configuration with the changes, if it makes sense where the training stands now."""
    if run.status is RunStatus.COMPLETE:
        raise GanDesktopError(
            f'Training {run.run_id}, "{run.name}", is complete: nothing of it can change any more.',
            title="Not possible now",
        )
    config = dataclasses.replace(run.config, **changes)
    if "target_iterations" in changes and config.target_iterations <= run.iteration:
        raise SettingsError(
            f"target_iterations is {config.target_iterations}, but the training is at iteration"
            f" {run.iteration}. Write {run.iteration + 1} or more; to end it now, finish it."
        )
    return config


def _who() -> str:
    """The person at this computer, for the instructor's own record."""
    try:
        return f"{getpass.getuser()} at {platform.node()}"
    except (KeyError, OSError):  # an account without a name, as in containers
        return platform.node()


def _run_to_steer(runs: Runs, run_id: int | None) -> Run:
    if run_id is None:
        run_id = runs.unfinished()
    if run_id is None:
        raise GanDesktopError(
            "The class has no training in progress, and none that could begin. Make one:"
            " gan-desktop class new-run NAME",
            title="No training",
        )
    return runs.get(run_id)


def _first_state(start: Checkpoint, config: RunConfig) -> bytes:
    from gan_desktop.training.networks import network_fingerprint
    from gan_desktop.training.outer import OuterState

    known = start.info.config
    if network_fingerprint(known) != network_fingerprint(config):
        wanted = ", ".join(
            f"{key}: {getattr(known, key)}"
            for key in ("network", "image_size", "latent_size", "feature_maps")
            if getattr(known, key) != getattr(config, key)
        )
        raise SettingsError(
            "These weights are of another network than the one that config.yaml describes. Write into its"
            f" training section: {wanted or 'what their training had'}.",
            title="Weights of another network",
        )
    return OuterState.from_weights(dict(start.weights), dict(start.ema), config).to_bytes()


def _why_not(now: RunStatus, wanted: RunStatus, run_id: int) -> str:
    if now is RunStatus.COMPLETE:
        return f"Training {run_id} is complete. Make a new one: gan-desktop class new-run."
    if wanted is RunStatus.PAUSED:
        return f"Training {run_id} has not started yet. Begin it: gan-desktop class start"
    return "Another training is in progress, and a class trains one network at a time. Finish it first."
