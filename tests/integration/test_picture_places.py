"""Where a class's pictures come from and lie: the Hub, a web server, a student's own copy."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_desktop.class_admin.pictures import WebPlace, import_pictures
from gan_desktop.class_admin.trainings import create_run
from gan_desktop.cli import main
from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.database.address import Address
from gan_desktop.database.downloads import Downloads
from gan_desktop.errors import DownloadFailed, PayloadError
from gan_desktop.records import Notice, RunConfig, Shard, UnitDelivered, UnitDropped
from gan_desktop.training import shards as shards_module
from gan_desktop.training.faces import draw_face
from gan_desktop.training.images import DrawnFaces, open_source
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.shards import read_shard
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions
from tests.integration.classroom import Classroom
from tests.integration.console import Answer, write_config
from tests.integration.programs import LOOK_S, Recorder, running, wait_until
from tests.web_server import COMMIT, Fault, WebServer, web_server

# Over in seconds: a small network, few images.
CONFIG = RunConfig(
    feature_maps=4,
    latent_size=8,
    first_unit_images=32,
    min_unit_images=32,
    max_unit_images=32,
    unit_seconds=1.0,
    evaluate_every=1,
    audit_share=0.0,
    target_iterations=1_000,
)

ClassCommand = Callable[..., Answer]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    """Runs `gan-desktop class ...` in this process, in the folder of the instructor's config.yaml."""
    write_config(tmp_path, classroom.coordinator_address, password=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGPASSWORD", classroom.coordinator_address.password or "")

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards_module, "MAX_SHARD_IMAGES", 40)


def save_pictures(folder: Path, count: int, size: int = 40, *, mode: str = "RGB") -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(draw_face(number, size)).convert(mode).save(folder / f"{number:03}.png")
    return folder


def zip_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return buffer.getvalue()


def shards_of(classroom: Classroom, dataset_id: int) -> Sequence[Shard]:
    return Downloads(classroom.coordinator).shards(dataset_id)


def serve(web: WebServer, folder: Path) -> None:
    """Put exported files where the class looks for them."""
    for path in folder.iterdir():
        web.files[f"/pictures/{path.name}"] = path.read_bytes()


class Lesson:
    """A training of one worker, both loops in this process."""

    def __init__(
        self, classroom: Classroom, folder: Path, dataset_id: int, config: RunConfig = CONFIG
    ) -> None:
        self._folder = folder
        self._coordinator = classroom.coordinator_address
        run_id = create_run(self._coordinator, "Faces", config, dataset_id)
        login = classroom.add_student()
        self._student: Address = classroom.address(login.user, login.password)
        self.seen, self.worker_seen = Recorder(), Recorder()
        cache = ShardCache(folder / "main", 10**9)
        self.coordinator = Coordinator(self._coordinator, run_id, cache, self.seen, poll_s=LOOK_S)

    def hold(self, num_units: int, **options: object) -> None:
        """Train until the worker has delivered so many units."""
        home = WorkerHome.open(self._folder / "worker", "ana")
        wishes = WorkerOptions(
            name="Ana", num_threads=1, poll_interval_s=0.2, heartbeat_interval_s=0.2, max_units=num_units
        )
        wishes = WorkerOptions(**{**vars(wishes), **options})
        cache = ShardCache(self._folder / "shards", 10**9)
        worker = Worker(self._student, home, cache, wishes, self.worker_seen)
        try:
            with running(self.coordinator.run, self.coordinator.stop):
                worker.run()
        finally:
            home.close()

    @property
    def notices(self) -> list[str]:
        return [notice.text for notice in self.worker_seen.of(Notice)]


# -- the Hub -------------------------------------------------------------------------------------


