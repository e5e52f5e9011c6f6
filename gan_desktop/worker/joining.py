"""Joining a class: do program and class fit, what computes here, who are we to the class?"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import require_fitting_schema
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import Refused
from gan_desktop.names import MAX_NAME
from gan_desktop.records import Hardware, WorkerState
from gan_desktop.training.device import Device, choose_device
from gan_desktop.worker.deliveries import Deliveries
from gan_desktop.worker.hardware import read_hardware
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.options import Wishes, WorkerOptions
from gan_desktop.worker.status import Status
from gan_desktop.worker.transfers import Transfers


@dataclass(frozen=True)
class Membership:
    """A worker as the class knows it.

    Attributes:
        worker_id: The same at every start on this computer.
        session_id: This start's own.
        device: What computes.
    """

    worker_id: str
    session_id: str
    name: str
    hardware: Hardware
    device: Device


def new_session_id() -> str:
    """Tell this start from every other one of the same worker."""
    return str(uuid.uuid4())


def join(
    transfers: Transfers,
    deliveries: Deliveries,
    home: WorkerHome,
    status: Status,
    wishes: Wishes,
    options: WorkerOptions,
    session_id: str,
) -> Membership:
    """Join the class; what an earlier start finished is handed in first.

    Raises:
        SchemaError: Class and program do not fit.
        DeviceError: The wanted device cannot be used.
        Refused: The class does not let this worker take part.
        ConnectionFailed: The login is refused, or a stop was asked for while the class was away.
    """
    joining = {"title": options.class_title} if options.class_title else {}
    status.change(WorkerState.JOINING, joining)
    transfers.call(require_fitting_schema, wishes.finish)
    status.change(WorkerState.CHECKING)
    device = choose_device(options.device)
    status.change(WorkerState.JOINING, joining)
    # Registering ends the leases of the earlier start, so its work goes first.
    deliveries.deliver_leftovers()
    hardware = read_hardware(device)
    name = options.name or hardware.hostname[:MAX_NAME]
    worker_id = transfers.call(
        lambda connection: _register(connection, home, status, session_id, name, hardware), wishes.finish
    )
    return Membership(worker_id, session_id, name, hardware, device)


def _register(
    connection: Connection, home: WorkerHome, status: Status, session_id: str, name: str, hardware: Hardware
) -> str:
    queue = WorkQueue(connection, session_id)
    try:
        return queue.register(home.device_id, name, hardware)
    except Refused as error:
        if error.code != "GD004":
            raise
        status.notice("This disk was copied from another computer: this one takes a new identity.")
        home.renew_device_id()
        return queue.register(home.device_id, name, hardware)
