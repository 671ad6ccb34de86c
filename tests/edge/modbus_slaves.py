"""Transmitters on a pty as one RS-485 line: each answers after the time that bytes and turnaround take.

`python -m tests.edge.modbus_slaves --seconds 3600` reads 32 of them once a second, one of them dead, by the
service's own threads, and ends with 1 where a value is missing that nobody counted, or a live one at all.
"""

import argparse
import os
import pty
import select
import struct
import sys
import threading
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pymodbus.framer import FramerRTU

from edge_runtime.core.records import Frame, Reading
from edge_runtime.sensors import port_of
from edge_runtime.sensors.inbox import Inbox
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.protocols import FrameDecoder
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import SensorSettings

TURNAROUND_S = 0.005
BITS = 11


def sealed(body: bytes) -> bytes:
    """With the checksum that pymodbus computes."""
    return body + struct.pack(">H", FramerRTU.compute_CRC(body))


class Slaves(threading.Thread):
    """Transmitters of Banner's kind; a value counts how often it was asked for."""

    def __init__(self, addresses: Sequence[int], dead: Sequence[int] = (), baud: int = 115200) -> None:
        super().__init__(daemon=True)
        self.baud, self.dead = baud, set(dead)
        self.asked = dict.fromkeys(addresses, 0)
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.over = threading.Event()
        self.spoil: list[bytes] = []
        """What is sent in place of the next answers."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        os.close(self.master)
        os.close(self._slave)

    def run(self) -> None:
        """Answer requests of 8 bytes."""
        held = b""
        while not self.over.is_set():
            if not select.select([self.master], [], [], 0.05)[0]:
                held = b""
                continue
            held += os.read(self.master, 256)
            if len(held) >= 8:
                self._answer(held[:8])
                held = b""

    def _answer(self, request: bytes) -> None:
        address, function, _, count = struct.unpack(">BBHH", request[:6])
        assert sealed(request[:6]) == request
        if address not in self.asked or address in self.dead:
            return
        self.asked[address] += 1
        number = self.asked[address]
        registers = [0, number, 1573, 2**16 - 518, 71, address][:count]
        answer = sealed(struct.pack(f">BBB{count}H", address, function, 2 * count, *registers))
        time.sleep((len(request) + len(answer)) * BITS / self.baud + TURNAROUND_S)
        os.write(self.master, self.spoil.pop(0) if self.spoil else answer)


def settings(slaves: Slaves, address: int, **changes: Any) -> SensorSettings:
    """A site's, for one of them."""
    fields: dict[str, Any] = {
        "name": f"pump{address}",
        "port": f"modbus:qm42vt:{address}:{slaves.path}",
        "model": Path("learn"),
        "rate_hz": 1.0,
        "channels": ("z_velocity", "x_velocity"),
        "unit": "mm/s",
        "baud": slaves.baud,
        "silence_s": 5.0,
    }
    return SensorSettings(**fields | changes)


class Heard:
    """Reads transmitters by the service's threads."""

    def __init__(self, sensors: Sequence[SensorSettings]) -> None:
        self.frames: list[list[Frame]] = [[] for _ in sensors]
        self.readings: list[dict[str, Reading]] = [{} for _ in sensors]
        self.ports: list[Any] = [port_of(sensor) for sensor in sensors]
        self._decoders = [FrameDecoder() for _ in sensors]
        self._inbox, self.over = Inbox(len(sensors)), threading.Event()
        self._poller = Poller(self._inbox, self.over)
        self.readers = [
            PortReader(at, port, self._inbox, self.over, self._poller) for at, port in enumerate(self.ports)
        ]
        self._taker = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> Self:
        for thread in (self._poller, *self.readers, self._taker):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for reader in self.readers:
            reader.stop()
        for thread in (self._poller, *self.readers, self._taker):
            thread.join()

    def _take(self) -> None:
        while not self.over.is_set():
            for chunk in self._inbox.take(0.1):
                for item in self._decoders[chunk.sensor].feed(chunk.data):
                    if isinstance(item, Frame):
                        self.frames[chunk.sensor].append(item)
                    if isinstance(item, Reading):
                        self.readings[chunk.sensor][item.name] = item


def main() -> int:
    """Say how many values came; return 1 where one of a live transmitter is missing."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3600)
    seconds = options.parse_args().seconds
    addresses, dead = range(1, 33), 17
    with Slaves(addresses, [dead]) as slaves:
        heard = Heard([settings(slaves, address) for address in addresses])
        begun_s = time.monotonic()
        with heard:
            time.sleep(seconds)
            # What was counted at the end of the last whole second.
            lost = [port.lost for port in heard.ports]
            came = [len(frames) for frames in heard.frames]
            took_s = time.monotonic() - begun_s
    live = [at for at, address in enumerate(addresses) if address != dead]
    missing = sum(int(took_s) - came[at] - lost[at] > 1 for at in live)
    print(f"{took_s:.0f} s, {len(live)} live: {sum(came[at] for at in live)} values", end="")
    print(f", {min(came[at] for at in live)} of one at least, {sum(lost[at] for at in live)} counted as lost")
    print(f"dead: {came[dead - 1]} values, {lost[dead - 1]} counted")
    return int(missing > 0 or any(lost[at] for at in live) or came[dead - 1] > 0)


if __name__ == "__main__":
    sys.exit(main())
