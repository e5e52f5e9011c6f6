"""Talking to the Hub: what is sent, what is not sent twice, and what goes wrong in which words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping

import pytest

from gan_desktop.errors import PublishingFailed
from gan_desktop.web.model_hub import ModelHub, open_hub, require_name
from tests.integration.hub_stand_in import HubStandIn, Refusal, Repository, hub_stand_in, slowly

TOKEN = "hf_SecretSecretSecret"
MARKER = "checkpoint.safetensors"
LARGE = bytes(range(256)) * 4_000

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with hub_stand_in() as made:
        made.add_account(TOKEN, "teacher", orgs=("school",))
        yield made


def put(
    hub: HubStandIn,
    name: str = "teacher/faces",
    token: str = TOKEN,
    more: Mapping[str, bytes] | None = None,
) -> list[tuple[int, int]]:
    """Publish files; returns what was told of the progress."""
    told: list[tuple[int, int]] = []
    contents = {MARKER: LARGE, "README.md": b"---\nlibrary_name: x\n---\n", **(more or {})}
    with open_hub(token, endpoint=hub.url) as opened:
        repository = opened.open(name, is_private=True, marker=MARKER)
        opened.upload(repository, contents, "Iteration 3", lambda *progress: told.append(progress))
    return told


def refused(hub: HubStandIn, name: str = "teacher/faces", token: str = TOKEN) -> PublishingFailed:
    with pytest.raises(PublishingFailed) as caught:
        put(hub, name, token)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_files_are_there_in_one_commit_and_private(hub: HubStandIn) -> None:
    told = put(hub)
    repository = hub.repositories["teacher/faces"]
    assert repository.is_private
    assert repository.files[MARKER] == LARGE
    assert repository.messages == ["Iteration 3"]
    total = len(LARGE) + len(repository.files["README.md"])
    assert told[-1] == (total, total)
    done = [num for num, _ in told]
    assert done == sorted(done) and len(set(done)) > 5


def test_a_name_alone_is_the_tokens_owner_and_an_organisation_of_his_will_do(hub: HubStandIn) -> None:
    put(hub, "faces")
    put(hub, "school/faces")
    assert set(hub.repositories) == {"teacher/faces", "school/faces"}


def test_what_is_there_is_not_sent_again(hub: HubStandIn) -> None:
    put(hub)
    put(hub)
    assert len(hub.uploads()) == 1
    # Nothing was changed: no second commit either.
    assert hub.repositories["teacher/faces"].messages == ["Iteration 3"]


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "a b", "../x", "-a/b", "a/b--c", "a/b.git", "a/" + "b" * 97, "ä/b"]
)
def test_what_is_no_repositorys_name_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(PublishingFailed) as caught:
        require_name(name)
    assert caught.value.cause == "name"


def test_a_token_that_may_only_read_is_refused_before_anything_is_made(hub: HubStandIn) -> None:
    hub.add_account("hf_reads", "teacher", role="read")
    error = refused(hub, token="hf_reads")
    assert error.cause == "read_only" and "right to write" in error.message
    assert not hub.repositories


def test_a_fine_token_without_this_right_is_told_so(hub: HubStandIn) -> None:
    hub.add_account("hf_fine", "teacher", role="fineGrained")
    hub.refusals["/api/repos/create"] = Refusal(403, "forbidden to create")
    assert refused(hub, token="hf_fine").cause == "read_only"


def test_a_token_that_nobody_knows_is_told_so(hub: HubStandIn) -> None:
    assert refused(hub, token="hf_wrong").cause == "bad_token"


def test_somebody_elses_repository_is_left_alone(hub: HubStandIn) -> None:
    hub.repositories["omar/faces"] = Repository(is_private=False)
    error = refused(hub, name="omar/faces")
    assert error.cause == "not_yours" and "teacher/faces" in error.message
    assert not hub.repositories["omar/faces"].files


def test_a_repository_of_ones_own_that_holds_something_else_is_left_alone(hub: HubStandIn) -> None:
    hub.repositories["teacher/faces"] = Repository(is_private=True, files={"thesis.pdf": b"x"})
    error = refused(hub)
    assert error.cause == "occupied" and "thesis.pdf" in error.message
    assert set(hub.repositories["teacher/faces"].files) == {"thesis.pdf"}


def test_who_wants_it_private_does_not_publish_into_a_public_repository(hub: HubStandIn) -> None:
    hub.repositories["teacher/faces"] = Repository(is_private=False)
    assert refused(hub).cause == "visible"
    with open_hub(TOKEN, endpoint=hub.url) as opened:
        assert not opened.open("teacher/faces", is_private=None, marker=MARKER).is_private


def test_a_hub_that_is_away_is_named_at_once(hub: HubStandIn) -> None:
    hub.url = "http://127.0.0.1:9"
    error = refused(hub)
    assert error.cause == "unreachable" and "127.0.0.1:9" in error.message


def test_a_full_account_is_told_what_the_hub_says(hub: HubStandIn) -> None:
    words = "Private repository storage limit reached, please upgrade your plan"
    hub.refusals["/teacher/faces.git/info/lfs"] = Refusal(403, words)
    error = refused(hub)
    assert error.cause == "no_room" and words in error.message


def test_a_hub_that_has_had_enough_is_not_waited_for_in_silence(hub: HubStandIn) -> None:
    hub.refusals["/api/repos/create"] = Refusal(429, "slow down", {"ratelimit": '"api";r=0;t=290'})
    error = refused(hub)
    assert error.cause == "rate_limit" and "in 5 min" in error.message


def test_a_server_that_repeats_the_token_does_not_get_it_into_the_message(hub: HubStandIn) -> None:
    hub.refusals["/api/models/teacher/faces/commit"] = Refusal(400, f"bad header Bearer {TOKEN}")
    error = refused(hub)
    assert error.cause == "refused" and "***" in error.message


def test_nothing_secret_is_logged(hub: HubStandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    put(hub)
    hub.refusals["/api/models/teacher/faces/commit"] = Refusal(400, f"bad header Bearer {TOKEN}")
    with pytest.raises(PublishingFailed):
        put(hub, more={"faces.png": b"\x89PNG" + LARGE})
    assert TOKEN not in caplog.text


def test_stopping_in_mid_file_leaves_the_repository_as_it_was_and_the_next_try_goes_on(
    hub: HubStandIn,
) -> None:
    second = bytes(reversed(LARGE))
    stopped = threading.Event()

    def stop_in_the_second_file(_num_bytes: int) -> None:
        if hub.stored:
            stopped.set()
            slowly(0.002)(0)

    hub.on_piece = stop_in_the_second_file
    with (
        pytest.raises(PublishingFailed) as caught,
        open_hub(TOKEN, endpoint=hub.url, should_cancel=stopped.is_set) as opened,
    ):
        repository = opened.open("teacher/faces", is_private=True, marker=MARKER)
        # One after the other, so that one has arrived.
        opened.upload(repository, {MARKER: LARGE}, "First")
        opened.upload(repository, {MARKER: LARGE, "faces.png": second * 20}, "Second")
    assert caught.value.cause == "cancelled"
    assert hub.repositories["teacher/faces"].messages == ["First"]
    hub.on_piece = lambda _num_bytes: None
    put(hub, more={"faces.png": second * 20})
    assert hub.repositories["teacher/faces"].files["faces.png"] == second * 20
    assert len([path for path in hub.uploads() if path.endswith(next(iter(hub.stored)))]) == 1


def test_only_one_publishes_at_a_time_and_who_waits_can_stop(hub: HubStandIn) -> None:
    with open_hub(TOKEN, endpoint=hub.url) as first:
        assert isinstance(first, ModelHub)
        with (
            pytest.raises(PublishingFailed) as caught,
            open_hub(TOKEN, endpoint=hub.url, should_cancel=lambda: True),
        ):
            raise AssertionError("two at a time")
    assert caught.value.cause == "cancelled"


def test_the_token_goes_to_no_server_without_encryption() -> None:
    with pytest.raises(PublishingFailed) as caught, open_hub(TOKEN, endpoint="http://hub.school.example"):
        raise AssertionError("opened")
    assert "not an https address" in caught.value.message
