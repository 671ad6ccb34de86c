"""Reader threads on real ptys: replug, bounded queue, nothing left behind."""

import os
import pty
import threading
import time
import tty

import pytest

from edge_runtime.intake import MAX_CHUNKS, MAX_WAITING_BYTES, Chunk, Inbox, PortReader
from edge_runtime.sources import Source


class Plug:
    """A port that can be pulled and put back under the same name, as /dev/serial/by-id is."""

    def __init__(self, folder):
        self.path = folder / "usb-sensor"

    def put(self):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path.symlink_to(os.ttyname(slave))
        self._slave = slave

    def pull(self):
        self.path.unlink()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def reading(tmp_path):
    plug, inbox, stop = Plug(tmp_path), Inbox(), threading.Event()
    reader = PortReader(0, Source(str(plug.path), 921600), inbox, stop)
    reader.start()
    yield plug, inbox, reader
    stop.set()
    reader.join(5)
    assert not reader.is_alive()


def received(inbox, expected, seconds=3.0):
    data, deadline = b"", time.monotonic() + seconds
    while data != expected and time.monotonic() < deadline:
        data += b"".join(chunk.data for chunk in inbox.take(0.05))
    return data


def until(happened, seconds=3.0):
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


def test_replug_within_two_seconds_and_nothing_leaks(reading):
    plug, inbox, reader = reading
    assert until(lambda: "No such file" in reader.problem)
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(8):
        plug.put()
        begin_s = time.monotonic()
        assert until(lambda wanted=turn + 1: reader.opened == wanted)
        assert time.monotonic() - begin_s < 2.2
        os.write(plug.master, b"turn %d" % turn)
        assert received(inbox, b"turn %d" % turn) == b"turn %d" % turn
        plug.pull()
        assert until(lambda: reader.problem)
        inbox.take(0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_inbox_drops_the_oldest_and_counts():
    inbox = Inbox()
    for index in range(MAX_CHUNKS + 10):
        inbox.put(Chunk(0, b"x", float(index)))
    assert inbox.dropped == 10
    assert [chunk.at_s for chunk in inbox.take(0)] == [float(i) for i in range(10, MAX_CHUNKS + 10)]
    for index in range(20):
        inbox.put(Chunk(0, bytes(MAX_WAITING_BYTES // 10), float(index)))
    assert len(inbox.take(0)) == 10
    assert inbox.take(0.01) == []
