"""RFC 2217 ports against real servers, honest and hostile: what a port keeps is bounded."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from serial import rfc2217

from edge_runtime.core import UnavailableError
from edge_runtime.sensors import rfc2217_port
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.telnet import MAX_BODY, Event, Negotiation, Subnegotiation, TelnetDecoder
from tests.waiting import until

IAC, SB, SE = rfc2217.IAC, rfc2217.SB, rfc2217.SE
pytestmark = pytest.mark.filterwarnings(
    "ignore:setDaemon:DeprecationWarning", "ignore:setName:DeprecationWarning"
)


TOKEN = re.compile(rb"\xff[\xfb-\xfe]?\Z|\xff([\xfb-\xfe])(.)|\xff(.)|([^\xff])", re.DOTALL)


def naive(data: bytes) -> list[Event]:
    """As the RFCs have it, a token at a time."""
    events: list[Event] = []
    body: bytes | None = None
    for command, option, other, plain in TOKEN.findall(data):
        byte = IAC if other == IAC else plain
        if command:
            events.append(Negotiation(command, option))
        elif other == SB:
            body = b""
        elif other == SE and body is not None:
            events.append(Subnegotiation(body))
            body = None
        elif byte and body is not None:
            body += byte
        elif byte:
            events.append(byte)
    return joined(events)


def joined(events: list[Event]) -> list[Event]:
    found: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += event
        else:
            found.append(event)
    return found


@given(st.lists(st.lists(st.sampled_from([0, 1, 44, 240, 241, 250, 251, 254, 255]), max_size=9), max_size=9))
def test_however_it_is_cut_the_same_is_understood(parts: list[list[int]]) -> None:
    decoder = TelnetDecoder()
    events = [event for part in parts for event in decoder.feed(bytes(part))]
    assert joined(events) == naive(bytes(byte for part in parts for byte in part))


def test_a_long_subnegotiation_is_cut() -> None:
    decoder = TelnetDecoder()
    decoder.feed(IAC + SB)
    for _ in range(100):
        assert not decoder.feed(bytes(1000))
    assert decoder.feed(IAC + SE + b"data") == [Subnegotiation(bytes(MAX_BODY)), b"data"]


Send = Callable[["Server", socket.socket], None]


class Server:
    """A device server in a thread: `send` is what it does once the port is open."""

    def __init__(self, send: Send, *, honest: bool = True) -> None:
        self._send, self._honest = send, honest
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._peer, _ = self._listener.accept()
            if self._honest:
                self._negotiate(self._peer)
            self._send(self, self._peer)

    def _negotiate(self, peer: socket.socket) -> None:
        """pyserial's own server side, until the last setting of the port has been confirmed."""
        with serial.serial_for_url("loop://") as port:
            connection: Any = SimpleNamespace(write=peer.sendall)
            manager = rfc2217.PortManager(cast("Any", port), connection)
            purges = 0
            while purges < 2:  # of what was received, then of what was to be sent: the last of opening
                data = peer.recv(1024)
                purges += data.count(rfc2217.COM_PORT_OPTION + rfc2217.PURGE_DATA)
                for _ in manager.filter(data):
                    pass

    def flood(self, piece: bytes) -> None:
        """Send without an end; `sent` counts."""
        assert self._peer is not None
        while True:
            self.sent += self._peer.send(piece)

    def close(self) -> None:
        self._listener.close()
        if self._peer is not None:
            with contextlib.suppress(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)
            self._peer.close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(send: Send, *, honest: bool = True) -> Server:
        made.append(Server(send, honest=honest))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_device_server_is_opened_and_read(server: Callable[..., Server]) -> None:
    every = bytes(range(256)) * 20
    there = server(lambda _, peer: peer.sendall(every.replace(IAC, IAC + IAC)))
    with Source(f"rfc2217://{there.address}", 115200) as source:
        assert source.descriptor is None
        received = b""
        while len(received) < len(every):
            received += source.read()
    assert received == every


def test_a_flood_waits_at_the_server_and_not_in_memory(server: Callable[..., Server]) -> None:
    there = server(lambda there, _: there.flood(bytes(65536)))
    with Source(f"rfc2217://{there.address}", 115200) as source:
        port = source._port  # noqa: SLF001  nothing else says how much waits
        assert isinstance(port, rfc2217_port.Rfc2217Port)
        until(lambda: port.in_waiting >= rfc2217_port.MOST_PIECES, what="the port is full")
        for _ in range(1000):
            assert port.in_waiting <= rfc2217_port.MOST_PIECES + 1
            source.read()


@pytest.mark.parametrize(
    "hostile",
    [
        IAC + SB + bytes(4096),
        (IAC + rfc2217.DO + b"\x2c") * 1000,
        IAC + SB + rfc2217.COM_PORT_OPTION + rfc2217.SERVER_SET_CONTROL + b"x" + IAC + SE,
        b"\x00" * 65536,
    ],
)
def test_a_server_that_never_agrees_is_refused(server: Callable[..., Server], hostile: bytes) -> None:
    there = server(lambda there, _: there.flood(hostile), honest=False)
    with pytest.raises(UnavailableError):
        Source(f"rfc2217://{there.address}", 115200).open()


def _ended(source: Source) -> bool:
    try:
        source.read()
    except UnavailableError:
        return True
    return False


def test_a_connection_that_ends_is_said(server: Callable[..., Server]) -> None:
    there = server(lambda _, peer: peer.shutdown(socket.SHUT_RDWR))
    with Source(f"rfc2217://{there.address}", 115200) as source:
        until(lambda: _ended(source), what="the end of the connection")


@pytest.mark.parametrize(
    "url",
    [
        "loop://",
        "spy:///dev/ttyS0?file=x",
        "alt:///dev/ttyS0?class=PosixPollSerial",
        "hwgrep://0",
        "socket://[::1:5",
    ],
)
def test_other_kinds_of_pyserial_are_refused(url: str) -> None:
    with pytest.raises(UnavailableError, match=r"socket://host:port or rfc2217://host:port"):
        Source(url, 115200).open()
