"""A broker that does what a script says: any CONNACK, any PUBACK, none, nonsense, or the door.

Speaks as much MQTT 5 as a publishing client needs (OASIS MQTT 5.0, section 3).
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

CLOSE = "close"
SILENT = "silent"


@dataclass(frozen=True)
class Published:
    """A PUBLISH as it came."""

    topic: str
    body: bytes
    qos: int
    retain: bool
    mid: int
    at_s: float
    expiry_s: int | None = None
    """Message Expiry Interval, where it has one."""


class FakeBroker:
    """`connack` is what follows the length; `on_publish` gives a reason code, CLOSE, SILENT or raw bytes."""

    def __init__(
        self,
        on_publish: Callable[[Published], int | str | bytes] = lambda _published: 0,
        connack: bytes = b"\x00\x00\x00",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.on_publish, self.connack, self._tls = on_publish, connack, tls
        self.suback = 1
        """Reason code for every subscription."""
        self.subscribed: list[str] = []
        self.unsubscribed: list[str] = []
        """Topic filters, in the order in which they came."""
        self.on_connect: bytes | str | None = None
        """Raw bytes to send instead of a CONNACK, or CLOSE, or SILENT."""
        self.judge_connect: Callable[[bytes], Any] | None = None
        """The same for each CONNECT: called with what follows its length."""
        self.answer_pings = True
        self.stays_open = False
        """Whether a connection is left open after DISCONNECT."""
        self.answer_pings, self.pings = True, 0
        self.flood: Callable[[], Iterable[bytes]] | None = None
        """Called at each CONNECT; gives chunks of bytes that follow the CONNACK until the connection ends."""
        self.flooded_bytes = 0
        self.connects: list[float] = []
        """When each CONNECT came, monotonic seconds."""
        self.first_packets: list[bytes] = []
        self.published: list[Published] = []
        self.disconnects: list[bytes] = []
        self.refused: list[OSError] = []
        """Why TLS handshakes came to nothing."""
        self._closed = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.kick()
        for thread in self._threads:
            thread.join(5)

    def bodies(self, leaf: str = "event") -> list[bytes]:
        """Bodies published to topics that end so."""
        return [published.body for published in self.published if published.topic.endswith(leaf)]

    def kick(self, last_words: bytes = b"") -> None:
        """End every connection, saying something first."""
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.sendall(last_words)
                sock.shutdown(socket.SHUT_RDWR)

    def say(self, data: bytes) -> None:
        """Send raw bytes to every client; not over TLS, where no two threads may use a connection at once."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.sendall(data)

    def _accept(self) -> None:
        while not self._closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._tls is not None:
                try:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                except OSError as error:
                    self.refused.append(error)
                    continue
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, EOFError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._answer(sock, *_packet(sock)):
                pass

    def _answer(self, sock: socket.socket, head: int, body: bytes) -> bool:
        kind = head & 0xF0
        if kind == 0x10:
            self.connects.append(time.monotonic())
            self.first_packets.append(body)
            welcome = b"\x20" + bytes([len(self.connack)]) + self.connack
            instead = self.on_connect if self.judge_connect is None else self.judge_connect(body)
            goes_on = self._act(sock, instead, welcome)
            if self.flood is not None:
                threading.Thread(target=self._flood, args=(sock, self.flood()), daemon=True).start()
            return goes_on
        if kind == 0x30:
            published = _published(head, body, version_5=self.first_packets[-1][6] == 5)
            self.published.append(published)
            return self._acknowledge(sock, published)
        if kind == 0xA0:
            self.unsubscribed += _filters(body, options=0)
            sock.sendall(b"\xb0\x04" + body[:2] + b"\x00\x00")
        if kind == 0x80:
            self.subscribed += _filters(body, options=1)
            sock.sendall(b"\x90\x04" + body[:2] + bytes([0, self.suback]))
        if kind == 0xC0:
            self.pings += 1
            if self.answer_pings:
                sock.sendall(b"\xd0\x00")
        if kind == 0xE0:
            self.disconnects.append(body)
            return self.stays_open
        return True

    def _flood(self, sock: Any, chunks: Any) -> None:
        with contextlib.suppress(OSError):
            for chunk in chunks:
                if self._closed:
                    return
                sock.sendall(chunk)
                self.flooded_bytes += len(chunk)

    def _acknowledge(self, sock: socket.socket, published: Published) -> bool:
        if published.qos == 0:
            return True
        code = self.on_publish(published)
        ack = (
            b"\x40\x04" + published.mid.to_bytes(2, "big") + bytes([code, 0])
            if isinstance(code, int)
            else b""
        )
        return self._act(sock, None if isinstance(code, int) else code, ack)

    def _act(self, sock: socket.socket, instead: bytes | str | None, usual: bytes) -> bool:
        if instead == CLOSE:
            return False
        if instead != SILENT:
            sock.sendall(instead if isinstance(instead, bytes) else usual)
        return True


def _filters(body: bytes, *, options: int) -> list[str]:
    """Topic filters of a SUBSCRIBE, or of an UNSUBSCRIBE, which has no options."""
    found, at = [], 3 + body[2]
    while at < len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        found.append(body[at + 2 : at + 2 + size].decode())
        at += 2 + size + options
    return found


def _packet(sock: socket.socket) -> tuple[int, bytes]:
    head, size, shift = _exactly(sock, 1)[0], 0, 0
    while True:
        byte = _exactly(sock, 1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return head, _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _published(head: int, body: bytes, *, version_5: bool) -> Published:
    length = int.from_bytes(body[:2], "big")
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    qos, mid, expiry_s = head >> 1 & 3, 0, None
    if qos:
        mid, rest = int.from_bytes(rest[:2], "big"), rest[2:]
    if version_5:
        properties, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if properties[:1] == b"\x02":  # Message Expiry Interval; an answer has Correlation Data
            expiry_s = int.from_bytes(properties[1:], "big")
    return Published(topic, rest, qos, bool(head & 1), mid, time.monotonic(), expiry_s)
