"""The worker's side of the queue: join, claim, give back, sign of life, hand in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_desktop import __version__
from gan_desktop.database.connection import Connection, binary
from gan_desktop.database.queries import load_queries
from gan_desktop.records import Hardware, Run, RunConfig, RunStatus, ShardRange, Update, WorkerState, WorkUnit

CHANNEL = "gan_desktop"

# The columns of the view `submissions` with the type of each, in the order they are sent.
_SUBMISSION = {
    "unit_id": "int8",
    "lease_token": "uuid",
    "iteration": "int4",
    "codec": "text",
    "sha256": "bytea",
    "payload": "bytea",
    "num_images": "int4",
    "num_steps": "int4",
    "loss_g": "float8",
    "loss_d": "float8",
    "d_real": "float8",
    "d_fake": "float8",
    "check_loss_d": "float8",
    "check_loss_g": "float8",
    "check_norm_d": "float8",
    "check_norm_g": "float8",
    "check_num_images": "int4",
    "compute_seconds": "float8",
    "stopped_early": "bool",
}


@dataclass(frozen=True)
class Claim:
    """The answer to "is there work?": a unit, or the state the worker has to wait in."""

    unit: WorkUnit | None
    waiting: WorkerState | None


@dataclass(frozen=True)
class Directives:
    """What a heartbeat brings back.

    Attributes:
        run_id, run_status, iteration: The class's training now; None: there is none yet.
        coordinator_silent_s: Seconds since the coordinator's own last sign of life.
        lost_units: Units of ours whose lease is gone.
        messages: The instructor's, of the last hour, which we have not read: number and text, in order.
    """

    run_id: int | None
    run_status: RunStatus | None
    iteration: int
    coordinator_silent_s: float | None
    lost_units: tuple[int, ...]
    is_on_hold: bool
    messages: tuple[tuple[int, str], ...] = ()


_WAITING = {
    "no_training": WorkerState.WAITING_NO_TRAINING,
    "paused": WorkerState.WAITING_PAUSED,
    "complete": WorkerState.COMPLETE,
    "coordinator_away": WorkerState.WAITING_COORDINATOR_AWAY,
    "on_hold": WorkerState.WAITING_ON_HOLD,
    "none_free": WorkerState.WAITING_NONE_FREE,
}


class WorkQueue:
    """The five calls a worker may make, over one connection.

    Args:
        session_id: A UUID made new at each start of the program.
    """

    def __init__(self, connection: Connection, session_id: str) -> None:
        self._connection = connection
        self._session_id = session_id
        self._sql = load_queries("worker")

    def register(self, device_id: str, name: str, hardware: Hardware) -> str:
        """Tell the class of this device; returns the worker's id, the same at every start.

        Raises:
            Refused: No account (GD001), a bad name (GD002), too many computers (GD003), or another
                computer works with the same device id (GD004).
        """
        [row] = self._connection.query(
            self._sql["register"],
            {
                "device_id": device_id,
                "session_id": self._session_id,
                "name": name,
                "hostname": hardware.hostname,
                "gpu_name": hardware.gpu_name,
                "cpu_cores": hardware.cpu_cores,
                "ram_gb": hardware.ram_gb,
                "gpu_vram_gb": hardware.gpu_vram_gb,
                "program_version": __version__,
            },
        )
        return str(row.worker_id)

    def claim(self, worker_id: str, cached_shards: Sequence[int]) -> Claim:
        """Ask for the next unit; shards that lie on this computer's disk come first.

        Raises:
            Refused: A newer start took this worker's place (GD005).
        """
        [row] = self._connection.query(
            self._sql["claim"],
            {"worker_id": worker_id, "session_id": self._session_id, "cached_shards": list(cached_shards)},
        )
        if row.outcome != "unit":
            return Claim(unit=None, waiting=_WAITING[row.outcome])
        return Claim(unit=_work_unit(row), waiting=None)

    def release(self, unit: WorkUnit) -> bool:
        """Give a unit back untouched; False: it was not ours any more."""
        [row] = self._connection.query(
            self._sql["release"], {"unit_id": unit.unit_id, "lease_token": unit.lease_token}
        )
        return bool(row.was_mine)

    def submit(self, update: Update) -> None:
        """Hand in an update. Doing so twice changes nothing.

        Raises:
            LeaseLost: The unit went to another computer.
            Refused: The bytes or the figures were not accepted (GD011, GD012, GD013).
        """
        values = _submission_values(update)
        self._connection.upload(
            "submissions", {name: binary(values[name], kind) for name, kind in _SUBMISSION.items()}
        )

    def heartbeat(
        self,
        worker_id: str,
        state: WorkerState,
        detail: Mapping[str, Any],
        unit_ids: Sequence[int],
        images_done: int,
        error: str | None,
        readings: Mapping[str, float] | None = None,
        last_message: int = 0,
    ) -> Directives:
        """Keep the leases of `unit_ids` (the one in work first) and hear what is new.

        Args:
            readings: How busy the computer is (records.Readings), where that is known.
            last_message: Number of the newest message that was read.
        """
        [row] = self._connection.query(
            self._sql["heartbeat"],
            {
                "worker_id": worker_id,
                "session_id": self._session_id,
                "state": state.value,
                "detail": json.dumps(dict(detail)),
                "unit_ids": list(unit_ids),
                "images_done": images_done,
                "error": error,
                "readings": json.dumps(dict(readings or {})),
                "last_message": last_message,
            },
        )
        return Directives(
            run_id=row.run_id,
            run_status=None if row.run_status is None else RunStatus(row.run_status),
            iteration=-1 if row.iteration is None else row.iteration,
            coordinator_silent_s=row.coordinator_silent_seconds,
            lost_units=tuple(row.lost_units),
            is_on_hold=row.is_on_hold,
            messages=tuple(zip(row.message_ids, row.messages, strict=True)),
        )

    def leave(self, worker_id: str) -> None:
        """Say goodbye; units still held go back at once."""
        self._connection.query(self._sql["leave"], {"worker_id": worker_id, "session_id": self._session_id})

    def current_run(self) -> Run | None:
        """The class's training, or None before the first was started."""
        rows = self._connection.query(self._sql["current_run"])
        return run_from_row(rows[0]) if rows else None


