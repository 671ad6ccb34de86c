"""A program: many simulated sensors on ptys, all frames encoded beforehand so that sending costs little.

Prints the ptys' paths, then waits for a line on its input, then sends FRAMES of FILE (a .npy of encoded
frames) to every pty at the sensors' pace, each sensor at its own moment within a frame's length. A pty that
takes no more loses what it cannot take, as a serial line would. At the end prints, as JSON, the monotonic
time of each frame's sending [frame][sensor] and how many frames were cut.
"""

import contextlib
import json
import os
import pty
import sys
import time
import tty
from collections.abc import Sequence

import numpy as np


def main(file: str, sensors: int, frames: int, period_s: float) -> None:
    lines = list(np.load(file, allow_pickle=True))[:frames]
    masters, slaves = zip(*(pty.openpty() for _ in range(sensors)), strict=True)
    for master, slave in zip(masters, slaves, strict=True):
        tty.setraw(slave)
        os.set_blocking(master, False)
    print(json.dumps([os.ttyname(slave) for slave in slaves]), flush=True)
    sys.stdin.readline()
    print(json.dumps(send(lines, masters, period_s)), flush=True)
    sys.stdin.readline()  # until then the ptys stay open


def send(lines: Sequence[bytes], masters: Sequence[int], period_s: float) -> dict[str, object]:
    sent: list[list[float]] = []
    cut = 0
    begin_s = time.monotonic()
    for index, data in enumerate(lines):
        times = []
        for sensor in range(len(masters)):
            # The order turns from frame to frame, so that no sensor is always first.
            turned = (sensor + index) % len(masters)
            due_s = begin_s + (index + sensor / len(masters)) * period_s
            if (wait_s := due_s - time.monotonic()) > 0:
                time.sleep(wait_s)
            times.append((turned, time.monotonic()))
            cut += put(masters[turned], data)
        sent.append([moment for _, moment in sorted(times)])
    return {"sent": sent, "cut": cut}


def put(master: int, data: bytes) -> bool:
    written = 0
    with contextlib.suppress(BlockingIOError):
        written = os.write(master, data)
    return written < len(data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
