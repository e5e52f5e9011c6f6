"""A class's network on the Hub: by hand, by itself, from the console; what the card says and does not."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from gan_desktop.class_admin.automatic_publishing import automatic_publishing
from gan_desktop.class_admin.loader_snippet import file_snippet
from gan_desktop.class_admin.model_card import CARD, CHECKPOINT, CONFIG, FACES, FILM, model_card
from gan_desktop.class_admin.notices import events
from gan_desktop.class_admin.portrait import figures_of
from gan_desktop.class_admin.publishing import Stage, Wish, publish
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import GanDesktopError, PublishingFailed
from gan_desktop.settings import HuggingFaceSettings
from gan_desktop.training.checkpoint_file import read_checkpoint
from tests.integration.conftest import superuser_address
from tests.integration.console import finish, gan_desktop, start, write_config
from tests.integration.hub_stand_in import HubStandIn, Refusal, hub_stand_in
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import Recorder
from tests.integration.trained_class import PEOPLE, trained_class

TOKEN = "hf_SecretSecretSecret"
WISH = Wish("teacher/faces")

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def trained(server: EmbeddedPostgres, module_folder: Path) -> Iterator[Lesson]:
    with trained_class(superuser_address(server), module_folder / "lesson") as held:
        yield held


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with hub_stand_in() as made:
        made.add_account(TOKEN, "teacher")
        yield made


def published_files(hub: HubStandIn) -> dict[str, bytes]:
    return hub.repositories["teacher/faces"].files


def front_matter(card: str) -> dict[str, object]:
    values = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(values, dict)
    return values


# -- by hand -------------------------------------------------------------------------------------


def test_an_iteration_is_published_with_all_that_explains_it(
    trained: Lesson, hub: HubStandIn, tmp_path: Path
) -> None:
    told: list[tuple[Stage, int, int]] = []
    published = publish(
        trained.coordinator,
        Wish("teacher/faces", iteration=2),
        TOKEN,
        endpoint=hub.url,
        on_progress=lambda *progress: told.append(progress),
    )
    files = published_files(hub)
    assert set(files) == {CHECKPOINT, CONFIG, FACES, FILM, CARD}
    assert published.num_bytes == sum(map(len, files.values()))
    assert published.url == f"{hub.url}/teacher/faces" and published.is_private
    (tmp_path / CHECKPOINT).write_bytes(files[CHECKPOINT])
    assert read_checkpoint(tmp_path / CHECKPOINT).info.iteration == 2
    assert json.loads(files[CONFIG])["iteration"] == 2
    assert [stage for stage, *_ in told] == sorted((stage for stage, *_ in told), key=list(Stage).index)
    assert "published at" in events(trained.coordinator)[0].message


def test_the_film_goes_from_the_first_iteration_to_the_published_one(
    trained: Lesson, hub: HubStandIn
) -> None:
    publish(trained.coordinator, Wish("teacher/faces", iteration=2), TOKEN, endpoint=hub.url)
    with picture(hub, FILM) as film:
        assert getattr(film, "n_frames", 1) == 3


def picture(hub: HubStandIn, name: str) -> Image.Image:
    return Image.open(io.BytesIO(published_files(hub)[name]))


def test_no_students_name_and_no_token_is_in_anything_published(trained: Lesson, hub: HubStandIn) -> None:
    trained.superuser.execute("UPDATE gan.workers SET hostname = 'laptop-of-zebedee'")
    publish(trained.coordinator, WISH, TOKEN, endpoint=hub.url)
    messages = " ".join(hub.repositories["teacher/faces"].messages)
    everything = b"".join(published_files(hub).values()) + messages.encode()
    login = (trained.coordinator.user, trained.coordinator.password or "-")
    for secret in (*PEOPLE, "laptop-of-zebedee", TOKEN, "Vision", *login):
        assert secret.encode() not in everything
    assert TOKEN not in " ".join(event.message for event in events(trained.coordinator))


def test_the_card_tells_how_it_was_trained(trained: Lesson) -> None:
    figures = figures_of(trained.coordinator, 2)
    card = model_card(figures, "teacher/faces")
    assert f"| images seen | {figures.num_images:,} |" in card and figures.num_images > 0
    assert "| computers | 2 |" in card or "| computers | 1 |" in card
    assert "| distance |" in card
    assert front_matter(card)["library_name"] == "gan-desktop"
    assert "license" not in front_matter(card)


def test_the_card_of_a_training_on_celeba_tells_its_terms(trained: Lesson) -> None:
    trained.superuser.execute("UPDATE gan.datasets SET name = 'CelebA'")
    try:
        card = model_card(figures_of(trained.coordinator), "teacher/faces")
    finally:
        trained.superuser.execute("UPDATE gan.datasets SET name = 'Faces'")
    assert front_matter(card)["license_name"] == "celeba-non-commercial"
    assert "non-commercial research purposes only" in card


def test_a_trainings_name_cannot_change_what_the_card_is(trained: Lesson) -> None:
    evil = "x\n---\nlicense: mit\n# <script>alert(1)</script> [a](b) ![c](d)"
    trained.superuser.execute("UPDATE gan.training_runs SET name = %s", [evil])
    try:
        card = model_card(figures_of(trained.coordinator), "teacher/faces")
    finally:
        trained.superuser.execute("UPDATE gan.training_runs SET name = 'Faces'")
    assert "license" not in front_matter(card)
    assert "<script>" not in card and "[a](b)" not in card


def test_the_cards_lines_draw_a_face_from_what_is_published(
    trained: Lesson, hub: HubStandIn, tmp_path: Path
) -> None:
    publish(trained.coordinator, WISH, TOKEN, endpoint=hub.url)
    card = published_files(hub)[CARD].decode()
    lines = card.split("```python\n")[1].split("```")[0]
    run_lines(lines, tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN, HF_HOME=str(tmp_path / "home"))


def test_the_lines_beside_a_saved_checkpoint_draw_a_face(
    trained: Lesson, hub: HubStandIn, tmp_path: Path
) -> None:
    publish(trained.coordinator, WISH, TOKEN, endpoint=hub.url)
    path = tmp_path / 'odd "name" \\ ü.safetensors'
    path.write_bytes(published_files(hub)[CHECKPOINT])
    run_lines(file_snippet(str(path)), tmp_path)


def run_lines(lines: str, folder: Path, **environment: str) -> None:
    subprocess.run([sys.executable, "-c", lines], cwd=folder, env={**os.environ, **environment}, check=True)
    with Image.open(folder / "face.png") as face:
        assert face.size == (32, 32)


def test_the_documented_lines_are_the_same() -> None:
    docs = Path(__file__).parents[2] / "docs" / "checkpoints.md"
    assert file_snippet("newest.safetensors") in docs.read_text("utf-8")


def test_an_iteration_without_a_grid_gets_faces_drawn(trained: Lesson, hub: HubStandIn) -> None:
    trained.superuser.execute("CREATE TABLE put_away AS SELECT * FROM gan.samples WHERE iteration = 2")
    trained.superuser.execute("DELETE FROM gan.samples WHERE iteration = 2")
    try:
        publish(trained.coordinator, Wish("teacher/faces", iteration=2), TOKEN, endpoint=hub.url)
    finally:
        trained.superuser.execute("INSERT INTO gan.samples SELECT * FROM put_away")
        trained.superuser.execute("DROP TABLE put_away")
    with picture(hub, FACES) as faces:
        assert faces.width > 8 * 32


def test_without_a_token_the_class_is_not_even_asked(trained: Lesson, hub: HubStandIn) -> None:
    with pytest.raises(PublishingFailed) as caught:
        publish(trained.coordinator, WISH, None, endpoint=hub.url)
    assert caught.value.cause == "no_token" and not hub.asked


def test_an_iteration_that_is_not_kept_is_named_with_those_that_are(trained: Lesson, hub: HubStandIn) -> None:
    with pytest.raises(GanDesktopError, match=r"Training \d+ does not keep iteration 1. Kept are 0, 2"):
        publish(trained.coordinator, Wish("teacher/faces", iteration=1), TOKEN, endpoint=hub.url)


# -- by itself -----------------------------------------------------------------------------------


def test_nothing_is_published_unless_the_settings_say_so(trained: Lesson) -> None:
    off = HuggingFaceSettings(repo_id="teacher/faces")
    assert automatic_publishing(Recorder(), trained.coordinator, 1, off, TOKEN) is None


def test_a_headless_coordinator_publishes_as_config_yaml_says(
    server: EmbeddedPostgres, open_folder: Path, hub: HubStandIn
) -> None:
    with lesson(superuser_address(server), open_folder, SHORT_UNITS) as held:
        environment = {
            "GAN_DESKTOP_HUGGINGFACE__ENABLED": "true",
            "GAN_DESKTOP_HUGGINGFACE__REPO_ID": "teacher/faces",
            "GAN_DESKTOP_HUGGINGFACE__PUSH_INTERVAL": "2",
            "HF_TOKEN": TOKEN,
            "HF_ENDPOINT": hub.url,
        }
        program = held.start_coordinator(environment=environment)
        held.await_training()
        with worker_thread(held):
            program.await_line("is published at")
            # Whatever the Hub does, the training goes on, and says so once.
            hub.refusals["/api/whoami-v2"] = Refusal(429, "", {"Retry-After": "60"})
            program.await_line("The Hub asks for a pause")
            reached = held.iteration
            held.await_iteration(reached + 5)
        program.interrupt()
        assert program.exit_code() == 0
        assert program.log.count("The Hub asks for a pause") == 1
        assert TOKEN not in program.log
        repository = hub.repositories["teacher/faces"]
        assert repository.is_private and CHECKPOINT in repository.files


# -- on the console ------------------------------------------------------------------------------


def test_class_publish_publishes_and_says_where(trained: Lesson, hub: HubStandIn, tmp_path: Path) -> None:
    config = write_config(tmp_path, trained.coordinator)
    answer = gan_desktop(
        "class", "publish", "--config", config, "--repo", "faces", "--iteration", 2,
        HF_TOKEN=TOKEN, HF_ENDPOINT=hub.url,
    )  # fmt: skip
    assert answer.code == 0, answer.said
    assert f"Iteration 2 is published at {hub.url}/teacher/faces (only its owner sees it)" in answer.stdout
    assert TOKEN not in answer.said
    assert hub.repositories["teacher/faces"].is_private


def test_class_publish_names_what_is_missing(trained: Lesson, hub: HubStandIn, tmp_path: Path) -> None:
    config = write_config(tmp_path, trained.coordinator)
    nowhere = gan_desktop("class", "publish", "--config", config)
    assert nowhere.code == 2 and "--repo OWNER/NAME" in nowhere.stderr
    no_token = gan_desktop("class", "publish", "--config", config, "--repo", "a/b", HF_ENDPOINT=hub.url)
    assert no_token.code == 1 and "No access token" in no_token.stderr
    assert not hub.asked


def test_class_publish_public_makes_a_public_repository(
    trained: Lesson, hub: HubStandIn, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path, trained.coordinator, huggingface={"repo_id": "teacher/faces", "token": TOKEN}
    )
    answer = gan_desktop("class", "publish", "--config", config, "--public", HF_ENDPOINT=hub.url)
    assert answer.code == 0, answer.said
    assert not hub.repositories["teacher/faces"].is_private
    assert TOKEN.encode() not in b"".join(published_files(hub).values())


def test_class_publish_can_show_the_card_first(trained: Lesson, hub: HubStandIn, tmp_path: Path) -> None:
    config = write_config(tmp_path, trained.coordinator)
    answer = gan_desktop("class", "publish", "--config", config, "--repo", "teacher/faces", "--show-card")
    assert answer.code == 0 and "# Faces" in answer.stdout and "```python" in answer.stdout
    assert not hub.asked


def test_ctrl_c_stops_class_publish_before_anything_is_shown(
    trained: Lesson, hub: HubStandIn, tmp_path: Path
) -> None:
    config = write_config(tmp_path, trained.coordinator)
    arrived = threading.Event()

    def dawdle(_num_bytes: int) -> None:
        arrived.set()
        time.sleep(0.03)

    hub.on_piece = dawdle
    with start(
        "class", "publish", "--config", config, "--repo", "faces",
        environment={"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.url},
    ) as process:  # fmt: skip
        assert arrived.wait(60)
        process.send_signal(signal.SIGINT)
        answer = finish(process)
    assert answer.code == 130, answer.said
    assert "Files that have arrived need not be sent again" in answer.stdout
    assert not hub.repositories["teacher/faces"].messages
