"""Classes with faces for the Gallery's tests: a real one that was trained, and one left on the disk."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_desktop.database.address import Address
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.faces_album import FacesAlbum
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import Average, ClassSnapshot, SnapshotFolder
from gan_desktop.records import (
    ClassTotals,
    Credit,
    Run,
    RunConfig,
    RunStatus,
    SampleDrawn,
    TrainingNow,
)
from gan_desktop.training.networks import network_fingerprint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from tests.integration.conftest import module_folder, superuser_address
from tests.integration.lesson import Lesson, lesson, worker_thread

__all__ = ["module_folder"]

CONFIG = RunConfig(feature_maps=8, target_iterations=400)
RUN_ID = 7
ITERATIONS = (0, 10, 20, 30)
NEWEST = 30
CREDIT = Credit(0, 0, 0.0, 296_960, 145, 33_000.0, 0, 0, 0)
TOTALS = ClassTotals("Vision 2026", 23, 30, 190.0, 5_000_000, 2_000)


@pytest.fixture(scope="module")
def trained(server: EmbeddedPostgres, module_folder: Path) -> Iterator[Lesson]:
    """A class that came to iteration 3 or a little further; nothing works in it any more."""
    with lesson(superuser_address(server), module_folder / "lesson") as held:
        with held.coordinating(), worker_thread(held):
            held.await_iteration(3)
        yield held


@pytest.fixture
def nowhere() -> Iterator[Address]:
    """The address of a class that is not there any more."""
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets it, and every connection is refused.
        taken.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", taken.getsockname()[1], "vision", "ana", "secret")


def training_at(iteration: int) -> TrainingNow:
    run = Run(RUN_ID, "Faces", RunStatus.RUNNING, iteration, 0, 1, CONFIG)
    return TrainingNow(run, 100 * iteration, None, None)


def average_of(iteration: int, seed: int = 1) -> Average:
    """A generator as the class publishes it; another seed, another one."""
    config = RunConfig(feature_maps=8, seed=seed)
    info = PayloadInfo("ema", RUN_ID, iteration, "int8", network_fingerprint(CONFIG))
    return Average(RUN_ID, iteration, encode(OuterState.fresh(config).ema, info, seed=seed))


def picture_of(iteration: int) -> bytes:
    """A PNG by which an iteration can be told: its shade is 8 times its tenth."""
    file = io.BytesIO()
    Image.new("RGB", (34, 34), (8 * (iteration // 10),) * 3).save(file, "PNG")
    return file.getvalue()


def keep_class(folder: SnapshotFolder, *, with_generator: bool = True) -> None:
    """What a window has written that was connected up to iteration 30."""
    folder.save(
        ClassSnapshot(
            totals=TOTALS,
            training=training_at(NEWEST),
            credit=CREDIT,
            sample_iterations=(*ITERATIONS[:-1], 25, NEWEST),
        )
    )
    for iteration in ITERATIONS:
        folder.keep_sample(RUN_ID, SampleDrawn(iteration, picture_of(iteration)))
    if with_generator:
        folder.keep_average(average_of(NEWEST))


def keep_my_faces(folder: SnapshotFolder) -> FacesAlbum:
    """Nine faces of one grey each, darker than at the iteration after."""
    album = FacesAlbum(folder.folder / "my-faces" / str(RUN_ID))
    for iteration in ITERATIONS:
        album.keep(iteration, np.full((9, 32, 32, 3), 2 * iteration, np.uint8))
    return album


def folder_of(session: Session, address: Address) -> SnapshotFolder:
    """Where the session will look for the class of this address."""
    return SnapshotFolder.of(session.places.data / "classes", JoinedClass(address).account)


def size_of(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as opened:
        return opened.size
