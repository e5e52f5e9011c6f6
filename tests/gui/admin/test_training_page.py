"""The page of the class's trainings: steering, making, going back and changing, over a real class."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin import checkpoints
from gan_desktop.class_admin.cards import enrol_card, entrance
from gan_desktop.class_admin.estimates import PRESETS
from gan_desktop.class_admin.trainings import CHANGEABLE, find_run
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.fields import ADVANCED, LENGTH
from gan_desktop.gui.admin.training.model import DISTANCE, IMAGES, ITERATION
from gan_desktop.gui.admin.training.overview import KEPT, SETTINGS
from gan_desktop.gui.admin.training.page import TrainingPage
from gan_desktop.gui.admin.training.settings import GROUPS
from gan_desktop.gui.theme import em
from gan_desktop.gui.translation import load_catalogue
from gan_desktop.records import RunConfig, RunStatus
from gan_desktop.training.checkpoint_file import read_checkpoint
from tests.gui.admin.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson, worker_thread


@pytest.fixture
def page(teaching: TeachingSession, qtbot: QtBot) -> Iterator[TrainingPage]:
    made = TrainingPage(teaching)
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    qtbot.waitUntil(lambda: made.trainings.chosen is not None, timeout=PATIENCE_MS)
    yield made
    made.hide()
    made.deleteLater()


def answer(box: QMessageBox | None, words: str) -> None:
    """Press a button of a question."""
    assert box is not None
    [button] = [button for button in box.findChildren(QPushButton) if button.text() == words]
    button.click()


def status_of(page: TrainingPage, run_id: int) -> RunStatus | None:
    """As the page shows it."""
    return next((run.status for run in page.trainings.model.rows if run.run_id == run_id), None)


def begin(page: TrainingPage, held: Lesson, qtbot: QtBot) -> None:
    """Run the training in the window until its first faces are there."""
    page.trainings.steer.click()
    qtbot.waitUntil(
        lambda: (
            page.trainings.model.png_of(held.run_id) is not None
            and status_of(page, held.run_id) is RunStatus.RUNNING
        ),
        timeout=PATIENCE_MS,
    )


# -- the trainings ---------------------------------------------------------------------------------


def test_a_training_is_begun_paused_gone_on_with_and_ended(
    page: TrainingPage, taught: Lesson, teaching: TeachingSession, qtbot: QtBot
) -> None:
    view = page.trainings
    assert view.title.text() == "Faces"
    assert view.steer.text() == "&Begin" and view.caption.text().endswith("not begun")
    begin(page, taught, qtbot)
    qtbot.waitUntil(lambda: "runs here" in view.caption.text(), timeout=PATIENCE_MS)
    assert view.caption.text().startswith("Iteration 0 of 10,000")
    assert not view.delete.isEnabled()
    view.steer.click()
    qtbot.waitUntil(lambda: view.steer.text() == "&Resume", timeout=PATIENCE_MS)
    assert taught.status == "paused"
    view.steer.click()
    qtbot.waitUntil(lambda: view.steer.text() == "&Pause", timeout=PATIENCE_MS)
    assert taught.status == "running"
    view.finish.click()
    assert view.box is not None and "cannot go on later" in view.box.text()
    answer(view.box, "Cancel")
    assert taught.status is RunStatus.RUNNING
    view.finish.click()
    answer(view.box, "End it")
    qtbot.waitUntil(lambda: status_of(page, taught.run_id) is RunStatus.COMPLETE, timeout=PATIENCE_MS)
    assert not view.steer.isEnabled()
    assert view.caption.text().endswith("ended early")


def test_a_training_that_is_over_is_deleted_after_a_question(
    page: TrainingPage, taught: Lesson, qtbot: QtBot
) -> None:
    view = page.trainings
    view.ask_to_delete()
    assert view.box is not None and "keep their credit" in view.box.text()
    answer(view.box, "Delete")
    qtbot.waitUntil(lambda: not view.model.rows, timeout=PATIENCE_MS)
    assert not taught.query("SELECT 1 FROM gan.training_runs")
    assert view.empty.isVisible() and view.chosen is None
    assert not view.steer.isEnabled()


def test_only_one_training_can_go_on_and_the_button_says_why(
    page: TrainingPage, taught: Lesson, qtbot: QtBot
) -> None:
    begin(page, taught, qtbot)
    page.show_form()
    page.form.name.setText("Second")
    qtbot.waitUntil(page.form.make.isEnabled, timeout=PATIENCE_MS)
    assert not page.form.make_and_begin.isEnabled()
    page.form.make.click()
    qtbot.waitUntil(
        lambda: page.trainings.chosen is not None and page.trainings.chosen.name == "Second",
        timeout=PATIENCE_MS,
    )
    assert not page.trainings.steer.isEnabled()
    assert "one network at a time" in page.trainings.steer.toolTip()


# -- a new training --------------------------------------------------------------------------------


def test_a_preset_makes_a_training_with_estimates_beside_it(
    page: TrainingPage, taught: Lesson, qtbot: QtBot
) -> None:
    page.trainings.new.click()
    form = page.form
    assert form.isVisible() and form.name.placeholderText() == "Faces 1"
    figures = form.estimates
    qtbot.waitUntil(lambda: "Mbit/s" in figures._figures["traffic"].text(), timeout=PATIENCE_MS)
    assert figures._figures["faces"].text().startswith("about ")
    assert figures._details["total"].text() == "75 iterations"
    assert "Assumed: 30 laptops of 110 images/s" in figures.words.text()
    assert "so it was measured" in figures.words.text()
    [quick] = [button for button in form.findChildren(QPushButton) if button.text() == "Quick look"]
    quick.click()
    qtbot.waitUntil(lambda: figures._details["total"].text() == "40 iterations", timeout=PATIENCE_MS)
    form.make.click()
    qtbot.waitUntil(lambda: len(page.trainings.model.rows) == 2, timeout=PATIENCE_MS)
    run = find_run(taught.coordinator, taught.run_id + 1)
    assert run.name == "Faces 1"
    assert run.config == PRESETS[0].for_pictures(32)
    assert page.trainings.isVisible()


def test_a_network_too_slow_for_the_class_is_warned_of_with_what_to_choose(
    page: TrainingPage, qtbot: QtBot
) -> None:
    form = page.form
    page.show_form()
    form.estimates.network.setValue(1)
    qtbot.waitUntil(lambda: form.estimates.warning.text().startswith("Needs"), timeout=PATIENCE_MS)
    said = form.estimates.warning.text()
    assert said.startswith("Needs about ") and "for 30 students; your network carries: 1." in said
    assert "Choose units of " in said
    form.estimates.network.setValue(1_000)
    assert "Choose units" not in form.estimates.warning.text()


def test_what_is_wrong_is_said_beside_its_field_and_stays_written(page: TrainingPage, qtbot: QtBot) -> None:
    page.show_form()
    form = page.form
    form.advanced.click()
    rows = form.fields
    rows.row("step_batch").set_text("1")
    rows.row("quorum_share").set_text("lots")
    rows.row("max_unit_images").set_text("100")
    assert rows.row("step_batch").wrong == "Write 2 to 1024."
    assert rows.row("quorum_share").wrong == "Write above 0, at most 1."
    assert rows.row("max_unit_images").wrong == "Write as many as the smallest unit has, or more."
    qtbot.waitUntil(lambda: not form.make.isEnabled(), timeout=PATIENCE_MS)
    assert form.estimates._figures["traffic"].text() == "-"
    assert rows.row("quorum_share").text == "lots"
    for name, text in (("step_batch", "32"), ("quorum_share", "0.5"), ("max_unit_images", "4096")):
        rows.row(name).set_text(text)
        assert rows.row(name).wrong == ""
    config = rows.config()
    assert config is not None
    assert (config.step_batch, config.quorum_share, config.max_unit_images) == (32, 0.5, 4096)
    qtbot.waitUntil(form.make.isEnabled, timeout=PATIENCE_MS)


def test_too_few_pictures_are_warned_of(page: TrainingPage) -> None:
    page.show_form()
    assert page.form.few_pictures.isVisible()
    assert "by heart" in page.form.few_pictures.text()


def test_a_name_is_taken_once(page: TrainingPage, qtbot: QtBot) -> None:
    page.show_form()
    page.form.name.setText("Faces")
    assert "There is a training of this name" in page.form.told.text()
    assert not page.form.make.isEnabled()
    page.form.name.setText("Other faces")
    assert not page.form.told.isVisible()


def test_a_training_goes_on_from_a_file_and_brings_its_network(
    page: TrainingPage, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    begin(page, taught, qtbot)
    kept = page.trainings.kept
    page.trainings.segments.button(KEPT).click()
    qtbot.waitUntil(lambda: kept.chosen is not None, timeout=PATIENCE_MS)
    path = tmp_path / "faces.safetensors"
    kept.save_to(taught.run_id, 0, path)
    qtbot.waitUntil(
        lambda: "saved as faces.safetensors" in page.trainings.told.words.text(), timeout=PATIENCE_MS
    )
    assert read_checkpoint(path).info.iteration == 0
    page.show_form()
    form = page.form
    form.start.choose_file(tmp_path / "nothing.safetensors")
    qtbot.waitUntil(lambda: "nothing.safetensors" in form.start.told.text(), timeout=PATIENCE_MS)
    assert not form.make.isEnabled()
    form.start.choose_file(path)
    qtbot.waitUntil(form.make.isEnabled, timeout=PATIENCE_MS)
    # The network of the weights, with the preset's other settings.
    assert not form.fields.row("feature_maps").isEnabled()
    form.make.click()
    qtbot.waitUntil(lambda: len(page.trainings.model.rows) == 2, timeout=PATIENCE_MS)
    run = find_run(taught.coordinator, taught.run_id + 1)
    assert run.config.feature_maps == taught.config.feature_maps == 8
    assert run.config.target_iterations == PRESETS[1].config.target_iterations
    assert taught.query("SELECT 1 FROM gan.optimizer_state WHERE run_id = %s", run.run_id)


# -- kept iterations -------------------------------------------------------------------------------


def test_one_goes_back_to_a_kept_iteration_and_forks_from_it(
    page: TrainingPage, taught: Lesson, teaching: TeachingSession, qtbot: QtBot
) -> None:
    kept = page.trainings.kept
    begin(page, taught, qtbot)
    page.trainings.segments.button(KEPT).click()
    with worker_thread(taught):
        qtbot.waitUntil(lambda: taught.iteration >= 3, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: len(kept.model.rows) == 2, timeout=PATIENCE_MS)
    # The newest on top.
    qtbot.waitUntil(lambda: kept.order.row_at(kept.order.index(0, 0)).iteration >= 3, timeout=PATIENCE_MS)
    kept.table.selectRow(kept.order.rowCount() - 1)
    assert kept.chosen is not None and kept.chosen.iteration == 0
    qtbot.waitUntil(lambda: kept.faces.has_picture, timeout=PATIENCE_MS)
    before = taught.iteration
    kept.go_back.click()
    assert kept.box is not None and "to the weights of 0?" in kept.box.text()
    answer(kept.box, "Go back")
    qtbot.waitUntil(
        lambda: page.trainings.told.words.text().endswith(
            "has the weights of iteration 0; everybody goes on from it."
        ),
        timeout=PATIENCE_MS,
    )
    assert taught.iteration > before
    kept.fork.click()
    form = page.form
    assert form.isVisible()
    qtbot.waitUntil(form.make.isEnabled, timeout=PATIENCE_MS)
    form.make.click()
    qtbot.waitUntil(lambda: len(page.trainings.model.rows) == 2, timeout=PATIENCE_MS)
    assert find_run(taught.coordinator, taught.run_id + 1).config == taught.config


# -- settings --------------------------------------------------------------------------------------


def test_what_could_not_be_read_once_is_asked_again(
    page: TrainingPage, teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    read, is_away = checkpoints.kept_iterations, threading.Event()
    is_away.set()

    def kept_iterations(*args: Any) -> Any:
        if is_away.is_set():
            raise ConnectionFailed("The server is away.", cause="unreachable")
        return read(*args)

    monkeypatch.setattr(checkpoints, "kept_iterations", kept_iterations)
    kept = page.trainings.kept
    page.trainings.segments.button(KEPT).click()
    qtbot.waitUntil(lambda: kept.words.text() == "The server is away.", timeout=PATIENCE_MS)
    is_away.clear()
    teaching.refresh()
    qtbot.waitUntil(lambda: kept.words.text() == "No iteration is kept yet.", timeout=PATIENCE_MS)


def test_settings_of_a_running_training_are_changed_and_written_down(
    page: TrainingPage, taught: Lesson, teaching: TeachingSession, qtbot: QtBot
) -> None:
    begin(page, taught, qtbot)
    page.trainings.segments.button(SETTINGS).click()
    view = page.trainings.settings
    quorum = view.fields.row("quorum")
    qtbot.waitUntil(lambda: quorum.isEnabled(), timeout=PATIENCE_MS)
    assert not view.apply.isEnabled()
    quorum.set_text("7")
    qtbot.waitUntil(view.apply.isEnabled, timeout=PATIENCE_MS)
    # What is being written is not overwritten by the class's news.
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.refresh()
    assert view.has_changes
    view.apply.click()
    qtbot.waitUntil(
        lambda: "People needed: 0 becomes 7" in page.trainings.told.words.text(), timeout=PATIENCE_MS
    )
    assert find_run(taught.coordinator, taught.run_id).config == replace(taught.config, quorum=7)
    [event] = taught.query("SELECT message FROM gan.events WHERE kind = 'changed'")
    assert "quorum 0 -> 7" in event.message
    qtbot.waitUntil(lambda: view.fields.base.quorum == 7, timeout=PATIENCE_MS)
    quorum.set_text("8")
    qtbot.waitUntil(view.undo.isEnabled, timeout=PATIENCE_MS)
    view.undo.click()
    assert not view.has_changes and quorum.text == "7"


def test_fewer_iterations_than_there_are_already_are_remarked_upon(
    page: TrainingPage, taught: Lesson, qtbot: QtBot
) -> None:
    begin(page, taught, qtbot)
    page.trainings.segments.button(SETTINGS).click()
    view, length = page.trainings.settings, page.trainings.settings.fields.row("target_iterations")
    qtbot.waitUntil(length.isEnabled, timeout=PATIENCE_MS)
    assert view._run is not None
    view.show_run(replace(view._run, iteration=18))
    length.set_text("18")
    qtbot.waitUntil(
        lambda: "19 or more: the training is at iteration 18" in length.wrong, timeout=PATIENCE_MS
    )
    assert not view.apply.isEnabled()
    length.set_text("19")
    qtbot.waitUntil(view.apply.isEnabled, timeout=PATIENCE_MS)
    assert not length.wrong


def test_estimates_count_on_those_who_are_invited_until_another_number_is_written(
    page: TrainingPage, taught: Lesson, teaching: TeachingSession, qtbot: QtBot
) -> None:
    computers = page.form.estimates.computers
    assert computers.value() == 30
    enrol_card(taught.coordinator, entrance(taught.coordinator), "class", 8, timedelta(hours=1))
    teaching.refresh()
    qtbot.waitUntil(lambda: computers.value() == 8, timeout=PATIENCE_MS)
    # Not while somebody writes in it.
    page.show_form()
    page.window().activateWindow()
    computers.setFocus()
    qtbot.waitUntil(computers.hasFocus, timeout=PATIENCE_MS)
    computers.lineEdit().setText("1")
    enrol_card(taught.coordinator, entrance(taught.coordinator), "room", 9, timedelta(hours=1))
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.refresh()
    assert computers.lineEdit().text() == "1"
    computers.setValue(12)
    page.form.name.setFocus()
    taught.add_student("Ana")
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.refresh()
    assert computers.value() == 12


def test_where_there_is_no_room_figures_go_rather_than_that_the_table_scrolls(page: TrainingPage) -> None:
    table = page.trainings.table
    table.resize(900, 200)
    table.fit()
    assert not table.isColumnHidden(IMAGES) and not table.isColumnHidden(DISTANCE)
    table.resize(em(table, 25), 200)
    table.fit()
    assert table.isColumnHidden(IMAGES) and not table.isColumnHidden(ITERATION)
    assert table.horizontalHeader().length() <= table.viewport().width()


def test_the_page_offers_everything_that_may_change_and_nothing_else() -> None:
    offered = [field.name for group in GROUPS for field in group.fields]
    assert sorted(offered) == sorted(CHANGEABLE)
    everything = {field.name for group in (LENGTH, *ADVANCED) for field in group.fields}
    assert everything == set(RunConfig().to_json()) - {"image_size"}


# The page has words of its own for these, which name another field.
NAMING_FIELDS = ("step_batch or more", "min_unit_images or more", "0 (by the number of workers) or more")


def test_presets_fields_and_what_is_allowed_have_their_german() -> None:
    german = load_catalogue("de")
    texts = [text for preset in PRESETS for text in (preset.title, preset.words)]
    texts += [mend for _, _, mend in RunConfig().limits() if mend not in NAMING_FIELDS]
    assert [text for text in texts if text not in german] == []
