"""One sensor that sends too much, too often or nonsense takes nothing from another."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.sensors.allowance import BURST_S, LEAST_BYTES_S, MULTIPLE, Allowance
from edge_runtime.sensors.inbox import MAX_CHUNKS, MAX_WAITING_BYTES, Chunk, Inbox
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings
from tests.attack.senders import KINDS
from tests.attack.sensors import attack
from tests.broker import needs_mosquitto, until


def settings(**changes: Any) -> Any:
    return SensorSettings(
        **{"name": "a", "port": "p", "model": None, "rate_hz": 1e4, "channels": ("x",), "unit": "g"} | changes
    )


def test_a_sensor_drops_its_own_oldest_bytes_and_never_anothers() -> None:
    inbox = Inbox(2)
    inbox.put(Chunk(1, b"honest", 0.5))
    for index in range(40):
        inbox.put(Chunk(0, bytes(MAX_WAITING_BYTES // 20), float(index)))
    taken = inbox.take(0)
    assert [chunk.at_s for chunk in taken if chunk.sensor == 0] == [float(index) for index in range(30, 40)]
    assert [chunk.data for chunk in taken if chunk.sensor == 1] == [b"honest"]
    assert inbox.losses(0) == (30 * (MAX_WAITING_BYTES // 20), 29.0)
    assert inbox.losses(1) == (0, float("-inf"))
    for index in range(MAX_CHUNKS):
        inbox.put(Chunk(0, b"x", float(index)))
    assert len(inbox.take(0)) == MAX_CHUNKS // 2
    assert inbox.losses(1)[0] == 0


def test_a_turn_takes_a_bounded_part_of_each_sensor() -> None:
    inbox = Inbox(2)
    inbox.put(*(Chunk(0, bytes(4096), float(index)) for index in range(5)), Chunk(1, b"y", 3.0))
    assert [(chunk.sensor, chunk.at_s) for chunk in inbox.take(0, 8192)] == [(0, 0.0), (0, 1.0), (1, 3.0)]
    assert (inbox.seen_until_s(0, 9.0), inbox.seen_until_s(1, 9.0)) == (2.0, 9.0)
    assert [chunk.at_s for chunk in inbox.take(0, 8192)] == [2.0, 3.0]
    assert [chunk.at_s for chunk in inbox.take(0, 8192)] == [4.0]


def test_an_allowance_is_a_burst_and_then_a_rate() -> None:
    allowance = Allowance.of(settings())
    rate = MULTIPLE * 1e4 * 8
    assert allowance.bytes_s == rate
    assert Allowance.of(settings(protocol="lines")).bytes_s == MULTIPLE * 1e4 * 32
    assert Allowance.of(settings(rate_hz=1.0)).bytes_s == LEAST_BYTES_S
    assert allowance.wait_s(10.0) == 0
    allowance.spend(round(rate * BURST_S), 10.0)
    assert allowance.wait_s(10.0) == 0
    allowance.spend(round(rate), 10.0)
    assert allowance.wait_s(10.0) == pytest.approx(1.0)
    assert allowance.wait_s(10.75) == pytest.approx(0.25)
    assert allowance.wait_s(11.0) == 0


def test_a_port_is_not_read_beyond_its_allowance_or_half_its_share_and_goes_on_afterwards() -> None:
    """The rest stays in the connection; another port is read meanwhile."""
    stop, inbox = threading.Event(), Inbox(2)
    poller = Poller(inbox, stop)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        servers = (first, second)
        sources = [Source(f"socket://127.0.0.1:{server.getsockname()[1]}", 921600) for server in servers]
        readers = [PortReader(index, source, inbox, stop, poller) for index, source in enumerate(sources)]
        for thread in (poller, *readers):
            thread.start()
        (greedy, _), (honest, _) = first.accept(), second.accept()
        with greedy, honest:
            greedy.settimeout(0.5)
            with pytest.raises(TimeoutError):
                greedy.sendall(bytes(64 << 20))
            until(lambda: inbox.is_full(0), 60, "half the share being full")
            assert inbox.losses(0)[0] == 0
            honest.sendall(b"alarm")
            until(lambda: inbox.seen_until_s(1, 0.0) != 0.0, 60, "the honest bytes")
            until(lambda: readers[0].too_fast(time.monotonic()), 60, what="being said to send too fast")
            assert not readers[1].too_fast(time.monotonic())
            before = sum(len(chunk.data) for chunk in inbox.take(0) if chunk.sensor == 0)
            assert before <= MAX_WAITING_BYTES // 4 + 4096
            until(lambda: any(chunk.sensor == 0 for chunk in inbox.take(0.1)), 60, "reading again")
        stop.set()
        for thread in (poller, *readers):
            thread.join(10)
            assert not thread.is_alive()


@needs_mosquitto
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_takes_nothing_from_an_honest_sensor(tmp_path: Path, kind: Any) -> None:
    """The short form of `python -m tests.attack.sensors`: every window, every alarm, no false fault."""
    found = attack(kind, tmp_path, 8.0)
    assert found["alarms"] >= 1
    assert found["lost"] == 0
    assert found["false_faults"] == []
    assert "overload of flood" in found["troubles"]
