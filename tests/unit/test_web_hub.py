"""The Hugging Face Hub, played by a server on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.errors import DownloadFailed
from gan_desktop.web.hub import Hub, HubAddress
from tests.web_server import COMMIT, Fault, WebServer, web_server

NAME = "ana/flowers"
ADDRESS = HubAddress(NAME)
FILES = {f"photos/{number}.jpg": bytes([number]) * 3_000 for number in range(12)} | {
    "all.zip": b"zip" * 90_000
}
PREFIX = f"/datasets/{NAME}/resolve/{COMMIT}/"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        server.add_repository(NAME, FILES)
        yield server


def hub_at(web: WebServer, **options: Any) -> Hub:
    return Hub(web.url, longest_pause_s=0.01, **options)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hub:ana/flowers", HubAddress("ana/flowers")),
        ("hub:ana/flowers@v1.2", HubAddress("ana/flowers", "v1.2")),
        ("hub:ana/flowers/all.zip", HubAddress("ana/flowers", "main", "all.zip")),
        ("hub:ana/flowers@refs%2Fpr%2F1/photos/", HubAddress("ana/flowers", "refs/pr/1", "photos")),
        ("https://huggingface.co/datasets/ana/flowers", HubAddress("ana/flowers")),
        ("https://huggingface.co/datasets/ana/flowers/tree/v1", HubAddress("ana/flowers", "v1")),
        (
            "https://huggingface.co/datasets/ana/flowers/resolve/main/two%20words/a.zip?download=true",
            HubAddress("ana/flowers", "main", "two words/a.zip"),
        ),
        ("photos", None),
        ("https://example.org/datasets/ana/flowers", None),
    ],
)
def test_addresses_and_links_of_the_hub_are_read(text: str, address: HubAddress | None) -> None:
    assert HubAddress.parse(text) == address


@pytest.mark.parametrize(
    "text", ["hub:", "hub:flowers", "hub:../x/y", "hub:a/b@", "https://huggingface.co/ana/network"]
)
def test_a_wrong_address_is_named_with_the_right_form(text: str) -> None:
    with pytest.raises(DownloadFailed, match="hub:OWNER/NAME"):
        HubAddress.parse(text)


def test_a_listing_goes_over_all_pages(web: WebServer) -> None:
    web.add_repository("ana/many", FILES, page_size=5)
    listing = hub_at(web).list_files(HubAddress("ana/many"))
    assert set(listing.files) == set(FILES)
    assert listing.commit == COMMIT
    assert listing.files["all.zip"].sha256
    assert listing.files["photos/1.jpg"].git_sha1
    assert listing.files["all.zip"].num_bytes == len(FILES["all.zip"])


def test_a_part_of_a_repository_is_listed_by_its_path(web: WebServer) -> None:
    hub = hub_at(web)
    assert len(hub.list_files(HubAddress(NAME, path="photos")).files) == 12
    assert set(hub.list_files(HubAddress(NAME, path="all.zip")).files) == {"all.zip"}
    with pytest.raises(DownloadFailed, match=r"no file or folder photo\."):
        hub.list_files(HubAddress(NAME, path="photo"))


def test_all_files_arrive_below_the_folder(web: WebServer, tmp_path: Path) -> None:
    web.faults[f"{PREFIX}all.zip"] = [Fault(drop_after=9_000), Fault(status=429)]
    web.faults[f"{PREFIX}photos/3.jpg"] = [Fault(damage=True)]
    hub = hub_at(web)
    listing = hub.list_files(ADDRESS)
    told: list[tuple[int, int]] = []
    places = hub.fetch(listing, list(listing.files), tmp_path / "kept", lambda *both: told.append(both))
    assert {path.relative_to(tmp_path / "kept").as_posix(): path.read_bytes() for path in places} == FILES
    total = sum(map(len, FILES.values()))
    assert told[-1] == (total, total)
    assert all(done <= total for done, _ in told)

    num_asked = len(web.asked)
    hub.fetch(listing, list(listing.files), tmp_path / "kept")
    assert len(web.asked) == num_asked


def test_what_arrived_before_a_failure_is_kept(web: WebServer, tmp_path: Path) -> None:
    web.faults[f"{PREFIX}all.zip"] = [Fault(drop_after=200_000), *[Fault(status=503)] * 8]
    hub = hub_at(web)
    listing = hub.list_files(ADDRESS)
    with pytest.raises(DownloadFailed, match="503"):
        hub.fetch(listing, ["all.zip"], tmp_path)
    num_kept = (tmp_path / "all.zip.part").stat().st_size
    assert 0 < num_kept <= 200_000
    hub.fetch(listing, ["all.zip"], tmp_path)
    assert web.ranges(f"{PREFIX}all.zip")[-1] == f"bytes={num_kept}-"
    assert (tmp_path / "all.zip").read_bytes() == FILES["all.zip"]


def test_a_failed_file_ends_the_others_at_once(web: WebServer, tmp_path: Path) -> None:
    web.add_repository("ana/many", {f"{number:03}.jpg": bytes(5_000) for number in range(200)})
    web.faults[f"/datasets/ana/many/resolve/{COMMIT}/001.jpg"] = [Fault(status=404)]
    hub = hub_at(web)
    listing = hub.list_files(HubAddress("ana/many"))
    with pytest.raises(DownloadFailed, match="many"):
        hub.fetch(listing, list(listing.files), tmp_path)
    assert len(list(tmp_path.glob("*.jpg"))) < 100


def test_a_cancelled_download_says_so(web: WebServer, tmp_path: Path) -> None:
    is_cancelled = False
    hub = hub_at(web, should_cancel=lambda: is_cancelled)
    listing = hub.list_files(ADDRESS)

    def cancel(done: int, total: int) -> None:
        nonlocal is_cancelled
        is_cancelled = done > 3_000

    with pytest.raises(DownloadFailed) as caught:
        hub.fetch(listing, list(listing.files), tmp_path, cancel)
    assert caught.value.cause == "cancelled"


def test_two_programs_do_not_fetch_the_same_at_once(web: WebServer, tmp_path: Path) -> None:
    hub = hub_at(web)
    listing = hub.list_files(ADDRESS)

    def meanwhile(done: int, total: int) -> None:
        with pytest.raises(DownloadFailed, match="Another program"):
            hub_at(web).fetch(listing, ["all.zip"], tmp_path)

    hub.fetch(listing, ["all.zip"], tmp_path, meanwhile)


def test_a_private_data_set_needs_the_token(web: WebServer, tmp_path: Path) -> None:
    for prefix in (f"/api/datasets/{NAME}", f"/datasets/{NAME}"):
        web.secret[prefix] = "hf_right"
    with pytest.raises(DownloadFailed, match=r"no data set ana/flowers that we may see.*huggingface\.token"):
        hub_at(web).list_files(ADDRESS)
    hub = hub_at(web, token="hf_right")
    listing = hub.list_files(ADDRESS)
    assert hub.fetch(listing, ["all.zip"], tmp_path)[0].read_bytes() == FILES["all.zip"]


@pytest.mark.parametrize(
    ("status", "code", "token", "words"),
    [
        (401, "GatedRepo", None, "accepted its conditions"),
        (403, "GatedRepo", "hf_any", "accepted its conditions"),
        (401, "", "hf_wrong", "does not accept the access token"),
        (401, "", None, "only with an access token"),
        (403, "", "hf_weak", "does not accept the access token"),
        (404, "RepoNotFound", "hf_any", "Check its name"),
        (404, "RevisionNotFound", None, "no revision main"),
    ],
)
def test_each_refusal_of_the_hub_is_named(
    web: WebServer, status: int, code: str, token: str | None, words: str
) -> None:
    web.secret["/api"] = "another"
    web.refusals["/api"] = (status, code)
    with pytest.raises(DownloadFailed, match=words) as caught:
        hub_at(web, token=token).list_files(ADDRESS)
    assert token is None or token not in caught.value.message


def test_the_token_goes_to_no_other_server(web: WebServer, tmp_path: Path) -> None:
    with web_server() as store:
        store.files["/stored"] = FILES["all.zip"]
        web.redirects[f"{PREFIX}all.zip"] = f"{store.url}/stored"
        hub = hub_at(web, token="hf_secret")
        hub.fetch(hub.list_files(ADDRESS), ["all.zip"], tmp_path)
        assert [asked.token for asked in store.asked] == [None]
        assert {asked.token for asked in web.asked} == {"hf_secret"}


def test_next_pages_are_asked_of_the_server_that_has_the_token(web: WebServer) -> None:
    """A mirror may hand on the Hub's own links."""
    web.add_repository("ana/many", FILES, page_size=5)
    with web_server() as elsewhere:
        for path, link in web.next_pages.items():
            web.next_pages[path] = link.replace(web.url, elsewhere.url)
        listing = hub_at(web, token="hf_secret").list_files(HubAddress("ana/many"))
        assert set(listing.files) == set(FILES)
        assert elsewhere.asked == []


@pytest.mark.parametrize("path", ["../outside.jpg", "a/../../b.jpg", "C:\\x.jpg", "a:b.jpg", "dot./x.jpg"])
def test_a_name_that_leads_elsewhere_is_refused(web: WebServer, tmp_path: Path, path: str) -> None:
    web.add_repository("ana/odd", {path: b"x"})
    hub = hub_at(web)
    with pytest.raises(DownloadFailed, match="cannot be stored"):
        hub.fetch(hub.list_files(HubAddress("ana/odd")), [path], tmp_path / "in")
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_server_that_is_not_the_hub_is_named(web: WebServer) -> None:
    web.files[f"/api/datasets/{NAME}/revision/main"] = b"<html>"
    with pytest.raises(DownloadFailed, match="no answer that this program understands"):
        hub_at(web).list_files(ADDRESS)
    web.files[f"/api/datasets/{NAME}/revision/main"] = b"[]"
    with pytest.raises(DownloadFailed, match="does not answer as the Hub does"):
        hub_at(web).list_files(ADDRESS)
