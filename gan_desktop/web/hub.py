"""Data set repositories of the Hugging Face Hub: what is in one, and fetching some of it.

The Hub's interface: https://huggingface.co/docs/hub/api. Its own client library (huggingface_hub 2.4) is not
used: it deletes what has arrived when a download is interrupted, compares lengths but no checksums, and
cannot be stopped.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock, Timeout

from gan_desktop.errors import DownloadFailed
from gan_desktop.web.arriving import RemoteFile
from gan_desktop.web.client import LONGEST_PAUSE_S, HttpClient

logger = logging.getLogger(__name__)

HUB = "https://huggingface.co"
PREFIX = "hub:"
NUM_STREAMS = 4  # many small pictures come four at a time

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ADDRESS = re.compile(rf"({_PART}/{_PART})(?:@([^/]+))?(?:/(.+))?")
_LINK = re.compile(rf"/datasets/({_PART}/{_PART})(?:/(?:tree|blob|resolve)/([^/]+)(?:/(.+))?)?/?")
# Names that some system cannot store, or that lead out of the folder.
_ODD_NAME = re.compile(r'[\\:*?"<>|\x00-\x1f]|[. ]$')


@dataclass(frozen=True)
class HubAddress:
    """A data set repository, or a part of it.

    Attributes:
        repository: `OWNER/NAME`.
        revision: A branch, tag or commit.
        path: A file or folder in it; empty: everything.
    """

    repository: str
    revision: str = "main"
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> HubAddress | None:
        """Read `hub:OWNER/NAME[@REVISION][/PATH]` or a link to a data set of the Hub; None: it is neither.

        A slash in a revision is written %2F, as the Hub does.

        Raises:
            DownloadFailed: It begins like one and goes on wrongly.
        """
        if text.startswith(PREFIX):
            found = _ADDRESS.fullmatch(text.removeprefix(PREFIX))
        elif text.startswith(f"{HUB}/"):
            found = _LINK.fullmatch(urlsplit(text).path)
        else:
            return None
        if found is None:
            raise DownloadFailed(
                f"{text} is no data set of the Hugging Face Hub. Write hub:OWNER/NAME, if you like with"
                " @REVISION and /FILE behind it.",
                cause="address",
            )
        repository, revision, path = found.groups()
        return cls(repository, unquote(revision or "main"), unquote(path or "").rstrip("/"))

    @property
    def page(self) -> str:
        """Where a person sees it."""
        return f"{HUB}/datasets/{self.repository}"


@dataclass(frozen=True)
class HubListing:
    """The files of a repository at one commit: `path` of each in the repository, and what to fetch."""

    address: HubAddress
    commit: str
    files: dict[str, RemoteFile]


class Hub:
    """Asks the Hub and fetches from it.

    Args:
        endpoint: The Hub, or a mirror of it.
        token: Of a person who may see private or gated data sets; None: public ones only.
        should_cancel: Asked now and then; True ends with DownloadFailed.
    """

    def __init__(
        self,
        endpoint: str = HUB,
        *,
        token: str | None = None,
        should_cancel: Callable[[], bool] = lambda: False,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._has_token = bool(token)
        self._has_failed = threading.Event()
        self._client = HttpClient(
            token=token,
            should_cancel=lambda: should_cancel() or self._has_failed.is_set(),
            longest_pause_s=longest_pause_s,
        )

    def list_files(self, address: HubAddress) -> HubListing:
        """The files at an address, of the commit that its revision means now.

        Raises:
            DownloadFailed: No such data set, revision or file; or not for this token; or the Hub is away.
        """
        try:
            commit = self._commit(address)
            entries = self._entries(address, commit)
        except DownloadFailed as error:
            raise self._explained(error, address) from error
        files = {}
        for entry in entries:
            if entry["type"] == "file" and _is_within(entry["path"], address.path):
                files[entry["path"]] = self._remote_file(address, commit, entry)
        if address.path and not files:
            raise DownloadFailed(
                f"The data set {address.repository} has no file or folder {address.path}."
                f" See {address.page}.",
                cause="not_found",
            )
        return HubListing(address, commit, files)

    def fetch(
        self,
        listing: HubListing,
        paths: Sequence[str],
        folder: Path,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Path]:
        """Fetch some files of a listing below a folder; those that are there are not fetched again.

        Args:
            on_progress: Called with the bytes that are here and their total; from several threads.

        Raises:
            DownloadFailed: A file cannot be had, or is damaged; or cancelled, or the disk is full. What has
                arrived stays.
        """
        places = {path: folder / _storable(path) for path in paths}
        progress = _Progress(sum(listing.files[path].num_bytes for path in paths), on_progress)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                self._fetch_all([(listing.files[path], places[path]) for path in paths], progress)
        except Timeout as error:
            raise DownloadFailed(
                f"Another program is fetching this data set into {folder}. Let it finish, then try again.",
                cause="disk",
            ) from error
        except DownloadFailed as error:
            raise self._explained(error, listing.address) from error
        return list(places.values())

    def _fetch_all(self, wanted: list[tuple[RemoteFile, Path]], progress: _Progress) -> None:
        def fetch(file: RemoteFile, place: Path) -> None:
            # A file has its name only once it was found right.
            if place.is_file() and place.stat().st_size == file.num_bytes:
                progress.add(file.num_bytes)
            else:
                self._client.fetch(file, place, progress.add)

        self._has_failed.clear()
        with ThreadPoolExecutor(NUM_STREAMS, "hub") as pool:
            downloads = [pool.submit(fetch, *each) for each in wanted]
            try:
                for download in as_completed(downloads):
                    download.result()
            except BaseException:
                self._has_failed.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _commit(self, address: HubAddress) -> str:
        revision = quote(address.revision, safe="")
        answer, _ = self._client.get_json(f"{self._api(address)}/revision/{revision}")
        if not isinstance(answer, dict) or "sha" not in answer:
            raise DownloadFailed(f"{self._endpoint} does not answer as the Hub does.", cause="damaged")
        return str(answer["sha"])

    def _entries(self, address: HubAddress, commit: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        page: str | None = f"{self._api(address)}/tree/{commit}?recursive=true"
        while page:
            found, following = self._client.get_json(page)
            entries += found
            page = self._here(following) if following else None
        return entries

    def _here(self, url: str) -> str:
        """An address that the server named, asked of the server we know: it gets our token, no other does."""
        parts = urlsplit(url)
        return url if url.startswith(f"{self._endpoint}/") else f"{self._endpoint}{parts.path}?{parts.query}"

    def _api(self, address: HubAddress) -> str:
        return f"{self._endpoint}/api/datasets/{address.repository}"

    def _remote_file(self, address: HubAddress, commit: str, entry: dict[str, Any]) -> RemoteFile:
        path = str(entry["path"])
        large = entry.get("lfs")
        file = RemoteFile(
            url=f"{self._endpoint}/datasets/{address.repository}/resolve/{commit}/{quote(path)}",
            name=PurePosixPath(path).name,
            num_bytes=int(entry["size"]),
        )
        return replace(file, sha256=large["oid"]) if large else replace(file, git_sha1=str(entry["oid"]))

    def _explained(self, error: DownloadFailed, address: HubAddress) -> DownloadFailed:
        """The same error in words about the Hub."""
        text = self._explanation(error, address)
        return DownloadFailed(text, cause=error.cause, code=error.code) if text else error

    def _explanation(self, error: DownloadFailed, address: HubAddress) -> str:
        """What the Hub means (https://huggingface.co/docs/hub/api: the header X-Error-Code)."""
        name = address.repository
        if error.code == "GatedRepo":
            return (
                f"{name} is given only to people who accepted its conditions. Accept them at {address.page}"
                " and write an access token of yours as huggingface.token."
            )
        if error.code == "RevisionNotFound":
            return f"The data set {name} has no revision {address.revision}. See {address.page}."
        if error.code == "RepoNotFound" or error.cause == "not_found":
            private = "If it is private, write your access token as huggingface.token."
            hint = "" if self._has_token else f" {private}"
            return f"The Hub has no data set {name} that we may see. Check its name.{hint}"
        if error.cause not in ("login", "forbidden"):
            return ""
        if not self._has_token:
            return f"The Hub gives {name} only with an access token. Write yours as huggingface.token."
        return (
            f"The Hub does not accept the access token for {name}. Make a new one with the right to read at"
            f" {HUB}/settings/tokens and write it as huggingface.token."
        )


class _Progress:
    """Adds up what several threads fetch."""

    def __init__(self, total: int, on_progress: Callable[[int, int], None]) -> None:
        self._total = total
        self._on_progress = on_progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, num_bytes: int) -> None:
        with self._lock:
            self._done += num_bytes
            self._on_progress(self._done, self._total)


def _is_within(path: str, wanted: str) -> bool:
    return not wanted or path == wanted or path.startswith(f"{wanted}/")


def _storable(path: str) -> PurePosixPath:
    """A path of a repository as one below a folder of ours.

    Raises:
        DownloadFailed: It leads elsewhere, or some system cannot store it.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or any(part == ".." or _ODD_NAME.search(part) for part in pure.parts):
        raise DownloadFailed(
            f"The data set holds a file named {path!r}, which cannot be stored here. Name another file.",
            cause="address",
        )
    return pure
