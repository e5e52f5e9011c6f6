"""Model repositories of the Hugging Face Hub: opened, made if need be, and written to in one commit.

Through the Hub's own client library, huggingface_hub, which knows how large files get there. What it lacks
for somebody who waits at a screen is added here: it has no time limits, sleeps as long as a busy server
wishes, cannot be stopped and tells no progress. Every file is handed to it as an object that it reads from,
which counts and may refuse to be read on.

A file that has arrived whole is not sent again by the next try; a commit is there as a whole or not at all.
"""

from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_desktop import __version__
from gan_desktop.errors import DownloadFailed, PublishingFailed
from gan_desktop.web.answers import host_of, require_safe

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

TOKENS_PAGE = "https://huggingface.co/settings/tokens"
CONNECT_S, ANSWER_S = 10.0, 60.0
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
_FULL = ("storage limit", "quota", "storage quota", "payment required", "too large")
# The library has one HTTP client for the whole process, and ours ends with the call that it belongs to.
_ONE_AT_A_TIME = threading.Lock()

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class ModelRepository:
    """One that may be written to.

    Attributes:
        name: `OWNER/NAME`.
        url: Where a person sees it.
        is_private: Whether only its owner sees it.
    """

    name: str
    url: str
    is_private: bool


def require_name(text: str) -> str:
    """A repository's name as the Hub takes it: `OWNER/NAME`, or the name alone.

    Raises:
        PublishingFailed: It is none.
    """
    parts = text.strip().split("/")
    is_right = 1 <= len(parts) <= 2 and all(_NAME.fullmatch(part) for part in parts)
    if not is_right or "--" in text or ".." in text or text.endswith(".git"):
        raise PublishingFailed(
            f"{text!r} cannot be the name of a repository. Write OWNER/NAME with letters, digits, - _ and ."
            " in it, for example ana/our-faces.",
            cause="name",
            title="Not a repository's name",
        )
    return "/".join(parts)


