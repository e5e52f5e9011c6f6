"""What a web server answers: whether it is what was asked for, and what to do where it is not."""

from __future__ import annotations

import email.utils
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gan_desktop.errors import DownloadFailed
from gan_desktop.web.arriving import RemoteFile

# Imported when something is asked for: it tries at once whether this computer has IPv6.
if TYPE_CHECKING:
    import requests

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}


class Trouble(Exception):
    """A try that brought nothing, of a kind that may pass; `wish_s`: when the server wants to be asked."""

    def __init__(self, reason: str, wish_s: float | None = None) -> None:
        super().__init__(reason)
        self.wish_s = wish_s


def raise_for_status(response: requests.Response, url: str) -> None:
    """Pass only with an answer that brings something; `url` is what was asked for."""
    status, host = response.status_code, host_of(url)
    code = response.headers.get("X-Error-Code", "")
    if status in _PASSING_STATUS:
        raise Trouble(f"it answers {status} {response.reason}", _wish(response.headers.get("Retry-After")))
    if status in (200, 206, 416):
        return
    if status == 401:
        raise DownloadFailed(f"{host} asks for a login (401): {url}", cause="login", code=code)
    if status == 403:
        raise DownloadFailed(f"{host} does not give {url} to us (403).", cause="forbidden", code=code)
    if status in (404, 410):
        raise DownloadFailed(
            f"{host} has no file {url} ({status}). Check the address.", cause="not_found", code=code
        )
    raise DownloadFailed(
        f"{host} answers {status} {response.reason} for {url}.", cause="unreachable", code=code
    )


def _wish(retry_after: str | None) -> float | None:
    """Seconds until a server wants to be asked again (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def first_byte(response: requests.Response) -> int:
    """Where the body begins in the file; -1: in a place the server does not tell."""
    if response.status_code != 206:
        return 0
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


def require_length(file: RemoteFile, response: requests.Response, begins_at: int) -> None:
    """Pass only where the whole file will have the length that we know."""
    announced = response.headers.get("Content-Length", "")
    if "Content-Encoding" not in response.headers and announced.isdecimal():
        total = begins_at + int(announced)
        if total != file.num_bytes:
            raise wrong_length(file, f"{total:,}")


def wrong_length(file: RemoteFile, found: str) -> DownloadFailed:
    """The error for a file that is not the one we know."""
    return DownloadFailed(
        f"The file {file.name} at {host_of(file.url)} has {found} bytes instead of {file.num_bytes:,}: it is"
        " another file, or was stored incompletely.",
        cause="damaged",
    )


def raise_if_final(error: requests.RequestException, url: str) -> None:
    """Trying again helps neither against a wrong certificate nor a wrong address."""
    import requests

    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        raise DownloadFailed(
            f"{host_of(url)} cannot prove who it is: its certificate is not valid here. Check the address and"
            " this computer's clock; behind a school's proxy, set REQUESTS_CA_BUNDLE to its certificate.",
            cause="unreachable",
        ) from error
    # A ValueError is how `requests` says that an address is none.
    if isinstance(error, requests.TooManyRedirects | ValueError):
        raise DownloadFailed(f"{url} is no address to fetch a file from.", cause="address") from error


def reason_of(error: requests.RequestException) -> str:
    """What went wrong on the way, in words that go on after "the server does not give the file:"."""
    import requests

    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "it cannot be reached"


def require_safe(url: str) -> None:
    """Pass only where nobody on the way can read along or change what comes."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DownloadFailed(
            f"{url} is not an https address. Without encryption anybody on the way could change the files.",
            cause="address",
        )


def require_safe_turn(url: str, target: str) -> None:
    """Pass only where a server may send us on to `target`: never into this computer from outside."""
    if urlsplit(target).hostname in LOOPBACK and urlsplit(url).hostname not in LOOPBACK:
        raise DownloadFailed(f"{host_of(url)} sends us on to this computer itself.", cause="address")


def host_of(url: str) -> str:
    """The server of an address, without a login that may stand in it."""
    return urlsplit(url).netloc.rpartition("@")[2]
