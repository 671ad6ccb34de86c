"""One connection to the door: what has arrived of a line, what waits to be read, what is subscribed to.

`ClientConnection` reads and writes; what is made of a line is the business of the server. It is used by the
door's thread only.
"""

import socket
from collections import deque
from typing import Final

from edge_runtime.door.peers import Peer
from edge_runtime.door.protocol import MAX_LINE_BYTES, Code, Id, RequestError, encode_end, encode_error
from edge_runtime.door.work import Work

READ_BYTES: Final = 64 * 1024
"""At once: more than the longest request and its neighbours, and short work for a turn."""
MAX_BEHIND_BYTES: Final = 512 * 1024
"""What a subscriber may have left unread: 6 s of one line at 921600 baud. 32 clients take 16 MB at most."""
IDLE_S: Final = 60.0
"""Without a whole request, a subscription or reading what was answered: then the connection is closed."""
FIRST_S: Final = 10.0
"""The same before the first request: who connects has something to ask."""
FAREWELL_S: Final = 10.0
"""What a subscriber that lagged has for reading the rest, before its connection is closed without a word."""


class ClientConnection:
    """A client, from accept(2) to close(2)."""

    def __init__(self, connection: socket.socket, peer: Peer, now_s: float) -> None:
        """It has asked for nothing yet."""
        connection.setblocking(False)
        self.socket, self.peer, self.stated_name = connection, peer, ""
        self.work: Work | None = None
        """What the service is asked by it just now; its next line waits until this is answered."""
        self.request_id: Id = None
        """The id of that request."""
        self.ended = False
        """Whether it has closed its side of the stream."""
        self.subscriptions: set[tuple[str, str]] = set()
        self.raw = False
        """Whether it has switched to the bytes of one sensor."""
        self._arrived = bytearray()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._limit_s = now_s + FIRST_S
        self._closing = False
        self.missed = 0
        """Lines, or bytes where it is raw, that were not kept for it since it lagged."""
        self._lagging = False

    @property
    def wants_read(self) -> bool:
        """Whether its next request may come: none is under way, and it has read what was answered."""
        return self.work is None and not (self._closing or self._lagging or self._waiting)

    @property
    def wants_write(self) -> bool:
        """Whether something waits to be read by it."""
        return bool(self._waiting)

    @property
    def done(self) -> bool:
        """Whether all was said and it is to be closed; who has closed its side gets what it asked for."""
        return (self._closing or self.ended) and not self._waiting and self.work is None

    @property
    def listens(self) -> bool:
        """Whether its socket is to be read: for the next request, or to see it close."""
        return not self.ended and (self.wants_read or self.raw)

    def receive(self) -> None:
        """Take what has arrived. Raises OSError."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        self.ended = not data
        if not self.raw:  # who takes bytes has nothing more to say
            self._arrived += data

    def next_line(self, now_s: float) -> bytes | None:
        """A line that has arrived whole, without its line feed; None while there is none.

        Raises RequestError for one that is too long; the connection is then to be closed.
        """
        if self.raw or not self.wants_read:
            return None
        end = self._arrived.find(b"\n")
        if (end if end >= 0 else len(self._arrived)) >= MAX_LINE_BYTES:
            what = f"a line has more than {MAX_LINE_BYTES} bytes"
            raise RequestError(Code.TOO_LONG, what, "Send shorter ones; this connection is closed")
        if end < 0:
            return None
        line = bytes(self._arrived[:end])
        del self._arrived[: end + 1]
        self._limit_s = now_s + IDLE_S
        return line

    def say(self, line: bytes) -> None:
        """Let an answer wait to be read."""
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def bring(self, item: bytes) -> None:
        """Let what was subscribed to wait to be read, unless it lags."""
        if self._lagging or self._waiting_bytes + len(item) > MAX_BEHIND_BYTES:
            self.lag(len(item) if self.raw else 1)
            return
        self.say(item)

    def lag(self, missed: int) -> None:
        """Bring it no more, and count what it does not get."""
        self._lagging = True
        self.missed += missed

    def write(self, now_s: float) -> None:
        """Send what it takes. Raises OSError."""
        while self._waiting:
            try:
                sent = self.socket.send(self._waiting[0])
            except BlockingIOError:
                break
            self._waiting_bytes -= sent
            # Who reads is not idle, nor is one that lagged while it still reads the rest.
            self._limit_s = now_s + (FAREWELL_S if self._lagging else IDLE_S)
            if sent < len(self._waiting[0]):
                self._waiting[0] = self._waiting[0][sent:]
                break
            self._waiting.popleft()
        if self._lagging and not self._waiting and not self._closing:
            self.close_after(encode_end(self.missed, "bytes" if self.raw else "lines"))

    def close_after(self, line: bytes) -> None:
        """Say this last."""
        if self.raw:
            line = b"\n" + line  # the end of the bytes, and a line of its own
        self._closing = True
        self.say(line)

    def overdue(self, now_s: float) -> bool:
        """Whether it is to be closed without waiting any longer; tells an idle one why, once."""
        if now_s < self._limit_s or self.work is not None:
            return False
        if self._closing or self._waiting:
            return True
        if self.subscriptions:
            return False
        self.close_after(encode_error(None, RequestError(Code.IDLE, "nothing was asked", "Connect again")))
        self._limit_s = now_s + 1.0
        return False
