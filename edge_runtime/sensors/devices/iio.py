"""Sensors that Linux reads by a driver of its own (IIO), such as an ADXL355 on a board's SPI: `IioPort`."""

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import AccessError, BusyError, EdgeError, Samples, UnavailableError
from edge_runtime.sensors.devices.device_port import MAX_READ, DevicePort
from edge_runtime.sensors.devices.iio_device import TIMESTAMP, IioDevice, find, present
from edge_runtime.sensors.devices.iio_scan import Scan
from edge_runtime.sensors.devices.stamps import StampedGaps, UnstampedGaps
from edge_runtime.sensors.devices.sysfs import RULE
from edge_runtime.sensors.devices.wish import ROOT, Wish

__all__ = ["IioPort", "device_files", "open_port", "present"]
FIRMWARE: Final = "linux iio"


def device_files(name: str, root: Path) -> tuple[Path, ...]:
    """The device's file, and what in sysfs is written last; none where there is no such device."""
    with contextlib.suppress(EdgeError):
        folder = find(name, root, "")
        return root / "dev" / folder.name, folder / "buffer/enable"
    return ()


class IioPort(DevicePort):
    """Reads the buffer of one IIO device.

    What the kernel dropped is found by the time stamps, and without these by the clock: where more than its
    buffer holds was due since that was last seen empty.
    """

    def __init__(self, wish: Wish, root: Path = ROOT) -> None:
        """`root` is the prefix of /sys and /dev."""
        super().__init__(wish)
        self._root = root
        self._device: IioDevice | None = None
        self._scan = Scan(())
        self._tail = b""
        self._gaps: StampedGaps | UnstampedGaps | None = None

    def open(self) -> None:
        """Set the device up and let it sample. Raises as `Port.open`."""
        folder = find(self._wish.name, self._root, self.url)
        try:
            # The kernel gives it to one program at a time.
            descriptor = os.open(self._root / "dev" / folder.name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise _refusal(self.url, error) from error
        try:
            device = IioDevice(folder, self._wish)
            device.stop()  # left on by a program that was killed: nobody has the device now
            with contextlib.suppress(OSError):
                while os.read(descriptor, MAX_READ):
                    pass  # what waited is of another time
            self._scan = device.set_up()
            firmware = f"{FIRMWARE} {device.name}".strip()
            self._begin(descriptor, device.rate_hz, device.range, device.serial, firmware)
        except EdgeError:
            os.close(descriptor)
            raise
        self._device, self._tail = device, b""
        if device.stamped:
            self._gaps = StampedGaps(device.rate_hz, len(self._wish.channels))
        else:
            self._gaps = UnstampedGaps(device.rate_hz, device.length, time.monotonic())

    def close(self) -> None:
        """Let it rest; never raises."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(EdgeError):
                device.stop()
        super().close()

    def framed(self, data: bytes) -> bytes:
        """As in the base class."""
        framer, device = self._framer, self._device
        if framer is None or device is None or self._gaps is None:
            return b""
        # The kernel gives whole scans: as many as there was room for are all that were asked for.
        emptied = len(data) <= MAX_READ - self._scan.size
        data = self._tail + data
        count = len(data) // self._scan.size
        scans = np.frombuffer(data, np.uint8, count * self._scan.size).reshape(count, self._scan.size)
        self._tail = data[count * self._scan.size :]
        rows = self._values(device, scans)
        if isinstance(self._gaps, UnstampedGaps):
            framed = framer.frames(rows)
            framer.lose(self._gaps.feed(count, time.monotonic(), emptied=emptied))
            return framed
        framed = b""
        for lost, piece in self._gaps.feed(self._scan.values(scans, TIMESTAMP), rows):
            framer.lose(lost)
            framed += framer.frames(piece)
        return framed

    def _values(self, device: IioDevice, scans: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Samples:
        rows = np.empty((len(scans), len(device.factors)), np.float32)
        for at, (name, offset, factor) in enumerate(device.factors):
            rows[:, at] = (self._scan.values(scans, name) + offset) * factor
        return rows

    def _gone(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the device gives nothing any more ({why or 'its file has ended'})",
            where=self.url,
            remedy="Check wiring and supply of the sensor: see `dmesg`",
        )


def _refusal(url: str, error: OSError) -> EdgeError:
    if error.errno == errno.EBUSY:
        return BusyError(
            "another program reads the device",
            where=url,
            remedy="Stop it: iio_readdev and iiod are usual",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessError("no permission to read the device", where=url, remedy=RULE)
    return UnavailableError(
        f"the device cannot be opened ({error.strerror or error.__class__.__name__})",
        where=url,
        remedy="Check that its driver has a buffer: see `dmesg`",
    )


open_port: Final = IioPort