def test_pictures_come_from_the_hub_and_an_interrupted_download_goes_on(
    class_command: ClassCommand,
    classroom: Classroom,
    web: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = zip_of(save_pictures(tmp_path / "pictures", 100, size=200))
    web.add_repository("ana/faces", {"faces.zip": packed, "README.md": b"# Faces"})
    for prefix in ("/api/datasets/ana/faces", "/datasets/ana/faces"):
        web.secret[prefix] = "hf_right"
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    refused = class_command("import", "hub:ana/faces")
    assert refused.code == 1
    assert "huggingface.token" in refused.stderr

    monkeypatch.setenv("HF_TOKEN", "hf_right")
    path = f"/datasets/ana/faces/resolve/{COMMIT}/faces.zip"
    web.faults[path] = [Fault(drop_after=len(packed) // 2), Fault(status=404)]
    broken = class_command("import", "hub:ana/faces")
    assert broken.code == 1
    imported = class_command("import", "hub:ana/faces")
    assert imported.code == 0
    assert "Fetching 1 files" in imported.stdout
    assert "95 pictures to learn from, 5 kept for measuring, 0 skipped" in imported.stdout
    last_range = web.ranges(path)[-1]
    assert last_range is not None and last_range > "bytes=0-"
    [row] = classroom.superuser.query("SELECT name, num_images FROM gan.datasets")
    assert (row.name, row.num_images) == ("faces", 100)

    num_asked = len(web.ranges(path))
    assert class_command("import", "hub:ana/faces", "--size", "64").code == 0
    assert len(web.ranges(path)) == num_asked  # it is still here


# -- the console's other words -------------------------------------------------------------------


def test_an_estimate_stores_nothing(
    class_command: ClassCommand, classroom: Classroom, tmp_path: Path
) -> None:
    folder = save_pictures(tmp_path / "pictures", 90)
    for number in range(10):
        (folder / f"broken{number}.jpg").write_bytes(b"")
    answer = class_command("import", folder, "--estimate")
    assert answer.code == 0
    assert "pictures: 100 pictures. At 32 pixels they take about 1 MB; importing" in answer.stdout
    assert "can be used. For example broken" in answer.stdout
    assert classroom.superuser.query("SELECT 1 FROM gan.datasets") == []


def test_many_skipped_files_are_summed_on_the_screen_and_listed_in_a_file(
    class_command: ClassCommand, tmp_path: Path
) -> None:
    folder = save_pictures(tmp_path / "pictures", 90)
    for number in range(50):
        (folder / f"broken\x1b[31m{number}.jpg").write_bytes(b"no picture")
    answer = class_command("import", folder, "--skipped-list", tmp_path / "skipped.txt")
    assert answer.code == 0
    assert answer.stderr.count("skipped broken") == 20
    assert "skipped 30 more" in answer.stderr
    assert "\x1b" not in answer.said
    lines = (tmp_path / "skipped.txt").read_text("utf-8").splitlines()
    assert len(lines) == 50
    assert all(line.endswith("\tnot a picture in a known format") for line in lines)


def test_options_that_belong_together_are_asked_for(class_command: ClassCommand, tmp_path: Path) -> None:
    half = class_command("import", "--drawn", "100", "--export-shards", tmp_path / "web")
    assert half.code == 2
    assert "--url" in half.stderr
    plain = class_command(
        "import", "--drawn", "100", "--export-shards", tmp_path / "web", "--url", "http://192.0.2.1/p"
    )
    assert plain.code == 1
    assert "is not an https address" in plain.stderr
    assert not (tmp_path / "web").exists()


# -- a web server --------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_shards")
def test_a_class_learns_from_pictures_on_a_web_server(
    class_command: ClassCommand, classroom: Classroom, web: WebServer, tmp_path: Path
) -> None:
    folder = tmp_path / "for the web"
    url = f"{web.url}/pictures/"
    imported = class_command("import", "--drawn", "120", "--export-shards", folder, "--url", url)
    assert imported.code == 0
    assert f"copy the files of {folder}" in imported.stdout
    assert len(list(folder.glob("*.tar"))) == 3
    # Only what students must not see lies in the database.
    held_out = classroom.superuser.query(
        "SELECT s.is_held_out FROM gan.shard_payloads JOIN gan.dataset_shards AS s USING (shard_id)"
    )
    assert [row.is_held_out for row in held_out] == [True]

    missing = class_command("check-pictures")
    assert missing.code == 1
    assert "3 of 4 files of data set 1 cannot be had" in missing.stderr
    serve(web, folder)
    checked = class_command("check-pictures")
    assert checked.code == 0
    assert "all 4 files with 120 pictures are there and whole" in checked.stdout

    for shard in shards_of(classroom, 1)[:3]:
        web.faults[f"/pictures/{shard.sha256}.tar"] = [Fault(status=503), Fault(drop_after=1_000)]
    lesson = Lesson(classroom, tmp_path, dataset_id=1)
    lesson.hold(num_units=3)
    assert len(lesson.worker_seen.of(UnitDelivered)) == 3
    assert lesson.worker_seen.of(UnitDropped) == []


def test_a_web_server_that_lost_the_pictures_is_named(
    classroom: Classroom, web: WebServer, tmp_path: Path
) -> None:
    place = WebPlace(tmp_path / "web", f"{web.url}/pictures")
    dataset_id, _ = import_pictures(classroom.coordinator_address, DrawnFaces(100), 32, web=place)
    downloads = Downloads(classroom.log_in(classroom.add_student()))
    shard = downloads.shards(dataset_id)[0]
    with pytest.raises(PayloadError, match=rf"has no file .*{shard.sha256}\.tar"):
        downloads.shard(shard)
    web.files[f"/pictures/{shard.sha256}.tar"] = bytes(shard.num_bytes)
    with pytest.raises(PayloadError, match="arrived damaged twice"):
        downloads.shard(shard)


@pytest.mark.usefixtures("small_shards")
def test_importing_the_same_pictures_again_moves_them(
    classroom: Classroom, web: WebServer, tmp_path: Path
) -> None:
    place = WebPlace(tmp_path / "web", f"{web.url}/pictures")

    def store(web_place: WebPlace | None) -> tuple[int, int]:
        """The data set's number, and how many shards lie in the database."""
        dataset_id, _ = import_pictures(classroom.coordinator_address, DrawnFaces(120), 32, web=web_place)
        return dataset_id, len(classroom.superuser.query("SELECT 1 FROM gan.shard_payloads"))

    downloads = Downloads(classroom.log_in(classroom.add_student()))
    assert store(None) == (1, 4)
    before = [downloads.shard(shard) for shard in downloads.shards(1) if not shard.is_held_out]
    old_list = downloads.shards(1)
    assert store(place) == (1, 1)
    serve(web, place.folder)
    # Also for a worker that read the list before.
    assert [downloads.shard(shard) for shard in old_list if not shard.is_held_out] == before
    assert store(None) == (1, 4)
    web.files.clear()
    assert [downloads.shard(shard) for shard in old_list if not shard.is_held_out] == before
    assert len(classroom.superuser.query("SELECT 1 FROM gan.dataset_shards")) == 4


def test_an_import_that_fails_leaves_no_files(classroom: Classroom, tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "other.tar").write_bytes(b"another data set's")
    place = WebPlace(folder, "https://192.0.2.1/pictures")
    is_cancelled = False

    def cancel(done: int, total: int) -> None:
        nonlocal is_cancelled
        is_cancelled = done >= total

    with pytest.raises(Exception, match="cancelled"):
        import_pictures(
            classroom.coordinator_address,
            DrawnFaces(4_000),
            32,
            web=place,
            on_progress=lambda done, total: cancel(done + 500, total),
            should_cancel=lambda: is_cancelled,
        )
    assert [path.name for path in folder.iterdir()] == ["other.tar"]
    assert classroom.superuser.query("SELECT 1 FROM gan.datasets") == []
    with pytest.raises(DownloadFailed):
        import_pictures(classroom.coordinator_address, DrawnFaces(100), 32, web=WebPlace(folder, "web"))


# -- what students get ---------------------------------------------------------------------------


def test_students_do_not_get_what_measures_quality(classroom: Classroom) -> None:
    dataset_id, summary = import_pictures(classroom.coordinator_address, DrawnFaces(100), 32)
    student = Downloads(classroom.log_in(classroom.add_student()))
    instructor = Downloads(classroom.coordinator)
    learned, held_out = student.shards(dataset_id)
    assert (learned.is_held_out, held_out.is_held_out) == (False, True)
    assert read_shard(student.shard(learned)).shape[0] == summary.num_images - summary.num_held_out
    with pytest.raises(PayloadError, match="no bytes for shard"):
        student.shard(held_out)
    assert read_shard(instructor.shard(held_out)).shape[0] == summary.num_held_out


# -- a student's own copy ------------------------------------------------------------------------


@pytest.mark.usefixtures("small_shards")
def test_a_worker_with_the_same_pictures_downloads_none(classroom: Classroom, tmp_path: Path) -> None:
    packed = tmp_path / "pictures.zip"
    packed.write_bytes(zip_of(save_pictures(tmp_path / "pictures", 120)))
    with open_source(packed) as source:
        dataset_id, _ = import_pictures(classroom.coordinator_address, source, 32)
    # What is not in the database can only be made here.
    classroom.superuser.execute(
        "DELETE FROM gan.shard_payloads USING gan.dataset_shards AS s"
        " WHERE s.shard_id = shard_payloads.shard_id AND NOT s.is_held_out"
    )
    lesson = Lesson(classroom, tmp_path, dataset_id)
    lesson.hold(num_units=3, dataset_path=tmp_path / "pictures")
    assert len(lesson.worker_seen.of(UnitDelivered)) == 3
    wait_until(lambda: any("none of them is downloaded" in text for text in lesson.notices), "the last words")


# -- large and grey pictures ---------------------------------------------------------------------


def test_grey_pictures_of_128_pixels_are_learned_from(
    class_command: ClassCommand, classroom: Classroom, tmp_path: Path
) -> None:
    folder = save_pictures(tmp_path / "grey", 80, size=150, mode="L")
    assert class_command("import", folder, "--size", "128").code == 0
    config = RunConfig(**{**CONFIG.to_json(), "image_size": 128})
    lesson = Lesson(classroom, tmp_path, dataset_id=1, config=config)
    lesson.hold(num_units=2)
    results = [report.result for report in lesson.worker_seen.of(UnitDelivered)]
    assert len(results) == 2
    assert all(np.isfinite([result.loss_d, result.loss_g]).all() for result in results)
    [row] = classroom.superuser.query("SELECT count(*) AS num FROM gan.updates WHERE status = 'not_counted'")
    assert row.num == 0
    pixels = read_shard(Downloads(classroom.coordinator).shard(shards_of(classroom, 1)[0]))
    assert pixels.shape[1:] == (3, 128, 128)
    assert int((pixels[:, 0].int() - pixels[:, 2].int()).abs().max()) <= 2  # grey after the JPEG, too
