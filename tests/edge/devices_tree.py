"""Made /sys, /proc and /dev of sensors that the kernel reads: a tree of files, FIFOs for the devices."""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.waiting import until

ADXL355 = "be:s20/32>>4"
"""Of its driver, drivers/iio/accel/adxl355_core.c: 20 bits in the upper part of 24, at the end of 32."""


class IioTree:
    """A folder with one IIO device of three axes, as sysfs shows it, and a FIFO for its buffer."""

    def __init__(
        self,
        root: Path,
        kind: str = ADXL355,
        *,
        rate_hz: float = 4000.0,
        number: int = 0,
        name: str = "adxl355",
        stamped: bool = True,
    ) -> None:
        self.root, self.kind, self.rate_hz = root, kind, rate_hz
        self.folder = root / f"sys/bus/iio/devices/iio:device{number}"
        self.node = root / f"dev/iio:device{number}"
        axes = ("accel_x", "accel_y", "accel_z")
        self.elements = [*axes, "timestamp"] if stamped else list(axes)
        types = {name: "le:s64/64>>0" if name == "timestamp" else kind for name in self.elements}
        self.attributes(
            {
                "name": name,
                "sampling_frequency": f"{rate_hz:g}",
                "sampling_frequency_available": "1000 2000 4000",
                "in_accel_scale": "0.0000382",
                "buffer/enable": "0",
                "buffer/length": "2",
                "buffer/watermark": "1",
                "current_timestamp_clock": "realtime",
            }
        )
        for index, (element, kind_of) in enumerate(types.items()):
            for what, text in (("en", "0"), ("index", str(index)), ("type", kind_of)):
                self.attributes({f"scan_elements/in_{element}_{what}": text})
        self.node.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self.node)
        self._writer: int | None = None

    def attributes(self, said: Mapping[str, str]) -> None:
        for name, text in said.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    def said(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    def plug_in(self) -> None:
        """Keep the FIFO open for writing: without a writer it has an end."""
        self._writer = os.open(self.node, os.O_RDWR)

    def unplug(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def scans(self, counts: NDArray[np.int64], stamps_ns: NDArray[np.int64] | None) -> bytes:
        """Scans as the kernel lays them out: a word of 32 bits an axis that is on, to 8 bytes, the stamp."""
        on = [axis for axis in range(3) if self.said(f"scan_elements/in_accel_{'xyz'[axis]}_en") == "1"]
        order, _, shift = self.kind.partition(":")[0], *self.kind.partition(">>")[1:]
        words = (counts[:, on] << int(shift)).astype(f"{'>' if order == 'be' else '<'}i4")
        parts = [np.ascontiguousarray(words).view(np.uint8)]
        if stamps_ns is not None:
            parts.append(np.zeros((len(counts), 4 * (len(on) % 2)), np.uint8))
            parts.append(np.ascontiguousarray(stamps_ns.astype("<i8")).view(np.uint8).reshape(-1, 8))
        return np.concatenate(parts, axis=1).tobytes()

    def write(self, data: bytes) -> None:
        """Write to the device that is plugged in, as fast as it is read."""
        assert self._writer is not None
        while data:
            data = data[os.write(self._writer, data[:4096]) :]

    def play(self, counts: NDArray[np.int64], stamps_ns: NDArray[np.int64] | None) -> threading.Thread:
        """Write scans once the device was switched on, in a thread of its own."""

        def run() -> None:
            until(lambda: self.said("buffer/enable") == "1", what="the device being switched on")
            self.write(self.scans(counts, stamps_ns))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


IIO_SCALE = 0.000382
"""m/s2 a count, with which 20 bits reach 20 g."""


class Vibrating(threading.Thread):
    """What the device samples, at its pace, until it is stopped."""

    def __init__(self, tree: IioTree) -> None:
        super().__init__(daemon=True)
        self.tree, self.level, self.over, self.losing = tree, 0.3, threading.Event(), 0
        self.start()

    def run(self) -> None:
        dice, at, begin_s, per_g = np.random.default_rng(1), 0, time.monotonic(), 9.80665 / IIO_SCALE
        while not self.over.is_set():
            rows = np.zeros((50, 3), np.int64)
            rows[:, 0] = np.clip(self.level * dice.standard_normal(50) * per_g, -(2**19) + 1, 2**19 - 1)
            places = np.arange(at, at + 50)
            at += 50 + self.losing
            self.losing = 0
            if self.tree.said("buffer/enable") == "1":
                self.tree.write(self.tree.scans(rows, places * round(1e9 / self.tree.rate_hz)))
            time.sleep(max(0.0, begin_s + at / self.tree.rate_hz - time.monotonic()))

    def end(self) -> None:
        self.over.set()
        self.join()


DIGIDUCER = "333D01 10123455432198765250131"
"""A name as the maker writes it: model, format 1, serial number, two sensitivities, a date."""


def plug_cards(root: Path, *said: tuple[str, str]) -> None:
    """Let these be the sound cards: id, and driver and name."""
    file = root / "proc/asound/cards"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = enumerate(said)
    text = "".join(f"{at:2} [{card:<15}]: {name}\n    at usb-0000:01:00.0-1\n" for at, (card, name) in rows)
    file.write_text(text)
