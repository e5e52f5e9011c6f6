"""The instructor's results: kept iterations, saving what was made, publishing it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.notices import events
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.admin.results.hub_publisher import HubPublisher
from gan_desktop.gui.admin.results.loader import LoaderSheet
from gan_desktop.gui.admin.results.page import ResultsPage
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import IterationPublished, RunStatus
from gan_desktop.settings import HuggingFaceSettings
from gan_desktop.training.checkpoint_file import read_checkpoint
from tests.gui.admin.conftest import PATIENCE_MS
from tests.integration.conftest import module_folder, superuser_address
from tests.integration.hub_stand_in import HubStandIn, Refusal, Repository, hub_stand_in, slowly
from tests.integration.lesson import Lesson, lesson, worker_thread
from tests.integration.programs import Recorder, running
from tests.integration.trained_class import KEEPING, trained_class

__all__ = ["module_folder"]

TOKEN = "hf_SecretSecretSecret"

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class Store(KeyringBackend):
    """A password store in memory."""

    priority = 1
    kept: dict[tuple[str, str], str]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr("keyring.get_keyring", lambda: made)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return made


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    with hub_stand_in() as made:
        made.add_account(TOKEN, "teacher")
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", made.url)
        yield made


@pytest.fixture(scope="module")
def trained(server: EmbeddedPostgres, module_folder: Path) -> Iterator[Lesson]:
    with trained_class(superuser_address(server), module_folder / "lesson") as held:
        # The window would go on with a training that is in progress.
        held.set_status(RunStatus.COMPLETE)
        yield held


@pytest.fixture
def page(
    idle_teaching: TeachingSession, trained: Lesson, store: Store, qtbot: QtBot
) -> Iterator[ResultsPage]:
    """The page over a class that has trained, with its list and the newest faces."""
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(TaughtClass(trained.coordinator, "Vision"))
    made = ResultsPage(idle_teaching)
    made.resize(790, 400)
    made.show()
    qtbot.waitUntil(lambda: made.reader.course is not None and made.faces.has_picture, timeout=PATIENCE_MS)
    yield made
    made.close()
    made.deleteLater()


def saved(page: ResultsPage, qtbot: QtBot, save: Callable[[], None]) -> str:
    """What is said once something is saved, or not."""
    save()
    assert page.saving.is_busy
    qtbot.waitUntil(lambda: not page.saving.is_busy, timeout=PATIENCE_MS)
    return page.saving.said.text()


# -- looking -------------------------------------------------------------------------------------


def test_kept_iterations_come_with_their_faces_the_newest_first(
    page: ResultsPage, trained: Lesson, qtbot: QtBot
) -> None:
    model = page.table.model()
    shown = [model.index(row, 1).data() for row in range(model.rowCount())]
    assert shown[0] == str(trained.iteration) and shown[-2:] == ["2", "0"]
    assert page.table.iteration == trained.iteration
    qtbot.waitUntil(
        lambda: model.index(model.rowCount() - 1, 0).data(Qt.ItemDataRole.DecorationRole) is not None,
        timeout=PATIENCE_MS,
    )
    remarks = [model.index(row, 4).data() for row in range(model.rowCount())]
    assert remarks.count("lowest distance") >= 1


def test_choosing_an_iteration_shows_its_faces(page: ResultsPage, qtbot: QtBot) -> None:
    page.table.choose(2)
    qtbot.waitUntil(lambda: page._caption.text() == "Iteration 2", timeout=PATIENCE_MS)


def test_a_class_without_a_training_says_when_there_will_be_results(
    teaching: TeachingSession, store: Store, qtbot: QtBot
) -> None:
    page = ResultsPage(teaching)
    qtbot.addWidget(page)
    assert "They begin with the first training" in page._empty.text()
    assert not page.everything.isEnabled()
    assert not page.publishing.publish_button.isEnabled()


def test_another_training_can_be_looked_at(page: ResultsPage, trained: Lesson, qtbot: QtBot) -> None:
    assert not page.runs.isVisibleTo(page)
    with second_training(trained) as run_id:
        page._session.refresh()
        qtbot.waitUntil(lambda: page.runs.count() == 2, timeout=PATIENCE_MS)
        for wanted in (run_id, trained.run_id):
            page.runs.activated.emit(page.runs.findData(wanted))
            qtbot.waitUntil(partial(is_shown, page, wanted), timeout=PATIENCE_MS)
            assert page.runs.currentData() == wanted


def is_shown(page: ResultsPage, run_id: int) -> bool:
    course = page.reader.course
    return course is not None and course.run.run_id == run_id


@contextmanager
def second_training(trained: Lesson) -> Iterator[int]:
    """A newer training that has drawn its first faces."""
    run_id = trained.add_run()
    coordinator = trained.make_coordinator(Recorder(), run_id)
    look = (
        "SELECT 1 FROM gan.samples JOIN gan.training_runs USING (run_id)"
        " WHERE run_id = %s AND status = 'running'"
    )
    try:
        with running(coordinator.run, coordinator.stop):
            trained.wait_until(lambda: trained.query(look, run_id), "its first faces")
            # Before the window could go on with it.
            trained.superuser.execute("UPDATE gan.training_runs SET status = 'complete'")
        yield run_id
    finally:
        trained.superuser.execute("DELETE FROM gan.training_runs WHERE run_id = %s", [run_id])


def test_the_results_are_read_only_while_somebody_looks(
    page: ResultsPage, trained: Lesson, qtbot: QtBot
) -> None:
    page.hide()
    with second_training(trained) as run_id:
        page._session.refresh()
        qtbot.waitUntil(lambda: page.reader.run_id == run_id, timeout=PATIENCE_MS)
        assert not page.reader._is_reading and is_shown(page, trained.run_id)
        page.show()
        qtbot.waitUntil(partial(is_shown, page, run_id), timeout=PATIENCE_MS)


# -- saving --------------------------------------------------------------------------------------


def test_a_checkpoint_is_saved_with_the_lines_that_load_it(
    page: ResultsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "faces of the class.safetensors"
    said = saved(page, qtbot, lambda: page.saving.save_checkpoint(2, path))
    assert str(path) in said
    assert read_checkpoint(path).info.iteration == 2
    [sheet] = page.findChildren(LoaderSheet)
    sheet.copy_button.click()
    lines = QGuiApplication.clipboard().text()
    assert str(path) in lines
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, check=True)
    with Image.open(tmp_path / "face.png") as face:
        assert face.size == (32, 32)
    sheet.accept()
    qtbot.waitUntil(lambda: not page.findChildren(LoaderSheet))


def test_faces_film_and_curves_are_saved(page: ResultsPage, tmp_path: Path, qtbot: QtBot) -> None:
    for save, name in (
        (lambda path: page.saving.save_faces(2, path), "faces.png"),
        (lambda path: page.saving.save_film(2, path), "film.gif"),
        (page.saving.save_curves_picture, "curves.png"),
        (page.saving.save_curves_table, "curves.csv"),
    ):
        said = saved(page, qtbot, lambda save=save, name=name: save(tmp_path / name))  # type: ignore[misc]
        assert name in said
    with Image.open(tmp_path / "film.gif") as film:
        assert getattr(film, "n_frames", 1) == 3
    with Image.open(tmp_path / "curves.png") as curves:
        assert curves.width > 1_000 and len(curves.convert("RGB").getcolors(1_000_000) or ()) > 20
    assert (tmp_path / "curves.csv").read_text("utf-8").startswith("iteration,images,")


def test_everything_goes_into_a_folder_of_its_own_and_a_second_time_into_another(
    page: ResultsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    for name in ("Faces iteration 2", "Faces iteration 2 (2)"):
        said = saved(page, qtbot, lambda: page.saving.save_everything(2, tmp_path))
        assert str(tmp_path / name) in said
        assert {
            "README.txt",
            "curves.png",
            "curves.csv",
            "training.gif",
            "faces",
            "iteration-0002.safetensors",
        } == {path.name for path in (tmp_path / name).iterdir()}


def test_of_the_newest_row_that_is_saved_which_is_the_newest_by_then(
    page: ResultsPage, trained: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    course = page.reader.course
    assert course is not None
    newest = course.kept[-1].iteration
    wanted: list[int | None] = []
    # As if the training went on: the newest weights are there until the next ones come.
    page.reader._course = replace(
        course, kept=(*course.kept[:-1], replace(course.kept[-1], is_checkpoint=False))
    )
    page.reader.course_changed.emit()
    page._save_weights(wanted.append)
    page.table.choose(2)
    page._save_weights(wanted.append)
    assert wanted == [None, 2]
    said = saved(page, qtbot, lambda: page.saving.save_everything(None, tmp_path))
    assert str(tmp_path / f"Faces iteration {newest}") in said
    path = tmp_path / "faces.safetensors"
    said = saved(page, qtbot, lambda: page.saving.save_checkpoint(None, path))
    assert f"Iteration {newest}" in said and read_checkpoint(path).info.iteration == newest


def test_what_could_not_be_saved_is_told_until_the_next_choice(
    page: ResultsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    assert "999" in saved(page, qtbot, lambda: page.saving.save_everything(999, tmp_path))
    assert page.saving.isVisible() and list(tmp_path.iterdir()) == []
    page.table.choose(2)
    assert not page.saving.isVisible()


def test_a_place_that_cannot_be_written_is_named_on_the_page(
    page: ResultsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    said = saved(page, qtbot, lambda: page.saving.save_curves_table(tmp_path / "nowhere" / "x.csv"))
    assert "Choose another folder" in said


def test_stopping_an_export_leaves_nothing(page: ResultsPage, tmp_path: Path, qtbot: QtBot) -> None:
    def begin_and_stop() -> None:
        page.saving.save_everything(2, place)
        page.saving.cancel()

    place = tmp_path / "results"
    place.mkdir()
    assert "Stopped" in saved(page, qtbot, begin_and_stop)
    assert list(place.iterdir()) == []


def test_leaving_the_class_stops_an_export_and_waits_for_its_end(
    page: ResultsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    page.saving.save_everything(2, tmp_path)
    assert page._session.works == ("Results are being saved.",)
    with qtbot.waitSignal(page._session.class_changed, timeout=PATIENCE_MS):
        page._session.leave()
    assert not page.saving.is_busy and not page._session.works
    assert "Stopped" in page.saving.said.text()
    assert list(tmp_path.glob("*iteration 2*")) == []


# -- publishing ----------------------------------------------------------------------------------


def fill_in(page: ResultsPage, qtbot: QtBot, repository: str = "faces", token: str = TOKEN) -> None:
    page.show_publishing(True)
    page.publishing.repository.setText(repository)
    page.publishing.token.setText(token)


def publish(page: ResultsPage, qtbot: QtBot) -> str:
    """Press the button; what is said in the end."""
    page.publishing.publish_button.click()
    publisher = page.publishing.publisher
    assert publisher.ongoing is not None
    qtbot.waitUntil(lambda: publisher.ongoing is None, timeout=PATIENCE_MS)
    return page.publishing._said.text()


def test_a_network_is_published_privately_and_the_token_kept_out_of_sight(
    page: ResultsPage, hub: HubStandIn, store: Store, trained: Lesson, qtbot: QtBot, tmp_path: Path
) -> None:
    fill_in(page, qtbot)
    said = publish(page, qtbot)
    assert "teacher/faces" in said and "Only you can see it" in said
    assert hub.repositories["teacher/faces"].is_private
    assert store.kept == {("gan-desktop", "huggingface.co"): TOKEN}
    assert page.publishing.token.text() == ""
    page.publishing._copy.click()
    assert QGuiApplication.clipboard().text() == f"{hub.url}/teacher/faces"
    assert "published at" in events(trained.coordinator)[0].message
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes()
    # The next time there is nothing to type.
    qtbot.waitUntil(lambda: page.publishing.publisher.has_token is True, timeout=PATIENCE_MS)
    assert page.publishing.publish_button.isEnabled()
    page.publishing._forget.click()
    qtbot.waitUntil(lambda: not store.kept, timeout=PATIENCE_MS)


def test_a_wrong_token_is_named_and_not_kept_and_everything_typed_stays(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    fill_in(page, qtbot, token="hf_wrong")
    assert "does not know this access token" in publish(page, qtbot)
    assert store.kept == {}
    assert page.publishing.token.text() == "hf_wrong" and page.publishing.repository.text() == "faces"


def test_who_publishes_privately_is_kept_from_a_public_repository(
    page: ResultsPage, hub: HubStandIn, qtbot: QtBot
) -> None:
    hub.repositories["teacher/faces"] = Repository(is_private=False)
    fill_in(page, qtbot)
    assert "everybody can see it" in publish(page, qtbot)
    page.publishing.public.click()
    assert "Everybody can see it" in publish(page, qtbot)


def test_a_computer_without_a_password_store_keeps_the_token_until_the_window_is_closed(
    page: ResultsPage, hub: HubStandIn, store: Store, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr("gan_desktop.credentials._backends", lambda: iter(()))
    fill_in(page, qtbot)
    assert "is published" in publish(page, qtbot)
    assert store.kept == {} and page.publishing.publisher.has_token
    assert "is published" in publish(page, qtbot)


def test_publishing_can_be_stopped_in_mid_file(
    page: ResultsPage, idle_teaching: TeachingSession, hub: HubStandIn, qtbot: QtBot
) -> None:
    hub.on_piece = slowly(0.05)
    fill_in(page, qtbot)
    page.publishing.publish_button.click()
    publisher = page.publishing.publisher
    qtbot.waitUntil(lambda: bool(hub.uploads()), timeout=PATIENCE_MS)
    assert page.publishing.cancel_button.isVisibleTo(page)
    assert idle_teaching.works == ("The network is being published on the Hugging Face Hub.",)
    page.publishing.cancel_button.click()
    qtbot.waitUntil(lambda: publisher.ongoing is None, timeout=PATIENCE_MS)
    assert not idle_teaching.works
    assert "was stopped" in page.publishing._said.text()
    assert not hub.repositories["teacher/faces"].messages


def test_the_preview_is_the_card_of_the_chosen_iteration(page: ResultsPage, qtbot: QtBot) -> None:
    page.show_publishing(True)
    page.publishing.choose(2)
    page.publishing.repository.setText("teacher/faces")
    browser = page.publishing.card
    qtbot.waitUntil(
        lambda: 'hf_hub_download("teacher/faces", "checkpoint.safetensors")' in browser.toPlainText(),
        timeout=PATIENCE_MS,
    )
    assert "How it was trained" in browser.toPlainText() and "library_name" not in browser.toPlainText()
    qtbot.waitUntil(lambda: bool(browser.pictures), timeout=PATIENCE_MS)


def test_the_figures_of_an_earlier_choice_that_come_last_are_dropped(page: ResultsPage, qtbot: QtBot) -> None:
    panel = page.publishing
    page.show_publishing(True)
    panel.choose(2)
    qtbot.waitUntil(lambda: panel._figures is not None and panel._figures.iteration == 2, timeout=PATIENCE_MS)
    meant = panel._figures
    assert meant is not None
    panel._take_figures(replace(meant, iteration=0))
    panel._take_figures(replace(meant, run=replace(meant.run, run_id=meant.run.run_id + 1)))
    assert panel._figures is meant


# -- by itself -----------------------------------------------------------------------------------


def iteration(number: int) -> IterationPublished:
    return IterationPublished(number, 1, 64, None, None, None, None, None, 1.0)


def automatic(page: ResultsPage, store: Store) -> HubPublisher:
    store.kept["gan-desktop", "huggingface.co"] = TOKEN
    publisher = page.publishing.publisher
    publisher.remember(repository="faces", is_automatic=True, push_interval=2)
    return publisher


def test_every_kth_iteration_that_this_window_publishes_goes_to_the_hub(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    publisher = automatic(page, store)
    page._session.published.emit(iteration(3))
    assert publisher.ongoing is None
    with qtbot.waitSignal(publisher.published, timeout=PATIENCE_MS):
        page._session.published.emit(iteration(4))
    assert hub.repositories["teacher/faces"].messages


def is_at(held: Lesson, iteration: int) -> bool:
    return held.iteration == iteration


def test_each_training_of_this_window_ends_with_its_last_iteration_on_the_hub(
    idle_teaching: TeachingSession,
    server: EmbeddedPostgres,
    hub: HubStandIn,
    store: Store,
    open_folder: Path,
    qtbot: QtBot,
) -> None:
    with lesson(
        superuser_address(server), open_folder / "lesson", replace(KEEPING, target_iterations=3)
    ) as held:
        with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
            idle_teaching.teach(TaughtClass(held.coordinator, "Vision"))
        page = ResultsPage(idle_teaching)
        qtbot.addWidget(page)
        publisher = automatic(page, store)
        told: list[int] = []
        publisher.published.connect(lambda published: told.append(published.iteration))
        idle_teaching.begin_training(held.run_id)
        # Not on to 3 before 2 is on the Hub: what falls due meanwhile takes the place of what waits.
        for iteration in (1, 2):
            with worker_thread(held, max_units=1):
                qtbot.waitUntil(partial(is_at, held, iteration), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: told == [2], timeout=PATIENCE_MS)
        with worker_thread(held):
            qtbot.waitUntil(lambda: told[-1:] == [3], timeout=PATIENCE_MS)
        # 3 is no multiple of 2, and the next training ends with the same number.
        assert len(told) == 2
        publisher.remember(push_interval=1_000)
        qtbot.waitUntil(lambda: idle_teaching.coordination.place != "here", timeout=PATIENCE_MS)
        second = held.add_run()
        with worker_thread(held):
            idle_teaching.begin_training(second)
            qtbot.waitUntil(lambda: len(told) == 3, timeout=PATIENCE_MS)
        assert told[2] == 3
        assert idle_teaching.trouble is None
        with qtbot.waitSignal(idle_teaching.class_changed, timeout=PATIENCE_MS):
            idle_teaching.leave()


def test_cancelling_also_drops_what_fell_due_meanwhile(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    hub.on_piece = slowly(0.05)
    publisher = automatic(page, store)
    page._session.published.emit(iteration(4))
    page._session.published.emit(iteration(6))
    qtbot.waitUntil(lambda: bool(hub.uploads()), timeout=PATIENCE_MS)
    publisher.cancel()
    qtbot.waitUntil(lambda: publisher.ongoing is None, timeout=PATIENCE_MS)
    assert not hub.repositories["teacher/faces"].messages


def test_switching_it_off_drops_what_fell_due(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    publisher = automatic(page, store)
    page._session.published.emit(iteration(4))
    page._session.published.emit(iteration(6))
    publisher.remember(is_automatic=False)
    with qtbot.waitSignal(publisher.published, timeout=PATIENCE_MS):
        pass
    assert publisher.ongoing is None


def test_publishing_ends_with_its_class(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    hub.on_piece = slowly(0.05)
    publisher = automatic(page, store)
    page._session.published.emit(iteration(4))
    page._session.published.emit(iteration(6))
    qtbot.waitUntil(lambda: bool(hub.uploads()), timeout=PATIENCE_MS)
    with qtbot.waitSignal(page._session.class_changed, timeout=PATIENCE_MS):
        page._session.leave()
    assert publisher.ongoing is None
    # Without a class there is nothing to wait for.
    publisher.publish(None, None)
    assert publisher.ongoing is None


def test_a_trouble_on_the_way_is_told_once_as_a_warning(
    page: ResultsPage, hub: HubStandIn, store: Store, qtbot: QtBot
) -> None:
    publisher = automatic(page, store)
    hub.refusals["/api/whoami-v2"] = Refusal(429, "", {"Retry-After": "60"})
    told: list[object] = []
    page._session.trouble_changed.connect(told.append)
    for number in (4, 6):
        page._session.published.emit(iteration(number))
        qtbot.waitUntil(lambda: publisher.ongoing is None, timeout=PATIENCE_MS)
    assert len(told) == 1
    assert page._session.trouble is not None and page._session.trouble.is_warning


def test_what_config_yaml_says_is_what_the_panel_begins_with(
    idle_teaching: TeachingSession, trained: Lesson, store: Store, qtbot: QtBot
) -> None:
    settings = HuggingFaceSettings(enabled=True, repo_id="teacher/faces", push_interval=7)
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(TaughtClass(trained.coordinator, "Vision", hub=settings))
    page = ResultsPage(idle_teaching)
    qtbot.addWidget(page)
    assert page.publishing.repository.text() == "teacher/faces"
    assert page.publishing.automatic.isChecked() and page.publishing.interval.value() == 7
    # What the person changes here holds from then on.
    page.publishing.automatic.click()
    again = ResultsPage(idle_teaching)
    qtbot.addWidget(again)
    assert not again.publishing.automatic.isChecked()


# -- looks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
def test_everything_fits_into_the_smallest_window(
    application: QApplication, page: ResultsPage, language: str
) -> None:
    install_translation(application, language)
    try:
        again = ResultsPage(page._session)
        hint = again.minimumSizeHint()
        assert hint.width() <= 790 and hint.height() <= 420, hint
        again.deleteLater()
    finally:
        install_translation(application, "en")
