"""A way to the database that counts the bytes on it: a TCP proxy on this computer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gan_desktop.database.address import Address

_CHUNK = 1 << 16


class Traffic:
    """Bytes that went over the sockets so far, of all connections together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._up = 0
        self._down = 0

    def add(self, *, up: int = 0, down: int = 0) -> None:
        with self._lock:
            self._up += up
            self._down += down

    def so_far(self) -> tuple[int, int]:
        """(up, down) as the client sees them."""
        with self._lock:
            return self._up, self._down


@contextmanager
def counting_link(to: Address) -> Iterator[tuple[Address, Traffic]]:
    """The way into the same database, with every byte counted."""
    traffic = Traffic()
    listener = socket.create_server(("127.0.0.1", 0))
    line = _Line((to.host, to.port), traffic)
    accepting = threading.Thread(target=line.accept, args=(listener,), name="counting link")
    accepting.start()
    try:
        yield replace(to, port=listener.getsockname()[1]), traffic
    finally:
        # On Linux closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        line.cut()


class _Line:
    def __init__(self, target: tuple[str, int], traffic: Traffic) -> None:
        self._target = target
        self._traffic = traffic
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink, is_up in ((client, server, True), (server, client, False)):
                    thread = threading.Thread(target=self._carry, args=(source, sink, is_up))
                    self._threads.append(thread)
                    thread.start()

    def cut(self) -> None:
        for open_socket in self._sockets:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for open_socket in self._sockets:
            open_socket.close()

    def _carry(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._traffic.add(**{"up" if is_up else "down": len(data)})
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
