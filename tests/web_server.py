"""A web server on this computer that fails as real ones do, and plays the Hugging Face Hub's interface."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from gan_desktop.web.arriving import RemoteFile

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        drop_after: Close the connection after so many bytes of the body.
        damage: Flip the bits of the first byte that is sent.
        status: Answer with this instead.
        announce: Say this Content-Length instead of the right one; -1: say none.
        begin_at: Answer a range with what begins here instead.
        drip_s: Pause so long after each byte.
    """

    drop_after: int | None = None
    damage: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    announce: int | None = None
    begin_at: int | None = None
    drip_s: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    range: str | None
    if_range: str | None
    token: str | None


class WebServer:
    """Serves `files`; each request of a path takes the next of its `faults`.

    Attributes:
        files: Content by path.
        redirects: Where a path sends on to.
        secret: Paths that begin so ask for this token.
        asked: All requests so far.
        has_ranges: Whether parts of files are given.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.secret: dict[str, str] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.next_pages: dict[str, str] = {}
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.asked: list[Asked] = []
        self.has_ranges = True

    def add(self, path: str, content: bytes) -> RemoteFile:
        """Serve a file; returns what a client has to know of it."""
        self.files[path] = content
        return RemoteFile(
            self.url + path, path.rpartition("/")[2], len(content), sha256=hashlib.sha256(content).hexdigest()
        )

    def ranges(self, path: str) -> list[str | None]:
        """The ranges that were asked for of a path, one request after the other."""
        return [asked.range for asked in self.asked if asked.path == path]

    # -- the Hub --------------------------------------------------------------------------------

    def add_repository(
        self, name: str, files: Mapping[str, bytes], *, revision: str = "main", page_size: int = 1_000
    ) -> None:
        """Play a data set repository. Zips and tables lie in large-file storage, as on the Hub."""
        api = f"/api/datasets/{name}"
        self.files[f"{api}/revision/{revision}"] = json.dumps({"sha": COMMIT, "id": name}).encode()
        entries = [{"type": "directory", "path": "data", "oid": "0", "size": 0}]
        for path, content in files.items():
            entries.append(_entry(path, content))
            self.files[f"/datasets/{name}/resolve/{COMMIT}/{path}"] = content
        tree = f"{api}/tree/{COMMIT}?recursive=true"
        for first in range(0, len(entries), page_size):
            page = tree if first == 0 else f"{tree}&cursor={first}"
            self.files[page] = json.dumps(entries[first : first + page_size]).encode()
            if first + page_size < len(entries):
                self.next_pages[page] = f"{self.url}{tree}&cursor={first + page_size}"


def _entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
    git_sha1 = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if path.endswith((".zip", ".parquet")):
        sha256 = hashlib.sha256(content).hexdigest()
        return {**entry, "oid": "f" * 40, "lfs": {"oid": sha256, "size": len(content), "pointerSize": 134}}
    return {**entry, "oid": git_sha1}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: WebServer

    def do_GET(self) -> None:
        path = unquote(self.path)
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ") or None
        self.site.asked.append(Asked(path, self.headers["Range"], self.headers["If-Range"], token))
        waiting = self.site.faults[path]
        fault = waiting.pop(0) if waiting else Fault()
        if fault.status:
            self._answer(fault.status, b"", fault.headers)
        elif path in self.site.redirects:
            self._answer(302, b"", {"Location": self.site.redirects[path]})
        elif self._is_refused(path, token):
            pass
        elif path in self.site.files:
            self._send(path, self.site.files[path], fault)
        else:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})

    def _is_refused(self, path: str, token: str | None) -> bool:
        for prefix, secret in self.site.secret.items():
            if path.startswith(prefix) and token != secret:
                status, code = self.site.refusals.get(prefix, (401, "RepoNotFound"))
                self._answer(status, b"{}", {"X-Error-Code": code} if code else {})
                return True
        return False

    def _send(self, path: str, content: bytes, fault: Fault) -> None:
        etag = self.site.etags.get(path, f'"{hashlib.md5(content).hexdigest()}"')
        asked = self.headers["Range"]
        is_same = self.headers["If-Range"] in (None, etag)
        status, first = 200, 0
        headers = {"ETag": etag}
        if asked and self.site.has_ranges and is_same:
            status, first = 206, int(asked.removeprefix("bytes=").rstrip("-"))
            first = first if fault.begin_at is None else fault.begin_at
            if first >= len(content):
                self._answer(416, b"", {})
                return
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if path in self.site.next_pages:
            headers["Link"] = f'<{self.site.next_pages[path]}>; rel="next"'
        body = bytearray(content[first:])
        if fault.damage:
            body[0] ^= 0xFF
        self._answer(status, bytes(body), {**headers, **fault.headers}, fault)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault = Fault()) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        length = len(body) if fault.announce is None else fault.announce
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have heard enough
            if fault.drip_s:
                self._drip(body, fault.drip_s)
            else:
                self.wfile.write(body if fault.drop_after is None else body[: fault.drop_after])
        if fault.drop_after is not None or fault.announce is not None:
            self.close_connection = True

    def _drip(self, body: bytes, pause_s: float) -> None:
        for number in range(len(body)):
            self.wfile.write(body[number : number + 1])
            time.sleep(pause_s)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A server that runs meanwhile."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        handler.site = WebServer(server.server_address[1])  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield handler.site  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()
