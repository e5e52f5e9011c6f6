"""The Hugging Face Hub's HTTP interface on this computer, as far as publishing and fetching a model use it.

It checks what the Hub checks (whose token, whose repository, whether a file has the checksum it was announced
with) and can be told to refuse, to be full, or to be slow.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

PIECE = 16 * 1024


@dataclass
class Repository:
    """A model repository; `files` are those of its newest commit."""

    is_private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def commit(self) -> str:
        return hashlib.sha1(str(len(self.messages)).encode()).hexdigest()


@dataclass(frozen=True)
class Account:
    """Whose token it is; `role` is read, write or fineGrained."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """What is answered instead."""

    status: int
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class HubStandIn:
    """The Hub's state.

    Attributes:
        accounts: By token.
        stored: Large files that have arrived, by checksum.
        refusals: By the beginning of a path; the first that fits is answered.
        on_piece: Called for each piece of a large file that arrives: a test stops or waits there.
        asked: Method and path of all requests so far.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.refusals: dict[str, Refusal] = {}
        self.on_piece: Callable[[int], None] = lambda num_bytes: None
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def add_account(self, token: str, name: str, role: str = "write", orgs: tuple[str, ...] = ()) -> None:
        self.accounts[token] = Account(name, role, orgs)

    def uploads(self) -> list[str]:
        """The paths at which large files were handed in."""
        return [path for method, path in self.asked if method == "PUT"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubStandIn

    # -- what comes in --------------------------------------------------------------------------

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.hub.lock:
            self.hub.asked.append((self.command, path))
        for prefix, refusal in self.hub.refusals.items():
            if path.startswith(prefix):
                self._drain()
                self._refuse(refusal.status, refusal.message, refusal.headers)
                return
        if self.command == "PUT":
            self._store(path)
        elif path == "/api/validate-yaml":
            self._validate(self._json())
        elif (account := self._account()) is None:
            self._drain()
            self._refuse(401, "Invalid credentials in Authorization header")
        elif path == "/api/whoami-v2":
            self._tell_who(account)
        elif path == "/api/repos/create":
            self._create(account, self._json())
        elif path.endswith(".git/info/lfs/objects/batch"):
            self._batch(self._json())
        elif "/resolve/" in path:
            self._resolve(path)
        elif path.startswith("/api/models/"):
            self._models(account, path.removeprefix("/api/models/"))
        else:
            self._refuse(404, f"no {path}")

    def _account(self) -> Account | None:
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        return self.hub.accounts.get(token)

    def _drain(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _json(self) -> Any:
        return json.loads(self._drain())

    # -- the interface --------------------------------------------------------------------------

    def _tell_who(self, account: Account) -> None:
        self._answer(
            {
                "type": "user",
                "name": account.name,
                "orgs": [{"type": "org", "name": org} for org in account.orgs],
                "auth": {"type": "access_token", "accessToken": {"role": account.role}},
            }
        )

    def _create(self, account: Account, wanted: Mapping[str, Any]) -> None:
        owner = wanted.get("organization") or account.name
        name = f"{owner}/{wanted['name']}"
        if account.role == "read" or owner not in (account.name, *account.orgs):
            self._refuse(403, f'You don\'t have the rights to create a model under the namespace "{owner}"')
        elif name in self.hub.repositories:
            self._refuse(409, "You already created this model repo", url=f"{self.hub.url}/{name}")
        else:
            self.hub.repositories[name] = Repository(wanted.get("visibility") == "private")
            self._answer({"url": f"{self.hub.url}/{name}"})

    def _validate(self, wanted: Mapping[str, Any]) -> None:
        is_good = wanted["content"].startswith("---\n")
        self._answer(
            {"errors": [], "warnings": [] if is_good else [{"message": "empty or missing metadata"}]}
        )

    def _models(self, account: Account, path: str) -> None:
        name, _, rest = path.partition("/")
        more, _, action = rest.partition("/")
        name = f"{name}/{more}"
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.is_private and not self._may_write(account, name)):
            self._drain()
            self._refuse(404, "Repository not found", {"X-Error-Code": "RepoNotFound"})
        elif not action or action.startswith("revision/"):
            self._answer(_info(name, repository))
        elif not self._may_write(account, name):
            self._drain()
            self._refuse(403, f"You have read access but not the required permissions for {name}")
        elif action.startswith("preupload/"):
            self._answer({"files": [self._mode(repository, file) for file in self._json()["files"]]})
        elif action.startswith("commit/"):
            self._commit(name, repository, self._drain())

    def _may_write(self, account: Account, name: str) -> bool:
        return account.role != "read" and name.partition("/")[0] in (account.name, *account.orgs)

    def _mode(self, repository: Repository, file: Mapping[str, Any]) -> dict[str, Any]:
        is_text = file["path"].endswith((".md", ".json"))
        known = repository.files.get(file["path"])
        answer = {
            "path": file["path"],
            "uploadMode": "regular" if is_text else "lfs",
            "shouldIgnore": False,
        }
        if known is not None:
            blob = b"blob %d\0" % len(known) + known
            oid = hashlib.sha1(blob) if is_text else hashlib.sha256(known)
            answer["oid"] = oid.hexdigest()
        return answer

    def _batch(self, wanted: Mapping[str, Any]) -> None:
        objects = []
        for each in wanted["objects"]:
            answer = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in self.hub.stored:
                answer["actions"] = {
                    "upload": {"href": f"{self.hub.url}/storage/{each['oid']}"},
                }
            objects.append(answer)
        self._answer({"transfer": "basic", "objects": objects})

    def _store(self, path: str) -> None:
        """A large file, at an address that carries its own right: no token belongs here."""
        assert self.headers["Authorization"] is None
        left, content = int(self.headers["Content-Length"]), b""
        while left:
            piece = self.rfile.read(min(left, PIECE))
            if not piece:
                return
            left -= len(piece)
            content += piece
            self.hub.on_piece(len(content))
        oid = path.rpartition("/")[2]
        if hashlib.sha256(content).hexdigest() != oid:
            self._refuse(400, "The checksum does not match")
            return
        with self.hub.lock:
            self.hub.stored[oid] = content
        self._answer({})

    def _commit(self, name: str, repository: Repository, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        files: dict[str, bytes] = {}
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif value["oid"] in self.hub.stored:
                files[value["path"]] = self.hub.stored[value["oid"]]
            else:
                self._refuse(400, f"{value['path']} has not arrived")
                return
        repository.files |= files
        repository.messages.append(lines[0]["value"]["summary"])
        url = f"{self.hub.url}/{name}/commit/{repository.commit}"
        self._answer({"commitUrl": url, "commitOid": repository.commit})

    def _resolve(self, path: str) -> None:
        name, _, rest = path.lstrip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        repository = self.hub.repositories.get(name)
        if repository is None or file not in repository.files:
            self._refuse(404, "Entry not found", {"X-Error-Code": "EntryNotFound"})
            return
        content = repository.files[file]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": repository.commit}
        self._send(200, content, {"Content-Type": "application/octet-stream", **headers})

    # -- what goes out --------------------------------------------------------------------------

    def _refuse(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: str
    ) -> None:
        told = {"X-Error-Message": message} if message else {}
        body = json.dumps({"error": message, **more}).encode()
        self._send(status, body, {"Content-Type": "application/json", **told, **(headers or {})})

    def _answer(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _info(name: str, repository: Repository) -> dict[str, Any]:
    return {
        "id": name,
        "modelId": name,
        "sha": repository.commit,
        "private": repository.is_private,
        "siblings": [{"rfilename": path} for path in [".gitattributes", *repository.files]],
        "tags": [],
        "downloads": 0,
        "likes": 0,
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that breaks off is no error of ours."""


@contextmanager
def hub_stand_in() -> Iterator[HubStandIn]:
    """A Hub that runs meanwhile."""
    handler = type("Handler", (_Handler,), {})
    with _Server(("127.0.0.1", 0), handler) as server:
        hub = HubStandIn(f"http://127.0.0.1:{server.server_address[1]}")
        handler.hub = hub  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def slowly(pause_s: float) -> Callable[[int], None]:
    """For `on_piece`: each piece takes its time."""
    return lambda _num_bytes: time.sleep(pause_s)
