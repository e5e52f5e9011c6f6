"""Where the Hugging Face Hub's access token is found, and kept."""

from __future__ import annotations

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from gan_desktop.credentials import find_hub_token, forget_hub_token, store_hub_token
from gan_desktop.settings import HuggingFaceSettings


class Store(KeyringBackend):
    """A password store that knows the token."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return "hf_stored" if (service, username) == ("gan-desktop", "huggingface.co") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


def test_the_first_place_that_has_a_token_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    written = HuggingFaceSettings.model_validate({"token": "hf_written"})
    assert find_hub_token(HuggingFaceSettings()) is None
    monkeypatch.setattr("keyring.get_keyring", Store)
    assert find_hub_token(HuggingFaceSettings()) == "hf_stored"
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    assert find_hub_token(HuggingFaceSettings()) == "hf_environment"
    assert find_hub_token(written) == "hf_written"


class Keeping(KeyringBackend):
    """A password store in memory; `is_deaf`: it keeps nothing, as keyring's null backend."""

    priority = 1

    def __init__(self, *, is_deaf: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.is_deaf = is_deaf

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.is_deaf:
            self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


def test_a_token_is_kept_under_a_name_of_its_own_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Keeping()
    store.kept["gan-desktop", "ana@db:5432/class"] = "hers"
    monkeypatch.setattr("keyring.get_keyring", lambda: store)
    assert store_hub_token("hf_new")
    assert store.kept["gan-desktop", "huggingface.co"] == "hf_new"
    forget_hub_token()
    forget_hub_token()
    assert store.kept == {("gan-desktop", "ana@db:5432/class"): "hers"}


def test_a_store_that_keeps_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", lambda: Keeping(is_deaf=True))
    assert not store_hub_token("hf_new")
