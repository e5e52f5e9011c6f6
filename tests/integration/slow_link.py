"""A bad line to the database: a TCP proxy that lets only so many bytes a second through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gan_desktop.database.connection import Address

_CHUNK = 4_096


@contextmanager
def slow_link(to: Address, bytes_per_second: int) -> Iterator[Address]:
    """The way into the same database over a slow line; all connections share its rate, per direction."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = _Line((to.host, to.port), bytes_per_second)
    accepting = threading.Thread(target=line.accept, args=(listener,), name="slow link", daemon=True)
    accepting.start()
    try:
        yield replace(to, port=listener.getsockname()[1])
    finally:
        # On Linux closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        line.cut()
        accepting.join()


class _Line:
    def __init__(self, target: tuple[str, int], bytes_per_second: int) -> None:
        self._target = target
        self._rate = bytes_per_second
        self._up, self._down = threading.Lock(), threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink, turn in ((client, server, self._up), (server, client, self._down)):
                    thread = threading.Thread(target=self._carry, args=(source, sink, turn), daemon=True)
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

    def _carry(self, source: socket.socket, sink: socket.socket, turn: threading.Lock) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                with turn:
                    time.sleep(len(data) / self._rate)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
