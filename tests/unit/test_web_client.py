"""Fetching files from a server on this computer that fails as real ones do."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.errors import DownloadFailed
from gan_desktop.web.answers import require_safe_turn
from gan_desktop.web.arriving import RemoteFile
from gan_desktop.web.client import MAX_REDIRECTS, HttpClient
from tests.web_server import Fault, WebServer, web_server

CONTENT = random.Random(1).randbytes(700_000)
DROP = Fault(drop_after=300_000)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def file(web: WebServer) -> RemoteFile:
    return web.add("/pictures.zip", CONTENT)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "pictures.zip"


def quick(**options: Any) -> HttpClient:
    """A client that does not wait long."""
    return HttpClient(**{"num_tries": 3, "longest_pause_s": 0.01, **options})


def part_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.part")


def test_a_file_has_its_name_only_when_it_is_whole(file: RemoteFile, place: Path) -> None:
    arrived: list[int] = []
    quick().fetch(file, place, arrived.append)
    assert place.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    assert list(place.parent.iterdir()) == [place]


def test_a_dropped_download_goes_on_where_it_stopped(web: WebServer, file: RemoteFile, place: Path) -> None:
    web.faults["/pictures.zip"] = [DROP, DROP]
    arrived: list[int] = []
    quick(num_tries=1).fetch(file, place, arrived.append)
    assert place.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    first, second, third = web.ranges("/pictures.zip")
    assert first is None
    assert second is not None and third is not None
    assert 0 < int(second[6:-1]) < int(third[6:-1]) <= 600_000
    etags = [asked.if_range for asked in web.asked]
    assert etags[0] is None
    assert etags[1] == etags[2] == f'"{hashlib.md5(CONTENT).hexdigest()}"'


def test_a_later_start_goes_on_behind_what_an_earlier_one_brought(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    place.parent.mkdir()
    part_of(place).write_bytes(CONTENT[:500_000])
    arrived: list[int] = []
    quick().fetch(file, place, arrived.append)
    assert place.read_bytes() == CONTENT
    assert web.ranges("/pictures.zip") == ["bytes=500000-"]
    assert arrived[0] == 500_000
    assert sum(arrived) == len(CONTENT)


def test_a_server_without_ranges_is_asked_for_the_whole_again(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    web.has_ranges = False
    web.faults["/pictures.zip"] = [DROP]
    arrived: list[int] = []
    quick().fetch(file, place, arrived.append)
    assert place.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)


def test_a_server_without_ranges_that_always_drops_is_given_up(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    web.has_ranges = False
    web.faults["/pictures.zip"] = [DROP] * 20
    with pytest.raises(DownloadFailed, match="broke off") as caught:
        quick().fetch(file, place)
    assert caught.value.cause == "unreachable"
    assert len(web.asked) < 10


def test_a_file_that_changed_on_the_server_is_not_mixed(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    """The mark of the version, sent back with If-Range, has the server send the new one whole."""
    web.faults["/pictures.zip"] = [DROP]
    web.etags["/pictures.zip"] = '"old"'

    def change(num: int) -> None:
        if num > 0:
            web.etags["/pictures.zip"] = '"new"'

    quick().fetch(file, place, change)
    assert place.read_bytes() == CONTENT
    assert [asked.if_range for asked in web.asked] == [None, '"old"']


def test_a_weak_mark_of_the_version_is_not_trusted(web: WebServer, file: RemoteFile, place: Path) -> None:
    web.etags["/pictures.zip"] = 'W/"1"'
    web.faults["/pictures.zip"] = [DROP]
    quick().fetch(file, place)
    assert place.read_bytes() == CONTENT
    assert [asked.if_range for asked in web.asked] == [None, None]


def test_wrong_bytes_are_fetched_anew_once(web: WebServer, file: RemoteFile, place: Path) -> None:
    web.faults["/pictures.zip"] = [Fault(damage=True)]
    arrived: list[int] = []
    quick().fetch(file, place, arrived.append)
    assert place.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    assert web.ranges("/pictures.zip") == [None, None]


def test_a_file_that_stays_wrong_is_named_and_not_kept(web: WebServer, file: RemoteFile, place: Path) -> None:
    web.faults["/pictures.zip"] = [Fault(damage=True)] * 2
    with pytest.raises(DownloadFailed, match=r"pictures\.zip arrived damaged twice") as caught:
        quick().fetch(file, place)
    assert caught.value.cause == "damaged"
    assert not place.exists()
    assert part_of(place).stat().st_size == 0


def test_a_wrong_part_from_an_earlier_start_is_replaced(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    for wrong in (b"x" * 500_000, b"x" * len(CONTENT), b"x" * 900_000):
        place.parent.mkdir(exist_ok=True)
        part_of(place).write_bytes(wrong)
        quick().fetch(file, place)
        assert place.read_bytes() == CONTENT


def test_small_files_are_checked_by_their_name_in_git(web: WebServer, place: Path) -> None:
    file = web.add("/a.jpg", b"small")
    name = hashlib.sha1(b"blob 5\0small").hexdigest()
    quick().fetch(replace(file, sha256="", git_sha1=name), place)
    assert place.read_bytes() == b"small"
    with pytest.raises(DownloadFailed, match="damaged twice"):
        quick().fetch(replace(file, sha256="", git_sha1="0" * 40), place)


@pytest.mark.parametrize("announce", [400_000, 900_000], ids=["shorter", "longer"])
def test_another_file_is_known_by_its_length(
    web: WebServer, file: RemoteFile, place: Path, announce: int
) -> None:
    web.faults["/pictures.zip"] = [Fault(announce=announce)]
    with pytest.raises(DownloadFailed, match=f"has {announce:,} bytes instead of 700,000"):
        quick().fetch(file, place)


def test_a_server_that_sends_too_much_is_stopped(web: WebServer, place: Path) -> None:
    file = replace(web.add("/pictures.zip", CONTENT), num_bytes=1_000)
    web.faults["/pictures.zip"] = [Fault(announce=-1)]
    with pytest.raises(DownloadFailed, match="has more bytes instead of 1,000"):
        quick().fetch(file, place)
    assert part_of(place).stat().st_size <= 1_000


def test_a_body_of_unknown_length_that_ends_early_is_gone_on_with(
    web: WebServer, file: RemoteFile, place: Path
) -> None:
    web.faults["/pictures.zip"] = [Fault(announce=-1, drop_after=200_000)]
    quick().fetch(file, place)
    assert place.read_bytes() == CONTENT
    assert web.ranges("/pictures.zip") == [None, "bytes=200000-"]


def test_a_range_that_begins_elsewhere_is_refused(web: WebServer, file: RemoteFile, place: Path) -> None:
    web.faults["/pictures.zip"] = [DROP, Fault(begin_at=77)]
    quick().fetch(file, place)
    assert place.read_bytes() == CONTENT
    assert web.ranges("/pictures.zip")[2] is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(web: WebServer, file: RemoteFile, status: int) -> None:
    web.faults["/pictures.zip"] = [Fault(status=status), Fault(status=status)]
    assert quick().fetch_bytes(file) == CONTENT
    assert len(web.asked) == 3


def test_a_server_is_asked_again_when_it_wishes(web: WebServer, file: RemoteFile) -> None:
    web.faults["/pictures.zip"] = [Fault(status=429, headers={"Retry-After": "1"})]
    began = time.monotonic()
    assert quick().fetch_bytes(file) == CONTENT
    assert time.monotonic() - began >= 1.0


def test_a_server_that_stays_away_is_named(web: WebServer, file: RemoteFile) -> None:
    web.faults["/pictures.zip"] = [Fault(status=503)] * 5
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1:\d+ does not give the file: it answers 503"):
        quick().fetch_bytes(file)
    assert len(web.asked) == 3


def test_a_server_that_is_not_there_is_named() -> None:
    with web_server() as gone:
        file = gone.add("/a", b"a")
    with pytest.raises(DownloadFailed, match="it cannot be reached"):
        quick().fetch_bytes(file)


@pytest.mark.parametrize(
    ("status", "cause"), [(401, "login"), (403, "forbidden"), (404, "not_found"), (410, "not_found")]
)
def test_a_refusal_is_not_asked_again(web: WebServer, file: RemoteFile, status: int, cause: str) -> None:
    web.faults["/pictures.zip"] = [Fault(status=status, headers={"X-Error-Code": "Why"})]
    with pytest.raises(DownloadFailed) as caught:
        quick().fetch_bytes(file)
    assert (caught.value.cause, caught.value.code) == (cause, "Why")
    assert len(web.asked) == 1


def test_the_token_is_not_shown_to_another_host(web: WebServer, file: RemoteFile) -> None:
    """The Hub sends large files from other servers; those must not learn who asks."""
    with web_server() as store:
        store.files["/stored"] = CONTENT
        web.redirects["/pictures.zip"] = f"{store.url}/stored"
        assert quick(token="hf_secret").fetch_bytes(file) == CONTENT
        assert [asked.token for asked in web.asked] == ["hf_secret"]
        assert [asked.token for asked in store.asked] == [None]


def test_a_range_is_asked_of_the_host_that_has_the_file(web: WebServer, file: RemoteFile) -> None:
    with web_server() as store:
        store.files["/stored"] = CONTENT
        store.faults["/stored"] = [DROP]
        web.redirects["/pictures.zip"] = f"{store.url}/stored"
        assert quick().fetch_bytes(file) == CONTENT
        assert [bool(asked.range) for asked in store.asked] == [False, True]


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/a", "ftp://192.0.2.1/a", "file:///etc/passwd", "https:///nowhere", "no address"]
)
def test_only_safe_addresses_are_asked(file: RemoteFile, url: str) -> None:
    with pytest.raises(DownloadFailed) as caught:
        quick().fetch_bytes(replace(file, url=url))
    assert caught.value.cause == "address"


def test_a_server_that_sends_on_to_an_unsafe_address_is_refused(web: WebServer, file: RemoteFile) -> None:
    web.redirects["/pictures.zip"] = f"{web.url}/elsewhere".replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(DownloadFailed) as caught:
        quick().fetch_bytes(file)
    assert caught.value.cause in {"address", "unreachable"}


def test_a_cancelled_download_keeps_what_has_arrived(web: WebServer, file: RemoteFile, place: Path) -> None:
    arrived: list[int] = []
    with pytest.raises(DownloadFailed) as caught:
        quick(should_cancel=lambda: sum(arrived) > 0).fetch(file, place, arrived.append)
    assert caught.value.cause == "cancelled"
    num_kept = part_of(place).stat().st_size
    assert 0 < num_kept < len(CONTENT)
    quick().fetch(file, place)
    assert web.ranges("/pictures.zip") == [None, f"bytes={num_kept}-"]


def test_cancelling_ends_a_pause(web: WebServer, file: RemoteFile) -> None:
    web.faults["/pictures.zip"] = [Fault(status=503, headers={"Retry-After": "200"})]
    client = quick(should_cancel=lambda: len(web.asked) > 0)
    with pytest.raises(DownloadFailed) as caught:
        client.fetch_bytes(file)
    assert caught.value.cause == "cancelled"


def test_too_small_a_disk_is_named_before_the_first_byte(
    web: WebServer, file: RemoteFile, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 1_000, 1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadFailed, match="1 MB more are needed") as caught:
        quick().fetch(file, place)
    assert caught.value.cause == "disk"
    assert web.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_is_named(file: RemoteFile, place: Path) -> None:
    place.parent.mkdir()
    part_of(place).symlink_to("/dev/full")
    with pytest.raises(DownloadFailed, match="is full") as caught:
        quick().fetch(file, place)
    assert caught.value.title == "The disk is full"
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_a_server_that_sends_on_is_not_followed_to_an_unsafe_address(
    web: WebServer, file: RemoteFile
) -> None:
    """Not even asked there: the answer does not matter to whoever wanted us to ask."""
    with web_server() as inner:
        elsewhere = inner.url.replace("127.0.0.1", "127.1")  # this computer, by an address no rule knows
        web.redirects["/pictures.zip"] = f"{elsewhere}/admin?delete=everything"
        with pytest.raises(DownloadFailed) as failed:
            quick().fetch_bytes(file)
        assert failed.value.cause == "address"
        assert inner.asked == []


def test_nobody_outside_sends_us_to_this_computer() -> None:
    require_safe_turn("http://127.0.0.1:80/a", "http://localhost:81/b")
    require_safe_turn("https://example.org/a", "https://example.net/b")
    with pytest.raises(DownloadFailed, match="to this computer itself"):
        require_safe_turn("https://example.org/a", "http://127.0.0.1:631/printers")


def test_a_server_that_sends_on_in_a_circle_is_left(web: WebServer, file: RemoteFile) -> None:
    web.redirects["/pictures.zip"] = "/pictures.zip"
    with pytest.raises(DownloadFailed) as failed:
        quick().fetch_bytes(file)
    assert failed.value.cause == "address"
    assert len(web.asked) == MAX_REDIRECTS + 1


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(web: WebServer, file: RemoteFile) -> None:
    web.faults["/pictures.zip"] = [Fault(drip_s=0.02)] * 3
    with pytest.raises(DownloadFailed, match="next to nothing"):
        quick(slow_s=0.2).fetch_bytes(file)
    assert len(web.asked) == 3


def test_a_slow_server_does_not_keep_us_from_stopping(web: WebServer, file: RemoteFile) -> None:
    web.faults["/pictures.zip"] = [Fault(drip_s=0.02)]
    arrived: list[int] = []
    with pytest.raises(DownloadFailed) as failed:
        quick(should_cancel=lambda: sum(arrived) > 5).fetch_bytes(file, arrived.append)
    assert failed.value.cause == "cancelled"
