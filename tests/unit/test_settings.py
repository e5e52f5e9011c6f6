"""Settings: from file, environment and arguments, and a sentence for each mistake."""

from __future__ import annotations

import dataclasses
import re
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig
from gan_desktop.settings import DatabaseSettings, Settings, load_settings

TEMPLATE = Path(__file__).parents[2] / "config.yaml.template"
SECRET = "hunter2-Pferd"


def load_text(text: str | bytes) -> Settings:
    """Load a file with this content, in a folder of its own (also once per generated example)."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(file)


def complaint(text: str | bytes) -> str:
    with pytest.raises(SettingsError) as caught:
        load_text(text)
    return caught.value.message


# --- what works ---


def test_template_loads_and_keeps_the_defaults() -> None:
    settings = load_settings(TEMPLATE)
    assert settings.run_config() == RunConfig()
    assert settings.worker == Settings().worker
    assert settings.database.host == "YOUR_DATABASE_HOST"


def test_settings_that_the_template_only_mentions_load_when_uncommented() -> None:
    text, num_settings = re.subn(r"^  # (\w+: \S)", r"  \1", TEMPLATE.read_text(encoding="utf-8"), flags=re.M)
    assert num_settings == 9
    settings = load_text(text)
    assert settings.database.insecure
    assert settings.run_config().quorum == 3
    assert settings.data.dataset_path == Path("C:\\Users\\Alice\\celeba")


def test_example_of_the_student_guide_loads() -> None:
    settings = load_text(
        "worker:\n  name: Alice       # Your name here!\n  batch_size: 32\n  poll_interval: 5\n"
    )
    worker = settings.worker
    assert (worker.name, worker.batch_size, worker.poll_interval) == ("Alice", 32, 5.0)


def test_empty_file_and_empty_sections_mean_defaults() -> None:
    for text in ("", "# nothing yet\n", "---\n", "worker:\n", "worker:\n  name:\n  batch_size: ~\n", "{}"):
        assert load_text(text) == Settings()


def test_values_that_yaml_would_take_for_something_else_stay_text() -> None:
    settings = load_text("database:\n  user: 007\n  password: 0123\nworker:\n  name: No\n")
    assert settings.database.user == "007"
    assert settings.database.password is not None
    assert settings.database.password.get_secret_value() == "0123"
    assert settings.worker.name == "No"


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert load_text("\ufeffworker:\r\n  name: Zoë\r\n".encode()).worker.name == "Zoë"


def test_environment_wins_over_file_and_argument_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "worker:\n  name: file\n  batch_size: 8\n  poll_interval: 2\n"
    monkeypatch.setenv("GAN_DESKTOP_WORKER__NAME", "environment")
    monkeypatch.setenv("GAN_DESKTOP_WORKER__BATCH_SIZE", "16")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(text, encoding="utf-8")
        worker = load_settings(file, worker={"name": "argument"}).worker
    assert (worker.name, worker.batch_size, worker.poll_interval) == ("argument", 16, 2.0)


def test_environment_wins_under_a_historic_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_DESKTOP_TRAINING__LATENT_DIM", "64")
    assert load_text("training:\n  latent_dim: 128\n  mode: gradient\n").run_config() == RunConfig(
        latent_size=64, mode="gradient"
    )


def test_historic_training_keys_become_a_run_config() -> None:
    text = """
        training:
          latent_dim: 128
          image_size: 64
          images_per_work_unit: 320
          num_workunits_per_update: 3
          learning_rate: 1e-3
          beta1: 0.4
          beta2: 0.99
          codec_up: fp16
    """
    assert load_text(text).run_config() == RunConfig(
        latent_size=128,
        image_size=64,
        first_unit_images=320,
        min_unit_images=320,
        max_unit_images=320,
        quorum=3,
        learning_rate=1e-3,
        beta1=0.4,
        beta2=0.99,
        codec_up="fp16",
    )


def test_file_is_looked_for_here_and_then_in_the_users_folder(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings() == Settings()
    in_home = home / "config" / "gan-desktop" / "config.yaml"
    in_home.parent.mkdir(parents=True)
    in_home.write_text("worker: {name: Home}", encoding="utf-8")
    assert load_settings().worker.name == "Home"
    (tmp_path / "config.yaml").write_text("worker: {name: Here}", encoding="utf-8")
    assert load_settings().worker.name == "Here"


# --- mistakes ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("worker:\n  batch_size: many\n", ["config.yaml: worker.batch_size is 'many'", "whole number"]),
        ("worker:\n  batch_size: 0\n", ["worker.batch_size is '0'", "above 0"]),
        ("worker:\n  batch_size: yes\n", ["worker.batch_size is 'yes'"]),
        ("worker:\n  batch_size: [1]\n", ["worker.batch_size is a list"]),
        ("worker:\n  poll_interval: .nan\n", ["worker.poll_interval is '.nan'", "seconds"]),
        ("worker:\n  poll_interval: inf\n", ["worker.poll_interval is 'inf'"]),
        ("worker:\n  nmae: Alice\n", ["worker.nmae is not a setting", "Did you mean name?"]),
        ("worker:\n  colour: red\n", ["worker.colour is not a setting", "There are: name, batch_size"]),
        ("wroker:\n  name: Alice\n", ["wroker is not a section", "Did you mean worker?"]),
        ("batch_size: 32\n", ["batch_size belongs below `worker:`"]),
        ("worker: Alice\n", ["worker is a section", "below it"]),
        ("worker:\n  name: " + "x" * 41, ["worker.name is 'xxx", "at most 40 characters"]),
        ('worker:\n  name: "A\\u0007B"\n', ["worker.name holds a control character", "on one line"]),
        ('worker:\n  name: "A\\uD800B"\n', ["worker.name is 'A\\ud800B'"]),
        ("database:\n  port: 99999\n", ["database.port is '99999'", "65535"]),
        ("database:\n  insecure: perhaps\n", ["database.insecure is 'perhaps'", "true"]),
        ("training:\n  latent_dim: 0\n", ["config.yaml: training.latent_dim is 0", "1 to 4096"]),
        ("training:\n  image_size: 65\n", ["training.image_size is 65", "32, 64, 128"]),
        ("training:\n  learning_rate: fast\n", ["training.learning_rate is 'fast'", "a number"]),
        ("training:\n  mode: magic\n", ["training.mode is 'magic'", "local_steps or gradient"]),
        ("training:\n  num_workunits_per_update: x\n", ["training.num_workunits_per_update is 'x'"]),
        ("training:\n  learningrate: 1\n", ["training.learningrate", "Did you mean learning_rate?"]),
        ("training:\n  latent_dim: 9\n  latent_size: 8\n", ["training.latent_size are the same"]),
        ("huggingface:\n  enabled: true\n", ["huggingface is enabled but has no repo_id"]),
        ("worker:\n\tname: Alice\n", ["line 2 begins with a tab", "two spaces"]),
        ("worker:\n  name: Alice\nworker:\n  batch_size: 8\n", ["line 3", "worker is there a second time"]),
        ("worker:\n  name: 'Alice\n", ["line 3", "cannot be read"]),
        ("a: b: c\n", ["line 1", "cannot be read"]),
        ("worker: &a [*a]\n", ["line 1"]),
        ("? [a]\n: b\n", ["line 1", "plain text"]),
        ("name: \x00\n", ["line 1", "cannot be read"]),
        ("[" * 20_000, ["line 1", "cannot be read"]),
        ("just words\n", ["holds no sections"]),
        ("- a\n- b\n", ["holds no sections"]),
        ("worker:\n  name: Zoë\n".encode("utf-16"), ["is not UTF-8 text"]),
        ("worker:\n  name: Zoë\n".encode("latin-1"), ["is not UTF-8 text"]),
    ],
)  # fmt: skip
def test_mistake_is_named_with_what_to_write(text: str | bytes, words: list[str]) -> None:
    message = complaint(text)
    assert "config.yaml" in message or "huggingface" in message
    for word in words:
        assert word in message


def test_every_mistake_is_told_at_once() -> None:
    message = complaint("worker:\n  batch_size: many\n  poll_interval: -1\ndatabase:\n  port: x\n")
    assert [word in message for word in ("batch_size", "poll_interval", "database.port")] == [True] * 3
    assert len(message.splitlines()) == 3


def test_named_file_that_is_absent_or_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml does not exist\. Copy config\.yaml\.template"):
        load_settings(tmp_path / "absent.yaml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GAN_DESKTOP_WORKER__BATCH_SIZE", "many", "WORKER__BATCH_SIZE: worker.batch_size is 'many'"),
        ("GAN_DESKTOP_WROKER__NAME", "x", "Did you mean worker?"),
        ("GAN_DESKTOP_WORKER__NMAE", "x", "Did you mean name?"),
        ("GAN_DESKTOP_WORKER", "{bad", "does not hold a JSON object"),
        ("GAN_DESKTOP_WORKER", "[1]", "worker is a section"),
        ("GAN_DESKTOP_TRAINING__LATENT_DIM", "0", "TRAINING__LATENT_DIM: training.latent_dim is 0"),
    ],
)  # fmt: skip
def test_mistake_in_the_environment_names_the_variable(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_text("")
    assert words in caught.value.message


def test_place_of_the_class_must_be_filled_in() -> None:
    for text in ("", TEMPLATE.read_text(encoding="utf-8")):
        with pytest.raises(SettingsError, match=r"database\.host .* Write the address from your instructor"):
            load_text(text).require_database()
    filled = load_text("database: {host: db.school.example, database: gan, user: alice}")
    assert filled.require_database() == DatabaseSettings(
        host="db.school.example", database="gan", user="alice"
    )


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(RunConfig)])
def test_every_key_of_a_run_has_advice(key: str) -> None:
    message = complaint(yaml.safe_dump({"training": {key: ["no list"]}}))
    assert f"training.{key} is a list. Write " in message


# --- secrets ---


@pytest.mark.parametrize(
    "text",
    [
        f"database:\n  password: {SECRET}\n  port: x\n",
        f"database:\n  password: [{SECRET}]\n",
        f"database:\n  password: {{a: {SECRET}}}\n",
        f'database:\n  password: "{SECRET}\\0"\n',
        f"database:\n  pasword: {SECRET}\n",
        f"database: {SECRET}\n",
        f"password: {SECRET}\n",
        f"database:\n  password: '{SECRET}\n  port: 1\n",
        f"database:\n  password: *{SECRET}\n",
        f"database:\n  password: @{SECRET}\n",
        f"database:\n  password: {SECRET}: b\n",
        f"\tpassword: {SECRET}\n",
        f"database:\n  password: {SECRET}\xff\n".encode("latin-1"),
        f"huggingface:\n  token: [{SECRET}]\n  enabled: true\n",
    ],
)
def test_secret_appears_in_no_message_and_no_traceback(text: str | bytes) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_secret_appears_in_no_representation() -> None:
    settings = load_text(f"database:\n  password: {SECRET}\nhuggingface:\n  token: {SECRET}\n")
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


# --- properties ---

keys = st.sampled_from(
    [
        "database",
        "training",
        "worker",
        "data",
        "huggingface",
        "name",
        "port",
        "password",
        "latent_dim",
        "mode",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.dates()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(), inner, max_size=4)
)
secrets = st.text("abcdefghXYZ0123456789#:'\"{}[]&*!|>%@`", min_size=8, max_size=20).map(
    lambda s: "Geheim" + s
)
names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@given(st.dictionaries(keys | st.text(max_size=5), anything, max_size=5))
def test_any_mapping_loads_or_is_refused_in_words(sections: Mapping[str, Any]) -> None:
    try:
        load_text(yaml.safe_dump(sections, allow_unicode=True))
    except SettingsError as error:
        assert error.message.strip()


@given(st.text() | st.text("ab:-#'\"[]{}&*!|>%@`?, \n\t~"))
@example("!!timestamp x")
@example("!!bool maybe")
@example("worker: !!python/object/apply:os.getcwd []")
@example("<<: {worker: 1}")
@example("--- a\n--- b\n")
@example("name:\n\t- x")
def test_any_text_loads_or_is_refused_in_words(text: str) -> None:
    assume(not any("\ud800" <= character <= "\udfff" for character in text))
    try:
        load_text(text)
    except SettingsError as error:
        assert "config.yaml" in error.message


@given(st.binary(max_size=60))
def test_any_bytes_load_or_are_refused_in_words(content: bytes) -> None:
    try:
        load_text(content)
    except SettingsError as error:
        assert "config.yaml" in error.message


variables = st.from_regex(r"(DATABASE|TRAINING|WORKER|DATA|X)(__[A-Z]{0,6}){0,3}", fullmatch=True)


@given(st.dictionaries(variables, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_environment_loads_or_is_refused_in_words(environment: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(f"GAN_DESKTOP_{name}", value)
        try:
            load_text("")
        except SettingsError as error:
            assert error.message.strip()


@given(secrets, st.sampled_from(["port: x", "nmae: 1", "host: [1]", "user: {a: b}"]))
def test_password_never_appears_beside_another_mistake(secret: str, mistake: str) -> None:
    text = f"database:\n  {yaml.safe_dump({'password': secret}).strip()}\n  {mistake}\n"
    with pytest.raises(SettingsError) as caught:
        load_text(text)
    assert secret not in "".join(traceback.format_exception(caught.value))


@given(
    secret=secrets,
    name=names,
    batch_size=st.integers(1, 65536),
    interval=st.floats(0.01, 3600),
    port=st.integers(1, 65535),
    rate=st.floats(1e-9, 0.99),
)
def test_valid_values_come_back_as_written(
    secret: str, name: str, batch_size: int, interval: float, port: int, rate: float
) -> None:
    sections = {
        "database": {"password": secret, "port": port},
        "worker": {"name": name, "batch_size": batch_size, "poll_interval": interval},
        "training": {"learning_rate": rate},
    }
    settings = load_text(yaml.safe_dump(sections, allow_unicode=True))
    assert settings.database.password is not None
    assert settings.database.password.get_secret_value() == secret
    assert settings.database.port == port
    assert (settings.worker.name, settings.worker.batch_size) == (name, batch_size)
    assert settings.worker.poll_interval == pytest.approx(interval)
    assert settings.run_config().learning_rate == pytest.approx(rate)


def test_reading_leaves_no_trace_in_the_home_folder(home: Path) -> None:
    load_text("")
    assert list(home.iterdir()) == []
