"""From file, environment and arguments to one checked record, or to sentences that help."""

from __future__ import annotations

import dataclasses
import difflib
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig
from gan_desktop.settings.config_file import find_config_file, read_config_file
from gan_desktop.settings.sections import Settings

ENV_PREFIX = "GAN_DESKTOP_"
ENVIRONMENT = "Environment"
SECRET_KEYS = {"password", "token"}

# Keys of the training section as people know them, and what they are in a RunConfig.
HISTORIC_KEYS = {
    "latent_dim": ("latent_size",),
    "images_per_work_unit": ("first_unit_images", "min_unit_images", "max_unit_images"),
    "num_workunits_per_update": ("quorum",),
}

# Where sections were read from (a file, the environment, arguments), the strongest last.
Places = dict[str, Mapping[str, Any]]


def load_settings(path: Path | None = None, **arguments: Mapping[str, Any]) -> Settings:
    """Read the settings; each value comes from the first place that has it.

    The places: `arguments`, environment variables (`GAN_DESKTOP_WORKER__NAME`), the file, defaults.

    Args:
        path: A file that must exist; None takes ./config.yaml, else the one in the user's config
            folder, else none.
        arguments: Values by section: `worker={"name": "Alice"}`.

    Raises:
        SettingsError: What is wrong, one sentence a line; never shows a secret.
    """
    file = path or find_config_file()
    places: Places = {
        str(file or "config.yaml"): read_config_file(file) if file else {},
        ENVIRONMENT: _read_environment(),
        "Arguments": arguments,
    }
    merged = _merge(places)
    try:
        return Settings(**merged)
    except ValidationError as error:
        sentences = [_explain(places, **details) for details in error.errors(include_url=False)]
        raise SettingsError("\n".join(sentences)) from error
    except SettingsError as error:  # RunConfig's own ranges: the sentence begins with the field's name
        key, _, rest = error.message.partition(" ")
        raise SettingsError(f"{_name(places, 'training', key)} {rest}") from error


class _Environment(Settings, BaseSettings):
    """Tells pydantic-settings which variables there can be."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter="__", env_ignore_empty=True)


def _read_environment() -> dict[str, Any]:
    try:
        sections = EnvSettingsSource(_Environment)()
    except pydantic_settings.SettingsError as error:
        raise SettingsError(
            f"An environment variable {ENV_PREFIX}<SECTION> does not hold a JSON object. "
            f"Set single keys instead, for example {ENV_PREFIX}WORKER__NAME."
        ) from error
    # pydantic-settings passes over sections it does not know; we want to hear of misspelt ones.
    for variable in os.environ:
        if variable.upper().startswith(ENV_PREFIX):
            section, is_nested, key = variable[len(ENV_PREFIX) :].lower().partition("__")
            if is_nested and section not in Settings.model_fields:
                sections[section] = {key: ""}
    return sections


def _merge(places: Places) -> dict[str, Any]:
    """Lay the places over each other, key by key, historic names translated."""
    merged: dict[str, Any] = {}
    for place, sections in places.items():
        for section, values in sections.items():
            if section not in Settings.model_fields:
                raise SettingsError(f"{place}: {_no_section(section)}")
            if not isinstance(values, Mapping):
                raise SettingsError(
                    f"{place}: {section} is a section. Write its keys below it, two spaces further right."
                )
            modern = _modern_keys(place, values) if section == "training" else values
            merged[section] = {**merged.get(section, {}), **modern}
    return merged


def _modern_keys(place: str, values: Mapping[str, Any]) -> dict[str, Any]:
    modern = {key: value for key, value in values.items() if key not in HISTORIC_KEYS}
    for old, names in HISTORIC_KEYS.items():
        for name in names if old in values else ():
            if name in modern:
                raise SettingsError(
                    f"{place}: training.{old} and training.{name} are the same. Keep one of them."
                )
            modern[name] = values[old]
    return modern


# ---------------------------------------------------------------------------------------------
# Words for what is wrong
# ---------------------------------------------------------------------------------------------


def _explain(places: Places, type: str, loc: tuple[int | str, ...], input: Any, **details: Any) -> str:
    """Turn one error of pydantic into a sentence; the parameters have pydantic's names."""
    section, *keys = map(str, loc)
    if not keys:
        return f"{section} {details['ctx']['error']}."
    key, name = keys[0], _name(places, section, keys[0])
    if type in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"{name} is not a setting.{_suggest(key, _keys(section))}"
    problem = details["ctx"]["error"] if type == "value_error" else f"is {_show(key, input)}"
    return f"{name} {problem}. Write {_advice(section, key)}."


def _name(places: Places, section: str, key: str) -> str:
    """Say where a value stands and under which dotted key it was written there."""
    historic = [old for old, names in HISTORIC_KEYS.items() if section == "training" and key in names]
    for place, sections in reversed(places.items()):
        for written in (key, *historic):
            if written in sections.get(section, {}):
                if place == ENVIRONMENT:
                    place = f"Environment variable {ENV_PREFIX}{section.upper()}__{written.upper()}"
                return f"{place}: {section}.{written}"
    return f"{section}.{key}"


def _show(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "a section of its own"
    return "not usable" if key in SECRET_KEYS else reprlib.repr(value)


def _advice(section: str, key: str) -> str:
    if section != "training":
        return str(_section_fields(section)[key].description)
    names = HISTORIC_KEYS.get(key, (key,))
    limits = [mend for name, _, mend in RunConfig().limits() if name == names[-1]]
    annotation = next(field.type for field in dataclasses.fields(RunConfig) if field.name == names[-1])
    kind = {"int": "a whole number, ", "float": "a number, "}.get(str(annotation), "")
    return kind + "; ".join(mend.removeprefix(kind.rstrip(", ")).strip() for mend in limits)


def _no_section(wrong: str) -> str:
    homes = [section for section in Settings.model_fields if wrong in _keys(section)]
    if homes:
        return f"{wrong} belongs below `{homes[0]}:`, two spaces further right."
    return f"{wrong} is not a section.{_suggest(wrong, list(Settings.model_fields))}"


def _suggest(wrong: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."


def _keys(section: str) -> list[str]:
    if section == "training":
        return [*(field.name for field in dataclasses.fields(RunConfig)), *HISTORIC_KEYS]
    return list(_section_fields(section))


def _section_fields(section: str) -> dict[str, FieldInfo]:
    default: BaseModel = Settings.model_fields[section].default
    return type(default).model_fields
