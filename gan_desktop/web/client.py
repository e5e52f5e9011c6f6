"""Fetches files piece by piece, goes on after a drop, and checks them before anybody uses them.

A file grows as `<name>.part` and gets its name only when size and checksum are right: a file that has its
name is whole. What has arrived survives the end of the program; the next call goes on behind it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import tenacity

from gan_desktop import __version__
from gan_desktop.errors import DownloadFailed
from gan_desktop.web.answers import (
    Trouble,
    first_byte,
    host_of,
    raise_for_status,
    raise_if_final,
    reason_of,
    require_length,
    require_safe,
    require_safe_turn,
    wrong_length,
)
from gan_desktop.web.arriving import (
    CHUNK_BYTES,
    Arrived,
    OnBytes,
    RemoteFile,
    naming_disk_trouble,
    require_space,
)

# Imported when something is asked for: it tries at once whether this computer has IPv6.
if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

CONNECT_S, READ_S = 10.0, 20.0
LONGEST_PAUSE_S = 30.0
MAX_REDIRECTS = 5
# A server that sends a byte now and then would never time out.
SLOW_S, SLOW_BYTES_PER_S = 30.0, 1_000
LONGEST_WISH_S = 300.0  # of a server that says when to ask again
NUM_TRIES = 8

T = TypeVar("T")


class HttpClient:
    """Fetches over HTTPS; plain HTTP only from this computer. May be used by several threads.

    Args:
        slow_s: A try that is slower than `SLOW_BYTES_PER_S` for so long has brought nothing.
        token: Shown to the server that is asked, never to another one it sends us on to.
        should_cancel: Asked between two pieces and while we wait; True ends with DownloadFailed.
        num_tries: Give up after so many tries in a row that brought nothing.
        longest_pause_s: Between two tries, unless the server wishes for more.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        should_cancel: Callable[[], bool] = lambda: False,
        num_tries: int = NUM_TRIES,
        longest_pause_s: float = LONGEST_PAUSE_S,
        slow_s: float = SLOW_S,
    ) -> None:
        self._auth = _Bearer(token)
        self._should_cancel = should_cancel
        self._num_tries = num_tries
        self._longest_pause_s = longest_pause_s
        self._slow_s = slow_s
        self._own = threading.local()  # a session of `requests` belongs to one thread

    def get_json(self, url: str) -> tuple[Any, str | None]:
        """A JSON answer, and the address of its next page.

        Raises:
            DownloadFailed: Refused, not there, unreachable, or no JSON.
        """

        import requests

        def ask() -> tuple[Any, str | None]:
            with self._request(url, {}) as response:
                try:
                    return response.json(), response.links.get("next", {}).get("url")
                except requests.exceptions.JSONDecodeError as error:
                    raise DownloadFailed(
                        f"{host_of(url)} sent no answer that this program understands. Is the address right?",
                        cause="damaged",
                    ) from error
                except requests.RequestException as error:
                    raise Trouble(reason_of(error)) from error

        return self._with_retries(url, ask)

    def fetch(self, file: RemoteFile, path: Path, on_bytes: OnBytes = lambda num: None) -> None:
        """Fetch a file, checked, under `path`; a part that an earlier call left there is gone on with.

        Args:
            on_bytes: Told how many bytes more there are; fewer (a negative number) where some were wrong.

        Raises:
            DownloadFailed: It cannot be had, or is wrong twice; or cancelled, or the disk is full.
        """
        part = path.with_name(f"{path.name}.part")
        with naming_disk_trouble(path.parent):
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("a+b") as target:
                require_space(path.parent, file.num_bytes - target.seek(0, io.SEEK_END))
                self._bring(file, Arrived(target, on_bytes))
            part.replace(path)

    def fetch_bytes(self, file: RemoteFile, on_bytes: OnBytes = lambda num: None) -> bytes:
        """A small file's content, checked; `on_bytes` as for `fetch`.

        Raises:
            DownloadFailed: It cannot be had, or is wrong twice; or cancelled.
        """
        target = io.BytesIO()
        self._bring(file, Arrived(target, on_bytes))
        return target.getvalue()

    def _bring(self, file: RemoteFile, arrived: Arrived) -> None:
        """Complete a file and check it; one that turns out wrong is fetched anew, once."""
        for _ in range(2):
            self._complete(file, arrived)
            if file.is_right(arrived.content):
                return
            logger.warning("%s arrived damaged", file.url)
            arrived.restart()
        raise DownloadFailed(
            f"{file.name} arrived damaged twice: its checksum is not the one announced. Try again later; if"
            f" it happens again, the file at {host_of(file.url)} is damaged.",
            cause="damaged",
        )

    def _complete(self, file: RemoteFile, arrived: Arrived) -> None:
        """Go on behind each drop until the file has its full length.

        Only tries that bring nothing new count as failures, so that a large file gets through a link that
        drops every minute.
        """
        import requests

        if arrived.length > file.num_bytes:
            arrived.restart()

        def go_on() -> None:
            before = arrived.length
            try:
                self._receive(file, arrived)
                reason = "the connection ended too early"
            except requests.RequestException as error:
                reason = reason_of(error)
                logger.info("%s broke off at byte %d: %s", file.url, arrived.length, error)
            if arrived.length <= before:
                raise Trouble(reason)

        while arrived.length < file.num_bytes:
            self._with_retries(file.url, go_on)

    def _receive(self, file: RemoteFile, arrived: Arrived) -> None:
        """Ask once for what is missing and append what comes."""
        with self._request(file.url, arrived.range_headers()) as response:
            begins_at = first_byte(response)
            if response.status_code == 416 or begins_at not in (0, arrived.length):
                arrived.restart()
                raise Trouble("it does not give the part that was asked for")
            if begins_at == 0:  # also where there are no ranges, or another version of the file by now
                arrived.restart(etag=response.headers.get("ETag", ""))
            require_length(file, response, begins_at)
            for chunk in self._pieces(response):
                if arrived.length + len(chunk) > file.num_bytes:
                    raise wrong_length(file, "more")
                arrived.append(chunk)

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        """What comes, as it comes: a full piece of a slow server's would be waited for without end."""
        since, num_bytes = time.monotonic(), 0
        while chunk := _next_piece(response):
            self._require_wanted()
            num_bytes += len(chunk)
            yield chunk
            seconds = time.monotonic() - since
            if seconds >= self._slow_s:
                if num_bytes < seconds * SLOW_BYTES_PER_S:
                    raise Trouble("it sends next to nothing")
                since, num_bytes = time.monotonic(), 0

    @contextlib.contextmanager
    def _request(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """An answer whose body is still to be read; one that means no has become an error."""
        import requests

        # Compressed on the way, neither length nor ranges would be the file's own.
        try:
            response = self._follow(url, {"Accept-Encoding": "identity", **headers})
        except requests.RequestException as error:
            raise_if_final(error, url)
            raise Trouble(reason_of(error)) from error
        with response:
            raise_for_status(response, url)
            yield response

    def _follow(self, url: str, headers: dict[str, str]) -> requests.Response:
        """Ask where a server sends us on to, and look at each address before anything is sent there."""
        import requests

        session = self._session()
        first, asked = url, urlsplit(url)[:2]
        host = asked
        for _ in range(MAX_REDIRECTS + 1):
            self._require_wanted()
            require_safe(url)
            response = session.get(
                url,
                headers=headers,
                auth=self._auth if host == asked else _NOBODY,
                stream=True,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
            )
            target = session.get_redirect_target(response)
            if not target:
                return response
            response.close()
            url = urljoin(url, target)
            require_safe_turn(first, url)
            host = urlsplit(url)[:2]
        raise requests.TooManyRedirects

    def _session(self) -> requests.Session:
        import requests

        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.headers["User-Agent"] = f"gan-desktop/{__version__}"
        session: requests.Session = self._own.session
        return session

    def _with_retries(self, url: str, attempt: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Trouble),
            wait=self._pause,
            stop=tenacity.stop_after_attempt(self._num_tries),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except Trouble as error:
            raise DownloadFailed(
                f"{host_of(url)} does not give the file: {error}. Check this computer's connection to the"
                " internet and try again; what has arrived so far is kept.",
                cause="unreachable",
            ) from error

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wish = error.wish_s if isinstance(error, Trouble) else None
        grown = tenacity.wait_random_exponential(multiplier=0.5, max=self._longest_pause_s)(state)
        logger.info("Trying again: %s", error)
        return grown if wish is None else min(wish, LONGEST_WISH_S)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._require_wanted()
            time.sleep(min(left, 0.1))

    def _require_wanted(self) -> None:
        if self._should_cancel():
            raise DownloadFailed(
                "The download was stopped. The same command goes on where it stopped.", cause="cancelled"
            )


class _Bearer:
    """Shows the token. As an object of its own, since without one `requests` looks into ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


_NOBODY = _Bearer(None)


def _next_piece(response: requests.Response) -> bytes:
    import requests
    import urllib3

    try:
        # `iter_content` would wait until a piece is full.
        return bytes(response.raw.read1(CHUNK_BYTES, decode_content=True))
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
