"""Pull the sensor and put it back, many times: `python -m tests.faults.replug CYCLES`.

The same name stands for another pty every time, as /dev/serial/by-id does. After every cycle bytes must flow
within two seconds, and at the end the process holds as many descriptors and threads as at the beginning.
"""

import os
import pty
import sys
import tempfile
import threading
import time
import tty
from pathlib import Path

from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.readers import PortReader
from tests.waiting import HANG_S, scaled, until


class Plug:
    """A port that can be pulled and put back under the same name."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "usb-sensor"

    def put(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path.symlink_to(os.ttyname(self._slave))

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def pull(self) -> None:
        self.path.unlink()
        os.close(self.master)
        os.close(self._slave)


def held() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def cycle(plug: Plug, inbox: Inbox, reader: PortReader, mark: bytes) -> float:
    """Put, wait for bytes, pull, wait until it is noticed; return the seconds from putting to bytes."""
    plug.put()
    begun_s, opened = time.monotonic(), reader.opened
    until(lambda: reader.opened != opened, what="the reader opening its port", poll_s=0.002)
    os.write(plug.master, mark)
    heard: list[bytes] = []

    def whole() -> bool:
        heard.extend(chunk.data for chunk in inbox.take(0.5))
        return b"".join(heard) == mark

    until(whole, what="the bytes", poll_s=0.0)
    took_s = time.monotonic() - begun_s
    plug.pull()
    until(lambda: reader.problem, what="the reader's word that its port is gone", poll_s=0.002)
    return took_s


def replug(cycles: int, folder: Path) -> tuple[float, tuple[int, int], tuple[int, int]]:
    """Run the cycles; return the slowest in seconds, and what was held before and after."""
    plug, inbox, stop = Plug(folder), Inbox(), threading.Event()
    reader = PortReader(0, Source(str(plug.path), 921600), inbox, stop)
    reader.start()
    cycle(plug, inbox, reader, b"first")
    before = held()
    slowest_s = max(cycle(plug, inbox, reader, b"cycle %d" % turn) for turn in range(cycles))
    after = held()
    stop.set()
    reader.join(scaled(HANG_S))
    return slowest_s, before, after


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        total = int(sys.argv[1])
        slowest, first, last = replug(total, Path(name))
        print(
            f"{total} cycles, slowest {slowest:.2f} s, (descriptors, threads) {first} before and {last} after"
        )
