"""A port that is open and says nothing is opened again; one that hangs in opening keeps nobody waiting."""

import contextlib
import json
import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import UnavailableError
from edge_runtime.sensors import probing
from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.patience import LEAST_S, LONGEST_S, MULTIPLE, Patience
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.ports import KEEPALIVE_S, Source
from edge_runtime.sensors.probing import PROBE_S, probe
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, paced_frames, told, vibration
from tests.waiting import in_time


def settings(silence_s: float) -> SensorSettings:
    return SensorSettings("a", "p", Path("m.onnx"), 1000.0, ("x",), "g", silence_s=silence_s)


@pytest.mark.parametrize(
    ("silence_s", "first_s"), [(2.0, 2 * MULTIPLE), (0.125, LEAST_S), (3600.0, 3600 * MULTIPLE)]
)
def test_a_slow_sensor_is_never_disturbed_and_a_silent_port_ever_less(
    silence_s: float, first_s: float
) -> None:
    patience = Patience.of(settings(silence_s))
    assert not patience.is_over(1e9), "it was not opened yet"
    patience.excuse(100.0)
    now_s = 100.0
    for _ in range(20):  # a frame just before it is lost, for ever
        now_s += silence_s
        assert not patience.is_over(now_s)
        patience.hear(now_s)
    waits_s = []
    for _ in range(9):
        waits_s.append(next(wait for wait in range(1, 10**6) if patience.is_over(now_s + wait)))
        now_s += waits_s[-1] + 0.5
        patience.excuse(now_s)
    longest_s = max(LONGEST_S, first_s)
    assert waits_s == [int(min(first_s * 2**turn, longest_s)) + 1 for turn in range(9)]
    patience.hear(now_s)
    assert not patience.is_over(now_s + first_s)
    assert patience.is_over(now_s + first_s + 1)


class DumbServer:
    """A device server that forgets its connections without a word, as one does that was switched off."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.peers.append(self._server.accept()[0])

    def write(self, data: bytes) -> None:
        self.peers[-1].sendall(data)

    def close(self) -> None:
        for item in (self._server, *self.peers):
            item.close()


class DumbDevice:
    """A device whose file stays while it says nothing."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)

    def write(self, data: bytes) -> None:
        os.write(self._master, data)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize("kind", [DumbServer, DumbDevice])
def test_a_silent_port_is_opened_again_until_it_speaks(kind: Any, polled: bool) -> None:
    end, stop, inbox = kind(), threading.Event(), Inbox()
    poller = Poller(inbox, stop)
    reader = PortReader(
        0, Source(end.url, 921600), inbox, stop, poller if polled else None, patience=Patience(0.2, 0.4)
    )
    threads = (poller, reader) if polled else (reader,)
    problems: set[str] = set()

    def opened_often() -> bool:
        problems.add(reader.problem)
        return reader.opened >= 4

    try:
        for thread in threads:
            thread.start()
        until(opened_often, what="the fourth opening")
        assert problems <= {"not opened yet", ""}, "it is silent, and not lost"
        got: list[Any] = []

        def heard() -> bool:
            with contextlib.suppress(OSError):  # between two openings nobody is there
                end.write(b"x")
            got.extend(inbox.take(0.1))
            return bool(got)

        until(heard, what="bytes after an opening")
        assert got[0].opening >= 4
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        end.close()


def test_the_kernel_asks_a_quiet_tcp_connection_whether_it_is_there() -> None:
    server = DumbServer()
    source = Source(server.url, 921600)
    with source:
        descriptor = source.descriptor
        assert descriptor is not None
        with socket.socket(fileno=os.dup(descriptor)) as same:
            assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert tuple(same.getsockopt(socket.IPPROTO_TCP, option) for option in options) == KEEPALIVE_S
    server.close()


def test_what_a_tcp_sensor_says_first_is_read() -> None:
    """Its hello comes with the connection; pyserial would throw it away, and all that comes with it."""
    server = DumbServer()
    stop = threading.Event()

    def shout() -> None:
        until(lambda: server.peers)
        with contextlib.suppress(OSError):
            while not stop.is_set():
                server.write(b"hello" + bytes(65536))

    thread = threading.Thread(target=shout, daemon=True)
    thread.start()
    source = Source(server.url, 921600)
    source.open()
    assert b"".join(source.read() for _ in range(5)).startswith(b"hello")
    stop.set()
    source.close()
    thread.join(10)
    server.close()


@pytest.fixture
def unreachable() -> Iterator[str]:
    """A server whose queue of connections is full: opening it hangs until pyserial gives up."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    held = []
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
        held.append(waiting)
    yield f"socket://127.0.0.1:{server.getsockname()[1]}"
    for item in (*held, server):
        item.close()


def test_a_port_that_hangs_in_opening_holds_up_no_other(unreachable: str) -> None:
    device, stop, inbox = DumbDevice(), threading.Event(), Inbox(2)
    poller = Poller(inbox, stop)
    readers = [
        PortReader(index, Source(url, 921600), inbox, stop, poller, patience=Patience(5.0))
        for index, url in enumerate((unreachable, device.url))
    ]
    for thread in (poller, *readers):
        thread.start()
    until(lambda: readers[1].opened, what="the other port")
    device.write(b"alarm")
    assert until(lambda: inbox.take(0.1))[0].data == b"alarm"
    assert readers[0].opened == 0
    stop.set()
    for thread in (poller, *readers):
        thread.join(20)
    device.close()


def test_ports_are_tried_all_at_once(unreachable: str) -> None:
    device = DumbDevice()
    begun_s = time.monotonic()
    said = probe([Source(unreachable, 921600) for _ in range(4)] + [Source(device.url, 921600)])
    assert in_time(time.monotonic() - begun_s, PROBE_S + 1)
    assert said[-1] is None
    assert all(isinstance(error, UnavailableError) and error.remedy for error in said[:4])
    device.close()


def test_a_port_that_never_answers_is_named(unreachable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PROBE_S", 0.1)
    (error,) = probe([Source(unreachable, 921600)])
    assert "does not open within 0.1 s" in str(error)


@needs_mosquitto
def test_a_device_server_that_forgot_the_gateway_is_found_again(
    tmp_path: Path, broker: Broker, subscriber: Subscriber
) -> None:
    """No FIN, no RST, another connection is accepted: a power cut of a serial device server."""
    server = DumbServer()
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text().replace(site.line, server.url))
        site.start(wait=False)
        until(lambda: len(server.peers) >= 2, what="the probe and the reader")  # `run` tries every port first
        until(lambda: told(subscriber) == [("new", "sensor_fault")], what="the alarm")
        assert subscriber.events()[0]["reason"].startswith("silent: ")
        until(lambda: len(server.peers) >= 3, 3 * 2.0, what="another connection")
        for data in paced_frames([vibration(0.3, seconds=3)]):
            server.write(data)
        until(lambda: told(subscriber) == [("new", "sensor_fault"), ("end", "sensor_fault")])
        opened = until(
            lambda: (body := subscriber.latest("health")) and json.loads(body)["sensor"]["port_opened"]
        )
        assert opened >= 2
    server.close()
