"""One window per user: a second start raises the first one."""

from __future__ import annotations

import getpass
import hashlib

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_MS = 1_000
# As join_card.py has it.
MAX_CARD_BYTES = 64_000


class SingleInstance(QObject):
    """Listens for further starts of the same user.

    Args:
        purpose: Starts of another purpose (another folder, a demo) are programs of their own.

    Signals:
        started_again: Somebody has started the program once more, with this join card; mostly empty.
    """

    started_again = Signal(str)

    def __init__(self, purpose: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # The system's socket names are short, and user names are not always ASCII.
        digest = hashlib.sha256(f"{getpass.getuser()}/{purpose}".encode()).hexdigest()[:16]
        self._name = f"gan-desktop-{digest}"
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._hear)

    def is_first(self, card: str = "") -> bool:
        """Whether this start is the only one; otherwise the first one has been asked to come forward.

        Args:
            card: A join card's file or link, handed to the first one.
        """
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(ANSWER_MS):
            if card:
                socket.write(card.encode()[:MAX_CARD_BYTES])
                socket.waitForBytesWritten(ANSWER_MS)
            socket.disconnectFromServer()
            return False
        # What a killed program has left.
        QLocalServer.removeServer(self._name)
        self._server.listen(self._name)
        return True

    def _hear(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            # The other start has written and hung up before it ends: there is next to nothing to wait for.
            if socket.state() is not QLocalSocket.LocalSocketState.UnconnectedState:
                socket.waitForDisconnected(ANSWER_MS)
            card = bytes(socket.read(MAX_CARD_BYTES).data()).decode(errors="replace")
            socket.deleteLater()
            self.started_again.emit(card)
