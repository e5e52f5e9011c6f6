"""The coordinator's side of the database: its lease, the waiting updates, one iteration's publication."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import psycopg2.errors

from gan_desktop.database.closing import require_going_on
from gan_desktop.database.connection import Connection, binary
from gan_desktop.database.queries import load_queries
from gan_desktop.database.work_queue import CHANNEL, ranges_from_json, run_from_row
from gan_desktop.errors import CoordinatorReplaced, GanDesktopError, ImageSetError
from gan_desktop.records import (
    CheckFigures,
    PendingUpdate,
    Publication,
    Run,
    RunConfig,
    RunStatus,
    ShardRange,
    Situation,
    UnitResult,
    UpdateDecision,
    Weights,
)

logger = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
# Silent for longer, it counts as away: workers get no units any more (claim_work_unit in api/functions.sql).
COORDINATOR_AWAY_S = 30.0
# A student's session may sit idle in a transaction this long before it is ended.
IDLE_IN_TRANSACTION_S = 60.0
# A student's transaction that has written may stay open this long before its session is ended.
WRITING_S = 10.0

_MAY_BECOME = {
    RunStatus.RUNNING: [RunStatus.CREATED, RunStatus.PAUSED, RunStatus.RUNNING],
    RunStatus.PAUSED: [RunStatus.RUNNING, RunStatus.PAUSED],
    RunStatus.COMPLETE: [RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.CREATED, RunStatus.COMPLETE],
}


class Runs:
    """Creating trainings and changing what they do; used by the coordinator and by the instructor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("coordinator")

    def create(
        self,
        name: str,
        dataset_id: int,
        config: RunConfig,
        max_update_bytes: int,
        first_state: bytes | None = None,
        *,
        is_rehearsal: bool = False,
    ) -> int:
        """Write a new training down; it starts with `set_status(..., RUNNING)`.

        Args:
            first_state: The coordinator's state to begin with (`OuterState`); None: `config.seed` decides.
            is_rehearsal: For virtual students alone.

        Raises:
            ImageSetError: The data set has no images to learn from.
        """
        with self._connection.transaction():
            [row] = self._connection.query(
                self._sql["create_run"],
                {
                    "name": name,
                    "dataset_id": dataset_id,
                    "config": json.dumps(config.to_json()),
                    "max_update_bytes": max_update_bytes,
                    "is_rehearsal": is_rehearsal,
                },
            )
            num_shards = self._connection.execute(
                self._sql["create_cursors"],
                {"run_id": row.run_id, "dataset_id": dataset_id, "seed": config.seed},
            )
            if not num_shards:
                raise ImageSetError("These pictures are all kept for measuring: none is left to learn from.")
            if first_state is not None:
                _upload_state(self._connection, row.run_id, 0, first_state)
        return int(row.run_id)

    def named(self, name: str) -> int | None:
        """The number of the training of this name; None: there is none."""
        rows = self._connection.query(self._sql["run_named"], {"name": name})
        return int(rows[0].run_id) if rows else None

    def delete(self, run_id: int) -> bool:
        """Remove a training that is over or never began; False: it goes on.

        What students did for it stays in their credit: one that somebody has worked for is emptied and
        hidden, the others go whole.
        """
        with self._connection.transaction():
            parameters = {"run_id": run_id}
            if self._connection.execute(self._sql["hide_run"], parameters) != 1:
                return False
            self._connection.execute(self._sql["empty_run"], parameters)
            self._connection.execute(self._sql["delete_unworked_run"], parameters)
        return True

    def get(self, run_id: int) -> Run:
        """A training by its number.

        Raises:
            GanDesktopError: There is none.
        """
        return self._run("run", run_id)

    def _run(self, statement: str, run_id: int) -> Run:
        rows = self._connection.query(self._sql[statement], {"run_id": run_id})
        if not rows:
            raise GanDesktopError(f"The class has no training number {run_id}.", title="No such training")
        return run_from_row(rows[0])

    def lock(self, run_id: int) -> Run:
        """Like `get`; until the transaction's end nobody else changes it.

        Raises:
            GanDesktopError: There is none.
        """
        return self._run("lock_run", run_id)

    def change_config(self, run_id: int, changes: Mapping[str, Any], max_update_bytes: int = 0) -> None:
        """Change some of a training's configuration; everybody has it with his next question.

        Args:
            max_update_bytes: Updates may become as large as this.
        """
        self._connection.execute(
            self._sql["change_config"],
            {"run_id": run_id, "changes": json.dumps(changes), "max_update_bytes": max_update_bytes},
        )

    def unfinished(self) -> int | None:
        """The training to go on with: the active one, else the newest that was never started."""
        rows = self._connection.query(self._sql["unfinished_run"])
        return int(rows[0].run_id) if rows else None

    def set_status(self, run_id: int, status: RunStatus) -> bool:
        """Start, pause, resume or finish; False where that does not follow from what it is now.

        A class trains one network at a time: while one run goes on or is paused, no other starts.

        Raises:
            GanDesktopError: The class has ended, or moved: nothing starts there any more.
        """
        if status is RunStatus.RUNNING:
            require_going_on(self._connection)
        allowed = [known.value for known in _MAY_BECOME[status]]
        changed = self._connection.execute(
            self._sql["set_status"], {"run_id": run_id, "status": status.value, "allowed": allowed}
        )
        self.wake_workers()
        return changed == 1

    def wake_workers(self) -> None:
        """Tell listening workers to look again. A wake-up only: they poll anyway."""
        try:
            self._connection.execute(f"NOTIFY {CHANNEL}")
        except Exception as error:  # a full notification queue must never stop the training
            logger.warning("Could not wake the workers: %s", error)