class ModelHub:
    """The Hub for one person, made by `open_hub`. Calls raise PublishingFailed, whose `cause` says why."""

    def __init__(self, api: HfApi, token: str, should_cancel: Callable[[], bool]) -> None:
        self._api = api
        self._token = token
        self._should_cancel = should_cancel

    def open(self, name: str, *, is_private: bool | None, marker: str) -> ModelRepository:
        """The repository of that name; one that is not there is made.

        Args:
            name: `OWNER/NAME`; without an owner it is the token's.
            is_private: None: one that is made is private, one that is there stays as it is.
            marker: A file that every repository of ours has: others are left alone.
        """
        name = require_name(name)
        with self._named(name):
            account = self._api.whoami()
        self._require_rights(account)
        if "/" not in name:
            name = f"{account['name']}/{name}"
        self._require_own(name, account)
        with self._named(name):
            self._api.create_repo(name, private=is_private is not False, exist_ok=True)
            found = self._api.model_info(name)
        self._require_ours(name, [file.rfilename for file in found.siblings or ()], marker)
        if is_private and not found.private:
            raise PublishingFailed(
                f"{name} is there already, and everybody can see it. Choose another name, make it private on"
                " its page, or publish for everybody.",
                cause="visible",
                title="The repository is public",
            )
        return ModelRepository(name, f"{self._api.endpoint}/{name}", bool(found.private))

    def upload(
        self,
        repository: ModelRepository,
        files: Mapping[str, bytes],
        message: str,
        on_progress: OnBytes = lambda done, total: None,
    ) -> None:
        """Put files into a repository, all in one commit; what is there already is not sent again.

        Args:
            on_progress: Called with the bytes that are sent and their total, from several threads.
        """
        from huggingface_hub import CommitOperationAdd

        progress = _Progress(sum(map(len, files.values())), on_progress)
        sources = {path: _Source(content, self.require_wanted) for path, content in files.items()}
        with self._named(repository.name):
            # Each is read once here, for its checksum.
            operations = [CommitOperationAdd(path, source) for path, source in sources.items()]
            for source in sources.values():
                source.on_bytes = progress.add
            self._api.create_commit(repository.name, operations, commit_message=message)
        progress.finish()

    # -- what is asked before anything is written -----------------------------------------------

    def _require_rights(self, account: Mapping[str, Any]) -> None:
        role = account.get("auth", {}).get("accessToken", {}).get("role")
        if role == "read":
            raise PublishingFailed(
                f"This access token may only read. Make one with the right to write at {TOKENS_PAGE}.",
                cause="read_only",
                title="The token may not write",
            )

    def _require_own(self, name: str, account: Mapping[str, Any]) -> None:
        owner = name.partition("/")[0]
        own = [str(account["name"]), *(str(org["name"]) for org in account.get("orgs", ()))]
        if owner.casefold() not in map(str.casefold, own):
            raise PublishingFailed(
                f"{name} belongs to somebody else: this token is {account['name']}'s. Write"
                f" {account['name']}/{name.partition('/')[2]}, or take a token of {owner}'s.",
                cause="not_yours",
                title="Somebody else's repository",
            )

    def _require_ours(self, name: str, files: list[str], marker: str) -> None:
        # The Hub's own page makes these two with a new repository.
        others = set(files) - {".gitattributes", "README.md"}
        if others and marker not in files:
            raise PublishingFailed(
                f"{name} holds something else already ({', '.join(sorted(others)[:3])}), which stays as it"
                " is. Choose another name.",
                cause="occupied",
                title="The repository is taken",
            )

    def require_wanted(self) -> None:
        """Pass only as long as nobody wants to stop."""
        if self._should_cancel():
            raise PublishingFailed(
                "Publishing was stopped. Files that have arrived need not be sent again; the repository shows"
                " none of them yet.",
                cause="cancelled",
                title="Stopped",
            )

    # -- what goes wrong ------------------------------------------------------------------------

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Turn what the library raises into an error for people."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        self.require_wanted()
        try:
            yield
        except Exception as error:
            root = _root(error)
            # Without the cause: it holds a server's words, which may repeat the token, and would be logged.
            if isinstance(root, PublishingFailed):
                raise root from None
            if isinstance(root, HfHubHTTPError):
                raise self._answered(root, name) from None
            if isinstance(root, httpx2.HTTPError | OfflineModeIsEnabled):
                raise self._unreachable(root) from None
            # What it says of an answer that is not the Hub's.
            if isinstance(root, ValueError | LookupError):
                raise _refused(name, self._harmless(str(root))) from None
            raise

    def _answered(self, error: HfHubHTTPError, name: str) -> PublishingFailed:
        status = error.response.status_code
        words = self._harmless(error.server_message or error.response.reason_phrase)
        if status in (402, 413, 507) or any(phrase in words.casefold() for phrase in _FULL):
            return PublishingFailed(
                f"The Hub has no room for it: {words} Free some at https://huggingface.co/settings/storage,"
                " or publish for everybody, where there is more.",
                cause="no_room",
                title="No room on the Hub",
            )
        if status == 401:
            return PublishingFailed(
                "The Hub does not know this access token. Make a new one with the right to write at"
                f" {TOKENS_PAGE}.",
                cause="bad_token",
                title="The token is not valid",
            )
        if status in (403, 404):
            return PublishingFailed(
                f"This access token may not write to {name}. Make one that may at {TOKENS_PAGE}. The Hub"
                f" says: {words}",
                cause="read_only",
                title="The token may not write",
            )
        if status >= 500:
            return self._unreachable(error)
        return _refused(name, words)

    def _unreachable(self, error: Exception) -> PublishingFailed:
        return PublishingFailed(
            f"{host_of(self._api.endpoint)} does not answer. Check this computer's connection to the internet"
            f" and try again; files that have arrived need not be sent again. ({type(error).__name__})",
            cause="unreachable",
            title="The Hub cannot be reached",
        )

    def _harmless(self, words: str) -> str:
        """What a server says, short and without the token that it may have quoted."""
        return " ".join(words.replace(self._token, "***").split())[:300]


def _refused(name: str, words: str) -> PublishingFailed:
    return PublishingFailed(
        f"The Hub does not take the files for {name}. It says: {words}", cause="refused", title="Refused"
    )


