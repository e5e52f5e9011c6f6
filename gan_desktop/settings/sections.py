"""The sections of config.yaml: which keys there are, what they may hold, what they are by default."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from gan_desktop.errors import SettingsError
from gan_desktop.names import MAX_NAME, is_name
from gan_desktop.records import RunConfig


def _single_line(text: str) -> str:
    # Cs: half a surrogate pair cannot be stored; Zl and Zp break lines as a newline does.
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("holds a control character")
    return text


def _shown(name: str) -> str:
    if name and not is_name(name):
        raise ValueError("holds an invisible character")
    return name


def _storable(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds a character that no password can have")
    return secret


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_single_line)]
Secret = Annotated[SecretStr, AfterValidator(_storable)]


class Section(BaseModel):
    """One section of config.yaml.

    A field's title is what it is, its description what an error tells to write (docs/settings.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class DatabaseSettings(Section):
    """Where the class is. An empty host, database or user has not been set yet."""

    host: Line = Field(
        default="", title="Address of the server", description="the address from your instructor"
    )
    port: int = Field(
        default=5432,
        ge=1,
        le=65535,
        title="TCP port of the server",
        description="a whole number from 1 to 65535, usually 5432",
    )
    database: Line = Field(
        default="", title="Name of the database", description="the database's name from your instructor"
    )
    user: Line = Field(default="", title="Your login", description="the user name from your instructor")
    password: Secret | None = Field(
        default=None,
        title="Your password; safer in one of the places above",
        description="the password in quotes",
    )
    insecure: bool = Field(
        default=False,
        title="Whether a server without encryption will do",
        description="true (allow a connection that others can read along) or false",
    )
    ca_file: Path | None = Field(
        default=None,
        title="The one certificate to trust, where the server has none of a public authority",
        description="the path of the certificate's file (PEM), from the server's administrator",
    )


class WorkerSettings(Section):
    """How this computer takes part; an empty name stands for the host name."""

    name: Annotated[Line, StringConstraints(max_length=MAX_NAME), AfterValidator(_shown)] = Field(
        default="",
        title="How the class sees this computer; empty: its host name",
        description=f"a name of at most {MAX_NAME} characters on one line",
    )
    batch_size: int = Field(
        default=32,
        ge=1,
        le=65536,
        title="The most images on the device at once; halved by itself when memory runs out",
        description="a whole number above 0, for example 32",
    )
    poll_interval: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        title="Seconds between looks for work",
        description="seconds from above 0 to 3600, usually 5",
    )
    heartbeat_interval: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        title="Seconds between signs of life",
        description="seconds from above 0 to 3600, usually 5",
    )
    work_unit_timeout: float | None = Field(
        default=None,
        gt=0,
        title="Give a unit back that takes longer than this many seconds",
        description="seconds above 0, or leave the line out",
    )


class DataSettings(Section):
    """Images of one's own; without a path they come from the class, piece by piece."""

    dataset_path: Path | None = Field(
        default=None,
        title="The class's pictures, where this computer has them already: they need not be downloaded",
        description="the path of a folder or zip file with images",
    )
    cache_folder: Path | None = Field(
        default=None,
        title="Where pictures from classes and the Hub are kept; left out: this user's cache folder",
        description="the path of a folder",
    )
    cache_limit_gb: float = Field(
        default=10.0,
        ge=0.05,
        le=100_000,
        title="The most a class's pictures may take there; what was not used for longest goes first",
        description="gigabytes from 0.05 to 100000, for example 10",
    )
    num_workers_dataloader: int = Field(
        default=0,
        ge=0,
        le=64,
        title="Not used: pictures are decoded once, when a shard is loaded",
        description="a whole number from 0 to 64",
    )

    @property
    def cache_place(self) -> Path:
        """The folder of all that could be fetched again."""
        return self.cache_folder or platformdirs.user_cache_path("gan-desktop", appauthor=False)

    @property
    def cache_limit_bytes(self) -> int:
        """`cache_limit_gb` in bytes."""
        return round(self.cache_limit_gb * 1e9)


class HuggingFaceSettings(Section):
    """Where the coordinator publishes the network; `push_interval` counts iterations."""

    enabled: bool = Field(
        default=False, title="Whether the network is published", description="true or false"
    )
    repo_id: Line = Field(default="", title="Where to", description="the repository as owner/name")
    token: Secret | None = Field(
        default=None, title="Your access token", description="the access token in quotes"
    )
    push_interval: int = Field(
        default=10,
        ge=1,
        title="Iterations between two publications",
        description="a whole number of iterations above 0",
    )

    @model_validator(mode="after")
    def _needs_a_repository(self) -> HuggingFaceSettings:
        if self.enabled and not self.repo_id:
            raise ValueError("is enabled but has no repo_id")
        return self


class Settings(Section):
    """Everything people can set, checked.

    `training` is read when a run is created; from then on the run's own configuration holds.
    """

    database: DatabaseSettings = DatabaseSettings()
    training: RunConfig = RunConfig()
    worker: WorkerSettings = WorkerSettings()
    data: DataSettings = DataSettings()
    huggingface: HuggingFaceSettings = HuggingFaceSettings()

    def run_config(self) -> RunConfig:
        """Return the configuration for a new run: the training section over the defaults."""
        return self.training

    def require_database(self) -> DatabaseSettings:
        """Return the database section once it names a class.

        Raises:
            SettingsError: host, database or user is empty or still the template's placeholder.
        """
        for key in ("host", "database", "user"):
            value = getattr(self.database, key)
            if not value or value.startswith("YOUR_"):
                found = f"still says {value}" if value else "is not set"
                description = DatabaseSettings.model_fields[key].description
                raise SettingsError(
                    f"database.{key} {found}. Write {description} into config.yaml "
                    "(config.yaml.template shows how)."
                )
        return self.database
