"""A class's results in one folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from gan_desktop.class_admin.results import (
    ABOUT,
    CURVES,
    FILM,
    GRIDS,
    checkpoint_name,
    course_of,
    curves_csv,
    export_results,
    samples_of,
)
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import GanDesktopError, SaveFailed
from gan_desktop.records import Progress
from gan_desktop.training.checkpoint_file import read_checkpoint
from tests.integration.conftest import superuser_address
from tests.integration.console import gan_desktop, write_config
from tests.integration.lesson import Lesson
from tests.integration.trained_class import PEOPLE, trained_class


@pytest.fixture(scope="module")
def trained(server: EmbeddedPostgres, module_folder: Path) -> Iterator[Lesson]:
    with trained_class(superuser_address(server), module_folder / "lesson") as held:
        yield held


def test_one_folder_holds_all_that_a_class_has_made(trained: Lesson, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    told: list[tuple[int, int]] = []
    pictures = {"curves.png": b"as the window draws it"}
    written = export_results(
        trained.coordinator, folder, 2, pictures=pictures, on_progress=lambda *at: told.append(at)
    )
    course = course_of(trained.coordinator)
    assert {path.relative_to(folder).as_posix() for path in written} == {
        checkpoint_name(2), FILM, CURVES, "curves.png", ABOUT,
        *(f"{GRIDS}/iteration-{number:04d}.png" for number in course.sample_iterations),
    }  # fmt: skip
    assert set(written) == {path for path in folder.rglob("*") if path.is_file()}
    assert read_checkpoint(folder / checkpoint_name(2)).info.iteration == 2
    with Image.open(folder / FILM) as film:
        assert getattr(film, "n_frames", 1) == 3
    assert told[-1] == (len(course.sample_iterations),) * 2
    about = (folder / ABOUT).read_text("utf-8")
    assert "Iteration 2" in about and "curves.png" in about
    assert not any(name in about for name in PEOPLE)


def test_the_curves_are_the_class_s_own_figures(trained: Lesson, tmp_path: Path) -> None:
    export_results(trained.coordinator, tmp_path)
    with (tmp_path / CURVES).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    history = trained.query("SELECT iteration, distance FROM gan.loss_history ORDER BY iteration")
    assert [int(row["iteration"]) for row in rows] == [row.iteration for row in history]
    for written, kept in zip(rows, history, strict=True):
        assert written["distance"] == ("" if kept.distance is None else f"{kept.distance:.7g}")


def test_what_was_not_measured_is_an_empty_cell() -> None:
    history = [
        Progress(0, 0, None, None, None, None, 212.25),
        Progress(1, 64, 1.5, float("nan"), 0.5, 1.0, None),
    ]
    assert curves_csv(history) == (
        "iteration,images,g_loss,d_loss,d_real_percent,d_fake_percent,distance\n"
        "0,0,,,,,212.25\n"
        "1,64,1.5,,50,100,\n"
    )


def test_a_folder_that_holds_something_is_left_alone(trained: Lesson, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(SaveFailed, match="not empty"):
        export_results(trained.coordinator, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


class Stopped(Exception):
    """The person does not want it any more."""


def test_stopping_leaves_nothing_behind(trained: Lesson, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        export_results(trained.coordinator, tmp_path / "results", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(trained: Lesson, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(SaveFailed, match="Choose another folder"):
        export_results(trained.coordinator, tmp_path / "file" / "results")


def test_a_training_that_has_not_begun_has_no_results(trained: Lesson, tmp_path: Path) -> None:
    run_id = trained.add_run()
    with pytest.raises(GanDesktopError, match="None is published yet"):
        export_results(trained.coordinator, tmp_path / "results", run_id=run_id)
    assert course_of(trained.coordinator, run_id).kept == ()


def test_samples_come_in_the_order_asked_for_without_those_there_are_none_of(trained: Lesson) -> None:
    found = samples_of(trained.coordinator, trained.run_id, [2, 999, 0])
    assert [sample.iteration for sample in found] == [2, 0]


def test_class_results_writes_the_folder(trained: Lesson, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", trained.coordinator)
    folder = tmp_path / "results"
    arguments = ("class", "results", "--config", config, "--run", trained.run_id, "--to", folder)
    answer = gan_desktop(*arguments)
    assert answer.code == 0, answer.said
    assert (folder / ABOUT).exists() and str(folder) in answer.stdout
    again = gan_desktop(*arguments)
    assert again.code == 1 and "not empty" in again.stderr