def _root(error: BaseException) -> BaseException:
    """The library wraps what goes wrong with one file of several."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def open_hub(
    token: str, *, endpoint: str | None = None, should_cancel: Callable[[], bool] = lambda: False
) -> Iterator[ModelHub]:
    """The Hub for the owner of an access token; one at a time in a process, others wait.

    Args:
        endpoint: A mirror of the Hub; None: the Hub, or what HF_ENDPOINT says.
        should_cancel: Asked with every request and every piece of a file; True ends with PublishingFailed.

    Raises:
        PublishingFailed: See its `cause`.
    """
    api = _library(token, endpoint)
    hub = ModelHub(api, token, should_cancel)
    while not _ONE_AT_A_TIME.acquire(timeout=0.1):
        hub.require_wanted()
    try:
        _use_client(hub.require_wanted)
        yield hub
    finally:
        _use_client(None)
        _ONE_AT_A_TIME.release()


def _library(token: str, endpoint: str | None) -> HfApi:
    try:
        import huggingface_hub
        from huggingface_hub.utils.logging import set_verbosity_error
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise PublishingFailed(
            "Publishing needs one more package: pip install 'gan-desktop[hub]'",
            cause="not_installed",
            title="A package is missing",
        ) from error
    # Its own bars and warnings would stand in the middle of ours.
    disable_progress_bars()
    set_verbosity_error()  # type: ignore[no-untyped-call]
    for name in ("httpx2", "httpcore2"):
        # A detailed log would have addresses that carry a right, and a server's headers, whatever is in them.
        logging.getLogger(name).setLevel(logging.WARNING)
    api = huggingface_hub.HfApi(
        endpoint, token=token, library_name="gan-desktop", library_version=__version__
    )
    try:
        require_safe(api.endpoint)
    except DownloadFailed as error:
        raise PublishingFailed(error.message, cause="unreachable") from None
    return api


def _use_client(require_wanted: Callable[[], None] | None) -> None:
    """Let the library talk through a client that does not wait for ever; None: through its own again."""
    import httpx2
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    if require_wanted is None:
        set_client_factory(default_client_factory)
        return

    def make() -> httpx2.Client:
        client = default_client_factory()
        client.timeout = httpx2.Timeout(ANSWER_S, connect=CONNECT_S)
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [lambda request: require_wanted(), *hooks["request"]],
            "response": [*hooks["response"], _refuse_to_wait],
        }
        return client

    set_client_factory(make)


def _refuse_to_wait(response: httpx2.Response) -> None:
    """Say that the server wants to be left alone, rather than sleep for minutes in silence."""
    if response.status_code != 429:
        return
    wish = re.search(r"\bt\s*=\s*(\d+)", response.headers.get("ratelimit", ""))
    told = wish[1] if wish else response.headers.get("Retry-After", "")
    minutes = f"in {-(-int(told) // 60)} min" if told.isdecimal() else "in some minutes"
    raise PublishingFailed(
        f"The Hub has had too many requests from this account or network. Try again {minutes}.",
        cause="rate_limit",
        title="The Hub asks for a pause",
    )


class _Source(io.BytesIO):
    """A file's content that counts how far it was read, and is read no further once nobody wants it."""

    def __init__(self, content: bytes, require_wanted: Callable[[], None]) -> None:
        super().__init__(content)
        self.on_bytes: Callable[[int], None] | None = None
        self._require_wanted = require_wanted
        self._farthest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's; after a repetition only what is new counts."""
        self._require_wanted()
        piece = super().read(size)
        if self.on_bytes is not None and self.tell() > self._farthest:
            self.on_bytes(self.tell() - self._farthest)
            self._farthest = self.tell()
        return piece


class _Progress:
    """Adds up what several threads send."""

    def __init__(self, total: int, on_progress: OnBytes) -> None:
        self._total = total
        self._on_progress = on_progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, num_bytes: int) -> None:
        with self._lock:
            self._done += num_bytes
            self._on_progress(self._done, self._total)

    def finish(self) -> None:
        """Also what the Hub had already is there."""
        with self._lock:
            self._on_progress(self._total, self._total)
