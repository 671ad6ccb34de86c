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


class Plug:
    """A port that can be pulled and put back under the same name."""

    def __init__(self, folder):
        self.path = folder / "usb-sensor"

    def put(self):
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path.symlink_to(os.ttyname(self._slave))

    def write(self, data):
        while data:
            data = data[os.write(self.master, data) :]

    def pull(self):
        self.path.unlink()
        os.close(self.master)
        os.close(self._slave)


def held():
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def cycle(plug, inbox, reader, mark):
    """Put, wait for bytes, pull, wait until it is noticed; return the seconds from putting to bytes."""
    plug.put()
    begun_s, opened = time.monotonic(), reader.opened
    while reader.opened == opened:
        time.sleep(0.002)
    os.write(plug.master, mark)
    heard = b""
    while heard != mark:
        heard += b"".join(chunk.data for chunk in inbox.take(0.5))
    took_s = time.monotonic() - begun_s
    plug.pull()
    while not reader.problem:
        time.sleep(0.002)
    return took_s


def replug(cycles, folder):
    """Run the cycles; return the slowest in seconds, and what was held before and after."""
    plug, inbox, stop = Plug(folder), Inbox(), threading.Event()
    reader = PortReader(0, Source(str(plug.path), 921600), inbox, stop)
    reader.start()
    cycle(plug, inbox, reader, b"first")
    before = held()
    slowest_s = max(cycle(plug, inbox, reader, b"cycle %d" % turn) for turn in range(cycles))
    after = held()
    stop.set()
    reader.join(5)
    return slowest_s, before, after


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        total = int(sys.argv[1])
        slowest, first, last = replug(total, Path(name))
        print(
            f"{total} cycles, slowest {slowest:.2f} s, (descriptors, threads) {first} before and {last} after"
        )
