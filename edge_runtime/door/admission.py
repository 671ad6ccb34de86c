"""Who may connect while others are: `admit`."""

import contextlib
import socket
from collections.abc import Collection
from typing import Final

from edge_runtime.door.clients import ClientConnection
from edge_runtime.door.peers import Peer
from edge_runtime.door.protocol import Code, RequestError, encode_error

MAX_CLIENTS: Final = 32
"""A page, metrics, a recording for each of some sensors, and people."""
MAX_OF_A_USER: Final = 24
"""One user's programs leave room for another's."""


def admit(
    listener: socket.socket, clients: Collection[ClientConnection], now_s: float
) -> ClientConnection | None:
    """Take the next connection; None where there are too many, and the one who came knows. Raises OSError."""
    connection, _ = listener.accept()
    try:
        peer = Peer.of(connection)
    except OSError:
        connection.close()
        return None
    of_user = sum(client.peer.uid == peer.uid for client in clients)
    if len(clients) < MAX_CLIENTS and of_user < MAX_OF_A_USER:
        return ClientConnection(connection, peer, now_s)
    what = f"there are {len(clients)} connections, {of_user} of them yours"
    error = RequestError(Code.BUSY, what, "Close some, or try again later")
    with contextlib.suppress(OSError):
        connection.send(encode_error(None, error), socket.MSG_DONTWAIT)
    connection.close()
    return None
