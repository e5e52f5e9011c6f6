"""One unit on this computer: newest weights, pictures, batches, and the update on its way."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from gan_desktop.database.downloads import Downloads
from gan_desktop.errors import DeviceError, ImageSetError, PayloadError
from gan_desktop.records import (
    Shard,
    UnitComputed,
    UnitDropped,
    UnitProgress,
    UnitStarted,
    UnitTimes,
    WorkerState,
    WorkUnit,
)
from gan_desktop.sentences import speed_sentence
from gan_desktop.training.steps import StepFigures, UnitOutcome
from gan_desktop.worker.claims import Claims, Job
from gan_desktop.worker.courtesy import Courtesy
from gan_desktop.worker.deliveries import Deliveries
from gan_desktop.worker.link import Link
from gan_desktop.worker.options import Wishes, WorkerOptions
from gan_desktop.worker.outlook import Outlook
from gan_desktop.worker.ready_check import ready_check
from gan_desktop.worker.status import Status
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.traffic import TransferCancelled
from gan_desktop.worker.transfers import Transfers
from gan_desktop.worker.weights import NewestWeights

# Less than this share of a unit is not worth its upload.
SMALLEST_SHARE = 0.1
# A worker that has handed in waits this share of its unit's time for the next iteration: work on
# the old one would weigh only half.
PATIENCE_SHARE = 0.3
SHORTEST_PATIENCE_S = 3.0
# On a slow link the next weights are asked for when this share of the unit is done.
WEIGHTS_AT_SHARE = 0.7


class Bench:
    """Computes unit after unit, in the thread that calls it.

    Attributes:
        given_back: The unit of which too little was done to be worth sending, until the next one is begun.
    """

    def __init__(
        self,
        transfers: Transfers,
        deliveries: Deliveries,
        status: Status,
        link: Link,
        wishes: Wishes,
        courtesy: Courtesy,
        outlook: Outlook,
        options: WorkerOptions,
    ) -> None:
        self._transfers = transfers
        self._deliveries = deliveries
        self._status = status
        self._link = link
        self._wishes = wishes
        self._courtesy = courtesy
        self._outlook = outlook
        self._options = options
        self._weights = NewestWeights(transfers, link, wishes)
        self._checked_run: int | None = None
        self.given_back: int | None = None

    def check(self, studio: Studio) -> str:
        """Measure what this computer can do for a run, and set PyTorch's threads; a sentence about it.

        Raises:
            DeviceError: The network does not fit into the computer's memory.
        """
        self._checked_run = studio.run.run_id
        self._status.change(WorkerState.CHECKING)
        try:
            check = ready_check(
                studio.run.config,
                studio.device,
                batch_size=self._options.batch_size,
                num_threads=self._options.num_threads,
                num_images=studio.dataset_size,
                num_bytes=studio.dataset_bytes,
            )
        except (DeviceError, RuntimeError) as error:
            if not studio.device.is_card:
                raise
            studio.leave_card(error)
            return self.check(studio)
        self._status.report(check)
        return speed_sentence(check)

    def compute(self, job: Job, claims: Claims) -> bool:
        """Compute a unit and see its update on its way; False: it was not begun, and is given back."""
        studio = job.studio
        if studio.run.run_id != self._checked_run:
            self._status.notice(self.check(studio))
        self._await_iteration(studio)
        asked = time.monotonic()
        if self._outlook.is_unwanted(job.unit, studio.run) or (images := self._load(job)) is None:
            claims.give_back(job.unit)
            return False
        times = replace(job.times, load=job.times.load + time.monotonic() - asked)
        self._outlook.num_begun += 1
        self.given_back = None
        if not self._outlook.is_over():
            claims.prefetch()
        # What counts is the iteration the unit starts from, not the newest when it was prefetched.
        unit = replace(job.unit, iteration=studio.iteration)
        self._status.report(UnitStarted(unit))
        self._status.progress(unit, 0, 0.0, is_last=self._outlook.is_over())
        began = time.monotonic()
        outcome = studio.train(
            unit,
            images,
            should_stop=lambda: self._outlook.should_hand_in(unit, studio.run, began),
            on_step=lambda figures: self._on_step(job, figures, began),
            rest=self._rest,
            pace=lambda: self._courtesy.limits.pace,
        )
        self._link.judge(outcome.result.compute_seconds)
        if not self._status.is_held(unit.unit_id):
            self._status.drop(
                unit.unit_id, "Its time ran out before it was done; it goes to another computer."
            )
        elif outcome.result.num_images < SMALLEST_SHARE * unit.num_images:
            claims.give_back(unit)
            self.given_back = unit.unit_id
            # No error that the instructor ought to see: somebody paused, that is all.
            words = "Too little of it was done to be worth sending. It goes back."
            self._status.report(UnitDropped(unit.unit_id, words))
        else:
            self._hand_in(unit, outcome, studio, began, times, claims)
        return True

    def _hand_in(
        self,
        unit: WorkUnit,
        outcome: UnitOutcome,
        studio: Studio,
        began: float,
        times: UnitTimes,
        claims: Claims,
    ) -> None:
        """Pack a unit's outcome and see it on its way; only on a slow link the next one need not wait."""
        try:
            update = studio.pack(unit, outcome)
        except PayloadError:
            claims.give_back(unit)
            self._status.drop(unit.unit_id, "Its numbers ran out of all bounds here. It goes back.")
            return
        self._status.report(UnitComputed(unit, outcome.result))
        self._deliveries.begin(unit, update, began, times)
        if not self._link.is_slow:
            self._deliveries.finish()

    def _await_iteration(self, studio: Studio) -> None:
        """After handing in, wait a little for the iteration that our update goes into."""
        if self._deliveries.newest is None or self._link.is_slow:
            return
        run_id, iteration = self._deliveries.newest
        patience = max(SHORTEST_PATIENCE_S, PATIENCE_SHARE * studio.run.config.unit_seconds)
        deadline = time.monotonic() + patience
        while (
            run_id == studio.run.run_id
            and self._status.newest_iteration(run_id) <= iteration
            and (left := deadline - time.monotonic()) > 0
            and not self._outlook.is_resting()
            and not self._status.is_coordinator_away
        ):
            self._status.change(WorkerState.WAITING_NONE_FREE, {"seconds": round(left)})
            self._status.wait_for_news(min(left, 0.5))

    def _on_step(self, job: Job, figures: StepFigures, began: float) -> None:
        unit, num_done, is_last = job.unit, figures.num_images_done, self._outlook.is_over()
        self._status.progress(unit, num_done, time.monotonic() - began, is_last=is_last)
        self._status.report(
            UnitProgress(
                unit.unit_id,
                num_done,
                unit.num_images,
                figures.loss_g,
                figures.loss_d,
                figures.d_real,
                figures.d_fake,
            )
        )
        if self._link.is_slow and num_done > WEIGHTS_AT_SHARE * unit.num_images and not is_last:
            self._weights.prefetch(job.studio)

    def _rest(self, seconds: float) -> None:
        self._wishes.hand_in.wait(seconds)

    # -- weights and pictures -------------------------------------------------------------------

    def _load(self, job: Job) -> torch.Tensor | None:
        """Put the newest weights into the studio; the unit's images, or None where one is missing."""
        self._status.change(WorkerState.LOADING)
        try:
            has_weights = self._weights.bring_to(job.studio)
            return job.studio.images(job.unit, self._fetch_shard) if has_weights else None
        except TransferCancelled:
            return None
        except (PayloadError, ImageSetError) as error:
            self._status.drop(job.unit.unit_id, error.message)
            return None

    def _fetch_shard(self, shard: Shard) -> bytes:
        return self._transfers.call(
            lambda connection: Downloads(connection, self._wishes.finish.is_set).shard(shard),
            self._wishes.finish,
        )
