"""Where the Hugging Face Hub's access token is found."""

from __future__ import annotations

import pytest
from keyring.backend import KeyringBackend

from gan_desktop.credentials import find_hub_token
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
