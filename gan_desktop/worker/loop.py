"""The worker's loop: claim a unit, load, compute, hand in; again until the training is complete.

Three threads: this one computes; `transfers` talks to the class while it does (claims the next unit,
fetches its pictures, hands in the last one); `heartbeat` keeps the leases and brings the news.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gan_desktop.database.address import Address
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.records import AT_WORK, Joined, Reporter, Run, StopRequest, WorkerState
from gan_desktop.sentences import about_time
from gan_desktop.training.device import limit_memory, set_threads
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.bench import Bench
from gan_desktop.worker.claims import Claims, Job
from gan_desktop.worker.conditions import ComputerConditions, is_on_mains
from gan_desktop.worker.courtesy import Courtesy, ReadConditions, SleepWatch, Watch, lower_priority
from gan_desktop.worker.deliveries import Deliveries
from gan_desktop.worker.heartbeat import Heartbeat, Pulse
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.joining import Membership, join, new_session_id
from gan_desktop.worker.keep_awake import KeepAwake
from gan_desktop.worker.limits import Limits
from gan_desktop.worker.link import Link
from gan_desktop.worker.local_copy import LocalCopy
from gan_desktop.worker.options import AtCompletion, Wishes, WorkerOptions
from gan_desktop.worker.outlook import Outlook
from gan_desktop.worker.readings import HardwareReader
from gan_desktop.worker.status import Status
from gan_desktop.worker.traffic import Rate, Traffic
from gan_desktop.worker.transfers import Transfers

logger = logging.getLogger(__name__)

# While paused, the time left is told anew so often.
RETELL_S = 1.0

# A finished class may be switched off any moment: what is only nice to know is asked for once.
_ONE_TRY = threading.Event()
_ONE_TRY.set()


class Worker:
    """Contributes one device to a class. `run`, called once, does everything; the other methods may
    be called from any thread.

    Args:
        address: The class, with the student's own login.
        home: This worker's folder, locked.
        cache: Shards on this disk.
        reporter: Told everything that happens.
        read_conditions: How the computer is; None: read from the computer.
        rate: The limit of its transfers, where others share it.
    """

    def __init__(
        self,
        address: Address,
        home: WorkerHome,
        cache: ShardCache,
        options: WorkerOptions,
        reporter: Reporter,
        read_conditions: ReadConditions | None = None,
        rate: Rate | None = None,
    ) -> None:
        self._address = address
        self._home = home
        self._cache = cache
        self._options = options
        self._wishes = Wishes()
        self._status = Status(reporter, home.last_message, home.remember_message)
        self._session_id = new_session_id()
        self._courtesy = Courtesy(options.limits, self._status.wake)
        self._read_conditions = read_conditions
        self._keep_awake = KeepAwake()
        self._sleep_watch = SleepWatch(time.time())
        self._watch = Watch(self._tick, lambda: self._keep_awake.hold(False))
        traffic = Traffic(lambda: self._wishes.finish.is_set() or self._courtesy.pause is not None, rate)
        traffic.limit(options.limits.max_mbit_s)
        self._transfers = Transfers(address, self._on_trouble, traffic)
        link = Link()
        self._deliveries = Deliveries(
            self._transfers, home.outbox, self._status, link, self._wishes, self._session_id
        )
        self._outlook = Outlook(self._wishes, self._status, self._courtesy, options)
        self._bench = Bench(
            self._transfers,
            self._deliveries,
            self._status,
            link,
            self._wishes,
            self._courtesy,
            self._outlook,
            options,
        )
        self._local_copy = LocalCopy(
            options.dataset_path, cache, self._status.notice, self._outlook.is_paused
        )
        self._member: Membership | None = None
        self._heartbeat: Heartbeat | None = None
        self._claims: Claims | None = None
        self._reader: HardwareReader | None = None

    # -- what others ask ------------------------------------------------------------------------

    def request_stop(self, request: StopRequest) -> None:
        """End after this unit, or at once with what is done of it."""
        self._wishes.finish.set()
        if request is StopRequest.HAND_IN_NOW:
            self._wishes.hand_in.set()
        self._status.wake()

    def keep_going(self) -> None:
        """Take back the wish to end after this unit, unless it is too late."""
        if not self._wishes.hand_in.is_set():
            self._wishes.finish.clear()
            self._status.wake()

    def pause(self, until: datetime | None = None) -> None:
        """End the current batch, hand in what is done, give the rest back and wait.

        Args:
            until: Go on by itself at this local time; None: wait for `resume`.
        """
        self._courtesy.pause_by_hand(until)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._courtesy.resume()

    def set_limits(self, limits: Limits) -> None:
        """Let other limits hold from now on, the pace from the next batch."""
        self._transfers.traffic.limit(limits.max_mbit_s)
        if self._claims is not None and self._claims.studio is not None:
            limit_memory(self._claims.studio.device.torch_device, limits.max_memory_gb)
        self._courtesy.set_limits(limits)

    def override_limits(self) -> None:
        """Contribute anyway, until what pauses the worker now has ceased and comes again."""
        self._courtesy.override()

    def try_now(self) -> None:
        """Where the next try of a lost connection is waited for: make it at once."""
        self._transfers.try_now()

    # -- the loop -------------------------------------------------------------------------------

    def run(self) -> bool:
        """Work until the training is complete (True) or a stop was requested (False).

        Threads of PyTorch: the number that is fastest here is measured before the first unit of a run.

        Raises:
            ConnectionFailed: The login is refused, or no class is there; an unreachable one is
                waited for.
            SchemaError: Class and program do not fit.
            DeviceError: The wanted device cannot be used.
            Refused: The class does not let this worker take part.
        """
        lower_priority()
        set_threads(self._options.num_threads)
        is_complete = False
        try:
            claims = self._join()
            is_complete = self._work(claims)
            self._deliveries.finish()
        except ConnectionFailed:
            # Asked to stop while the class was away: what is finished waits on this disk.
            if not self._wishes.finish.is_set():
                raise
        finally:
            try:
                detail = self._standing() if is_complete else self._remains()
            finally:
                self._leave()
            self._status.change(WorkerState.COMPLETE if is_complete else WorkerState.STOPPED, detail)
        if self._status.dismissal is not None:
            raise self._status.dismissal
        return is_complete

    def _join(self) -> Claims:
        member = self._member = join(
            self._transfers,
            self._deliveries,
            self._home,
            self._status,
            self._wishes,
            self._options,
            self._session_id,
        )
        reader = self._reader = HardwareReader(member.device)
        self._courtesy.read_by(
            self._read_conditions or ComputerConditions(reader, on_card=member.device.is_card)
        )
        limit_memory(member.device.torch_device, self._courtesy.limits.max_memory_gb)
        self._heartbeat = Heartbeat(
            self._address,
            self._session_id,
            member.worker_id,
            self._options.heartbeat_interval_s,
            self._pulse,
            self._status.hear,
            self._status.dismiss,
        )
        self._heartbeat.start()
        self._sleep_watch = SleepWatch(time.time())
        self._watch.start()
        claims = self._claims = Claims(
            self._transfers,
            self._status,
            self._wishes,
            member,
            self._cache,
            self._options.batch_size,
            self._local_copy,
        )
        dataset_size = claims.prepare()
        device, speed = member.device, ""
        if claims.studio is not None:
            speed = self._bench.check(claims.studio)
            device = claims.studio.device
        self._status.report(
            Joined(
                member.worker_id,
                member.name,
                member.hardware,
                f"{device.reason} {speed}".strip(),
                self._options.batch_size,
                dataset_size,
                device.uuid,
            )
        )
        return claims

    def _pulse(self) -> Pulse:
        """What the next sign of life says."""
        readings = self._reader.read().known() if self._reader is not None else {}
        return replace(self._status.pulse(), readings=readings)

    def _tick(self) -> None:
        """Look after the computer and the clock. Runs once a second in a thread of its own."""
        if slept_s := self._sleep_watch.slept(time.time()):
            self._status.notice(
                f"This computer has slept for {about_time(slept_s)}. Units that the class has not given to"
                " somebody else meanwhile go on."
            )
        self._courtesy.look()
        wants_awake = self._courtesy.limits.keep_awake and self._status.state in AT_WORK
        self._keep_awake.hold(wants_awake and is_on_mains())
        until = self._options.until
        if until is not None and datetime.now() >= until and not self._wishes.finish.is_set():
            self._status.notice(f"It is {until:%H:%M}: this worker finishes the unit in work, then it ends.")
            self._wishes.finish.set()
            self._status.wake()

    def _work(self, claims: Claims) -> bool:
        while not self._outlook.is_over():
            if self._courtesy.pause is not None:
                self._sit_out(claims)
                continue
            if self._is_done(claims.run):
                return True
            if claims.run is not None and self._outlook.is_ending(claims.run):
                self._status.change(WorkerState.WAITING_NONE_FREE)
                self._wait()
                # The instructor may have put the end off meanwhile.
                claims.prepare()
                continue
            found = claims.next()
            if isinstance(found, Job):
                if not self._bench.compute(found, claims) and not self._outlook.is_complete(found.studio.run):
                    self._wait()
            elif found is WorkerState.COMPLETE:
                if not self._waits_for_next():
                    return True
                is_news = self._status.state is not found
                self._status.change(found, self._standing())
                if is_news:
                    self._status.notice("This computer waits here for the class's next training.")
                self._wait()
            else:
                self._status.change(found, self._waiting_detail(found))
                self._wait()
        return False

    def _is_done(self, run: Run | None) -> bool:
        """Whether a worker that works for this run only has nothing more to do."""
        is_only_run = self._options.at_completion is AtCompletion.END
        return is_only_run and run is not None and self._outlook.is_complete(run)

    def _waits_for_next(self) -> bool:
        """Whether a complete training is not the end: it may have been over before this worker came."""
        wish = self._options.at_completion
        is_new_here = wish is AtCompletion.END_AFTER_WORK and self._outlook.num_begun == 0
        return (wish is AtCompletion.WAIT or is_new_here) and not self._has_class_ended()

    def _has_class_ended(self) -> bool:
        with contextlib.suppress(GanDesktopError):
            totals = self._transfers.call(lambda connection: ClassView(connection).totals(), _ONE_TRY)
            return totals.ended_at is not None
        return False

    def _wait(self) -> None:
        """Sleep until there is news or it is time to ask again."""
        if not self._outlook.is_resting():
            self._status.wait_for_news(self._options.poll_interval_s)

    def _sit_out(self, claims: Claims) -> None:
        """Wait until nothing asks for a pause, holding nothing that others could use."""
        self._deliveries.finish()
        claims.give_back_prefetched()
        claims.rest()
        while (pause := self._courtesy.pause) is not None and not self._outlook.is_over():
            self._status.change(pause.state, {**pause.detail, **self._remains()})
            self._status.wait_for_news(RETELL_S)
        self._bench.given_back = None

    def _remains(self) -> dict[str, Any]:
        """What a sentence says about the work done when the worker rests."""
        unit_id = self._bench.given_back
        given_back = {} if unit_id is None else {"given_back": unit_id}
        return {"total_units": self._deliveries.total_units, **given_back}

    def _standing(self) -> dict[str, Any]:
        """What a sentence says about a complete training, as far as the class can be asked."""
        run = self._claims.run if self._claims is not None else None
        own: dict[str, Any] = {} if run is None else {"iteration": self._status.newest_iteration(run.run_id)}
        with contextlib.suppress(GanDesktopError):
            own |= self._transfers.call(_credit, _ONE_TRY)
        return own

    def _waiting_detail(self, state: WorkerState) -> Mapping[str, Any]:
        silent_s = self._status.coordinator_silent_s
        if state is not WorkerState.WAITING_COORDINATOR_AWAY or silent_s is None:
            return {}
        since = datetime.now() - timedelta(seconds=silent_s)
        return {"coordinator_silent_s": round(silent_s), "since": since.isoformat(timespec="minutes")}

    # -- leaving --------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Say goodbye, which gives back all that is held, as far as the class can be reached."""
        # Nothing is worth a second try from here on: leases end by themselves.
        self._wishes.finish.set()
        self._wishes.hand_in.set()
        member = self._member
        self._watch.stop()
        if self._heartbeat is not None:
            # A beat on its way would overwrite the goodbye's last word, that this worker has stopped.
            self._heartbeat.stop()
        try:
            if member is not None and self._status.dismissal is None:
                self._transfers.call(
                    lambda connection: WorkQueue(connection, self._session_id).leave(member.worker_id),
                    self._wishes.hand_in,
                )
        except GanDesktopError as error:
            logger.info("Could not say goodbye to the class: %s", error)
        finally:
            self._transfers.close()
            self._local_copy.stop()
            if self._claims is not None:
                self._claims.rest()
            if num_waiting := self._deliveries.num_waiting():
                self._status.notice(
                    f"{num_waiting} finished unit(s) are kept here and handed in at the next start."
                )

    def _on_trouble(self, error: ConnectionFailed, next_try_s: int) -> None:
        """The link is down. Runs in the transfers thread."""
        if self._status.state not in (WorkerState.COMPUTING, WorkerState.FINISHING):
            self._status.change(
                WorkerState.RETRYING,
                {
                    "reason": error.message,
                    "seconds": next_try_s,
                    "num_waiting": self._deliveries.num_waiting(),
                },
            )


def _credit(connection: Connection) -> dict[str, Any]:
    """How many take part, and what this account has done."""
    view = ClassView(connection)
    return {"num_people": view.totals().num_people, "num_images": view.credit().images}
