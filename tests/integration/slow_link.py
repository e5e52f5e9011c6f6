"""A bad line to the database: a TCP proxy that lets only so many bytes a second through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gan_desktop.database.address import Address
from tests.integration.programs import wait_until

_CHUNK = 4_096


@contextmanager
def slow_link(to: Address, bytes_per_second: int) -> Iterator[Address]:
    """The way into the same database over a slow line; all connections share its rate, per direction."""
    with bad_line(to, bytes_per_second) as line:
        yield replace(to, port=line.port)


@contextmanager
def bad_line(to: Address, bytes_per_second: int) -> Iterator[Line]:
    """A slow line that can be cut besides."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = Line(to, bytes_per_second, listener.getsockname()[1])
    accepting = threading.Thread(target=line.accept, args=(listener,), name="slow link", daemon=True)
    accepting.start()
    try:
        yield line
    finally:
        # On Linux closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        line.close()


class Line:
    """The way to a database from the local port `port`."""

    def __init__(self, target: Address, bytes_per_second: int, port: int) -> None:
        self.target = target
        self.port = port
        self._num_down = 0
        self._rate = bytes_per_second
        self._up, self._down = threading.Lock(), threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((self.target.host, self.target.port))
                self._sockets += [client, server]
                for source, sink, turn in ((client, server, self._up), (server, client, self._down)):
                    thread = threading.Thread(target=self._carry, args=(source, sink, turn), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def cut(self) -> None:
        """Break all connections off, whatever is on its way; new ones are accepted."""
        for open_socket in list(self._sockets):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def cut_after(self, num_bytes: int) -> None:
        """Cut when so many more bytes have come back."""
        enough = self._num_down + num_bytes
        wait_until(lambda: self._num_down >= enough, f"{num_bytes} bytes over the line")
        self.cut()

    def close(self) -> None:
        """End all connections and wait for their threads."""
        self.cut()
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
                if turn is self._down:
                    self._num_down += len(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
