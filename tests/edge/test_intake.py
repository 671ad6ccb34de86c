"""Reader threads on real ptys: replug, bounded queue, nothing left behind."""

import threading
from pathlib import Path

from edge_runtime.sensors.inbox import MAX_CHUNKS, MAX_WAITING_BYTES, Chunk, Inbox
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.readers import PortReader
from tests.faults import replug
from tests.waiting import HANG_S, in_time, scaled, until


def test_replug_within_two_seconds_and_nothing_leaks(tmp_path: Path) -> None:
    """The quick part of what `python -m tests.faults.replug 1000` does at length."""
    slowest_s, before, after = replug.replug(10, tmp_path)
    assert in_time(slowest_s, 2.0)
    assert before == after


def test_a_port_that_never_comes_is_named_and_the_reader_stops(tmp_path: Path) -> None:
    stop = threading.Event()
    reader = PortReader(0, Source(str(tmp_path / "none"), 921600), Inbox(), stop)
    reader.start()
    until(lambda: "No such file" in reader.problem, what="the problem's name")
    stop.set()
    reader.join(scaled(HANG_S))
    assert not reader.is_alive()


def test_inbox_drops_the_oldest_and_counts() -> None:
    inbox = Inbox()
    for index in range(MAX_CHUNKS + 10):
        inbox.put(Chunk(0, b"x", float(index)))
    assert inbox.dropped == 10
    assert [chunk.at_s for chunk in inbox.take(0)] == [float(i) for i in range(10, MAX_CHUNKS + 10)]
    for index in range(20):
        inbox.put(Chunk(0, bytes(MAX_WAITING_BYTES // 10), float(index)))
    assert len(inbox.take(0)) == 10
    assert inbox.take(0.01) == []