def run_from_row(row: Any) -> Run:
    """A row of `training_runs` as a record."""
    return Run(
        run_id=row.run_id,
        name=row.name,
        status=RunStatus(row.status),
        iteration=row.iteration,
        epoch=row.epoch,
        dataset_id=row.dataset_id,
        config=RunConfig.from_json(row.config),
        restarted_at=row.restarted_at,
    )


def ranges_from_json(ranges: Sequence[Mapping[str, int]]) -> tuple[ShardRange, ...]:
    """The column `work_units.ranges` as records."""
    return tuple(ShardRange(r["shard_id"], r["epoch"], r["first"], r["count"]) for r in ranges)


def _work_unit(row: Any) -> WorkUnit:
    return WorkUnit(
        unit_id=row.unit_id,
        run_id=row.run_id,
        iteration=row.iteration,
        epoch=row.epoch,
        seed=row.seed,
        ranges=ranges_from_json(row.ranges),
        num_images=row.num_images,
        lease_token=str(row.lease_token),
        lease_seconds=row.lease_seconds,
        expected_seconds=row.expected_seconds,
        fresh_moments=row.fresh_moments,
    )


def _submission_values(update: Update) -> dict[str, Any]:
    result, check = update.result, update.result.check
    return {
        "unit_id": update.unit_id,
        "lease_token": update.lease_token,
        "iteration": update.iteration,
        "codec": update.codec,
        "sha256": bytes.fromhex(update.sha256),
        "payload": update.payload,
        "num_images": result.num_images,
        "num_steps": result.num_steps,
        "loss_g": result.loss_g,
        "loss_d": result.loss_d,
        "d_real": result.d_real,
        "d_fake": result.d_fake,
        "check_loss_d": check.loss_d,
        "check_loss_g": check.loss_g,
        "check_norm_d": check.norm_d,
        "check_norm_g": check.norm_g,
        "check_num_images": check.num_images,
        "compute_seconds": result.compute_seconds,
        "stopped_early": result.stopped_early,
    }