class CoordinatorLease:
    """The right to publish one run's iterations: a token in its row, renewed by heartbeat."""

    def __init__(self, connection: Connection, run_id: int, token: str | None = None) -> None:
        self._connection = connection
        self._sql = load_queries("coordinator")
        self._row = {"run_id": run_id, "token": token or str(uuid.uuid4()), "lease_seconds": LEASE_SECONDS}
        self._writing_since: dict[tuple[int, str], float] = {}

    @property
    def token(self) -> str:
        """What every publication has to show."""
        return str(self._row["token"])

    def take(self) -> bool:
        """Take the run; False while another coordinator's lease runs."""
        return self._connection.execute(self._sql["take_lease"], self._row) == 1

    def renew(self) -> None:
        """Keep the run.

        Raises:
            CoordinatorReplaced: Another coordinator has it.
        """
        if self._connection.execute(self._sql["renew_lease"], self._row) != 1:
            raise CoordinatorReplaced("Another coordinator has taken this training over. This one ends.")

    def holder_seen_at(self) -> datetime | None:
        """The last sign of life of whoever holds the run: it moves as long as he lives."""
        rows = self._connection.query(self._sql["holder_seen"], self._row)
        return rows[0].seen_at if rows else None

    def drop(self) -> None:
        """Let another coordinator take the run at once."""
        self._connection.execute(self._sql["drop_lease"], self._row)

    def end_stuck_sessions(self) -> list[str]:
        """End students' sessions that hold a transaction open; returns their logins.

        A transaction that has written is ended when two looks, WRITING_S apart, have found it: it holds
        locks that others wait for, perhaps a publication. So call this often, and over another
        connection than that of the publications.
        """
        rows = self._connection.query(
            self._sql["end_stuck_sessions"], {"idle_seconds": IDLE_IN_TRANSACTION_S}
        )
        return [row.login for row in [*rows, *self._end_writing_sessions()] if row.ended]

    def _end_writing_sessions(self) -> list[Any]:
        now = time.monotonic()
        writing = [
            (row.pid, row.transaction) for row in self._connection.query(self._sql["writing_students"])
        ]
        self._writing_since = {key: self._writing_since.get(key, now) for key in writing}
        stuck = [key for key, since in self._writing_since.items() if now - since >= WRITING_S]
        return self._connection.query(
            self._sql["end_writing_sessions"],
            {"pids": [pid for pid, _ in stuck], "transactions": [xid for _, xid in stuck]},
        )


class Coordination:
    """Everything one run's coordinator reads and writes, over one connection."""

    def __init__(self, connection: Connection, run_id: int, token: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._token = token
        self._sql = load_queries("coordinator")

    def situation(self) -> Situation:
        """The run's status and iteration, who contributes now, and how long units take.

        Raises:
            GanDesktopError: The training was deleted.
        """
        rows = self._query("situation")
        if not rows:
            raise GanDesktopError(
                "Somebody has deleted this training. There is nothing left to merge.",
                title="The training was deleted",
            )
        [row] = rows
        fields = {**row._asdict(), "status": RunStatus(row.status), "config": RunConfig.from_json(row.config)}
        return Situation(**fields)

    def pending_updates(self) -> list[PendingUpdate]:
        """The updates that wait to be merged, oldest first, without their bytes."""
        return [_pending_update(row) for row in self._query("pending_updates")]

    def update_payload(self, update_id: int) -> bytes:
        """The bytes of a waiting update (empty if they are gone)."""
        return self._connection.download(self._sql["update_payload"], {"update_id": update_id}) or b""

    def unit_of_update(self, update_id: int) -> tuple[int, tuple[ShardRange, ...]]:
        """Seed and ranges of the unit an update was computed from: what an audit recomputes."""
        [row] = self._query("unit_of_update", update_id=update_id)
        return int(row.seed), ranges_from_json(row.ranges)

    def norm_history(self) -> list[tuple[int, float]]:
        """(number of steps, norm) of the newest updates that counted."""
        return [(row.num_steps, row.norm) for row in self._query("norm_history")]

    def state(self) -> bytes | None:
        """The stored state of the newest iteration; None before the first."""
        return self._connection.download(self._sql["state_payload"], {"run_id": self._run_id})

    def publish(self, publication: Publication) -> None:
        """Make an iteration real: weights, state, decisions, credit and history, or nothing at all.

        Raises:
            CoordinatorReplaced: Another coordinator holds the run; nothing was written.
        """
        figures = {
            "iteration": publication.iteration,
            "num_images": publication.num_images,
            "loss_g": publication.loss_g,
            "loss_d": publication.loss_d,
            "d_real": publication.d_real,
            "d_fake": publication.d_fake,
        }
        if not self._query("may_advance", iteration=publication.iteration):
            raise _replaced()
        try:
            with self._connection.transaction():
                # The long transfers first: the rows that heartbeats wait for are locked after them,
                # and the run's own row, which our lease is renewed in, last.
                for weights in (publication.live, publication.ema):
                    self._store_weights(weights, publication.is_checkpoint)
                self._store_state(publication.iteration, publication.state)
                self._decide(publication.decisions, publication.iteration)
                num_updates = sum(decision.status == "counted" for decision in publication.decisions)
                self._execute("add_history", **figures, num_updates=num_updates)
                self._execute("prune_weights", iteration=publication.iteration)
                if publication.went_back:
                    self._query("return_unbegun_units")
                if self._execute("advance", **figures) != 1:
                    raise _replaced()
                if publication.went_back:
                    self._execute("go_back", iteration=publication.iteration)
        except psycopg2.errors.UniqueViolation as error:  # the other one's weights came in first
            raise _replaced() from error

    def credit_only(self, decisions: Iterable[UpdateDecision], iteration: int) -> None:
        """Decide updates without publishing: late ones after the run is complete, refused ones.

        Raises:
            CoordinatorReplaced: Another coordinator holds the run; nothing was written.
        """
        with self._connection.transaction():
            if self._execute("renew_lease", lease_seconds=LEASE_SECONDS) != 1:
                raise CoordinatorReplaced("Another coordinator has taken this training over.")
            self._decide(decisions, iteration)

    def set_distance(self, iteration: int, distance: float) -> None:
        """Write down an iteration's sliced Wasserstein distance (x 1000)."""
        self._execute("set_distance", iteration=iteration, distance=distance)

    def add_sample(self, iteration: int, png: bytes) -> None:
        """Store a grid of faces; old ones are thinned out."""
        self._execute("add_sample", iteration=iteration, png=png)
        self._execute("thin_samples", iteration=iteration)

    def add_event(
        self, kind: str, message: str, *, worker_id: str | None = None, public: bool = False
    ) -> None:
        """Write down what happened, for the instructor (`public`: for everybody)."""
        self._execute("add_event", kind=kind, message=message, worker_id=worker_id, is_public=public)
        self._execute("thin_events")

    def forget_going_back(self) -> None:
        """The wish to go back to a checkpoint cannot be fulfilled."""
        self._execute("forget_going_back")

    def drop_stale_payloads(self) -> None:
        """Delete the bytes of updates that no coordinator will merge any more."""
        self._execute("drop_stale_payloads")

    def num_open_leases(self) -> int:
        """Units that somebody computes at this moment."""
        return int(self._query("open_leases")[0].num)

    def _decide(self, decisions: Iterable[UpdateDecision], iteration: int) -> None:
        for decision in decisions:
            changed = self._execute(
                "decide",
                update_id=decision.update_id,
                status=decision.status,
                reason=decision.reason,
                norm=decision.norm,
                weight=decision.weight,
                iteration=iteration,
            )
            if changed and decision.status != "not_counted":
                self._execute("credit", update_id=decision.update_id)
            elif changed and decision.is_strike:
                self._strike(decision)
            self._execute("drop_payload", update_id=decision.update_id)

    def _strike(self, decision: UpdateDecision) -> None:
        for row in self._query("strike", update_id=decision.update_id, reason=decision.reason):
            if row.num_strikes == 3:
                message = f"On hold after three updates in a row that could not count: {decision.reason}"
                self.add_event("on_hold", message, worker_id=row.worker_id)

    def _store_weights(self, weights: Weights, is_checkpoint: bool) -> None:
        self._connection.upload(
            "gan.model_weights",
            {
                "run_id": binary(self._run_id, "int4"),
                "iteration": binary(weights.iteration, "int4"),
                "kind": binary(weights.kind, "text"),
                "codec": binary(weights.codec, "text"),
                "num_bytes": binary(len(weights.payload), "int4"),
                "sha256": bytes.fromhex(weights.sha256),
                "payload": weights.payload,
                "is_checkpoint": binary(is_checkpoint, "bool"),
            },
        )

    def _store_state(self, iteration: int, state: bytes) -> None:
        self._execute("drop_state")
        _upload_state(self._connection, self._run_id, iteration, state)

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(
            self._sql[statement], {"run_id": self._run_id, "token": self._token, **parameters}
        )

    def _execute(self, statement: str, **parameters: Any) -> int:
        return self._connection.execute(
            self._sql[statement], {"run_id": self._run_id, "token": self._token, **parameters}
        )


def _upload_state(connection: Connection, run_id: int, iteration: int, state: bytes) -> None:
    connection.upload(
        "gan.optimizer_state",
        {
            "run_id": binary(run_id, "int4"),
            "iteration": binary(iteration, "int4"),
            "sha256": hashlib.sha256(state).digest(),
            "payload": state,
        },
    )


def _replaced() -> CoordinatorReplaced:
    return CoordinatorReplaced("Another coordinator has published in the meantime. This one ends.")


def _pending_update(row: Any) -> PendingUpdate:
    return PendingUpdate(
        update_id=row.update_id,
        unit_id=row.unit_id,
        worker_id=row.worker_id,
        account_id=row.account_id,
        iteration=row.iteration,
        sha256=bytes(row.sha256).hex(),
        num_bytes=row.num_bytes,
        result=UnitResult(
            num_images=row.num_images,
            num_steps=row.num_steps,
            loss_g=row.loss_g,
            loss_d=row.loss_d,
            d_real=row.d_real,
            d_fake=row.d_fake,
            check=CheckFigures(
                row.check_loss_d, row.check_loss_g, row.check_norm_d, row.check_norm_g, row.check_num_images
            ),
            compute_seconds=row.compute_seconds,
            stopped_early=row.stopped_early,
        ),
        unit_seconds=row.unit_seconds,
        waited_seconds=row.waited_seconds,
    )
