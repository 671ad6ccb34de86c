"""Every kind of device that the kernel reads. Configuration, service and doctor read this table."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from edge_runtime.sensors.devices.wish import ROOT, Wish
from edge_runtime.sensors.port import Port


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One row of the registry."""

    name: str
    """As a port names it: `port = "NAME:..."`."""
    summary: str
    """One line for the documentation."""
    module: str
    """In this folder: it has `open_port`, `device_files` and `present`, and is loaded when it is needed."""
    example: str
    """Of a port, for messages."""
    numbered: str
    """How names begin that the kernel numbers in the order in which devices appear."""
    silent: str
    """What to look at where it is open and gives nothing."""
    drop_in: tuple[str, ...]
    """What systemd has to grant to the packaged service beside serial ports."""

    def is_numbered(self, name: str) -> bool:
        """Whether a device is named by a number that may be another's after the next restart."""
        name = name.rpartition("/")[2].removeprefix("iio:")
        number = name.removeprefix(self.numbered).removeprefix("CARD=")
        return name.startswith(self.numbered) and number[:1].isdecimal()

    def open_port(self, wish: Wish, root: Path | None = None) -> Port:
        """The port that a site wants, closed; `root` is the prefix of /sys, /proc and /dev."""
        opener: Callable[[Wish, Path], Port] = self._loaded().open_port
        return opener(wish, root or devices_root())

    def files(self, name: str, root: Path | None = None) -> tuple[Path, ...]:
        """The device's own file, then others that its reader writes; none where it is not there."""
        finder: Callable[[str, Path], tuple[Path, ...]] = self._loaded().device_files
        return finder(name, root or devices_root())

    def present(self, root: Path | None = None) -> list[str]:
        """Ports of the devices that are there now, each with a word on what it is."""
        lister: Callable[[Path], list[str]] = self._loaded().present
        return lister(root or devices_root())

    def _loaded(self) -> Any:
        return import_module(f"edge_runtime.sensors.devices.{self.module}")


DEVICES: Final[Mapping[str, DeviceKind]] = {
    kind.name: kind
    for kind in (
        DeviceKind(
            "iio",
            "sensors with a driver of Linux (IIO), on SPI or I2C",
            "iio",
            "iio:adxl355",
            "device",
            "Check the sensor's interrupt line and its trigger: /proc/interrupts has to count",
            ("DeviceAllow=char-iio rw", "ProtectKernelTunables=no"),
        ),
        DeviceKind(
            "alsa",
            "accelerometers that are sound cards (USB audio)",
            "alsa",
            "alsa:333D01",
            "hw:",
            "Unplug the sensor and plug it in again, without a hub",
            ("DeviceAllow=char-alsa rw",),
        ),
        DeviceKind(
            "modbus",
            "vibration transmitters on Modbus RTU (RS-485)",
            "modbus",
            "modbus:qm42vt:1:/dev/serial/by-id/usb-RS485",
            "ttyUSB",
            "Check the transmitter's address, baud rate and power, and that A and B are not swapped",
            (),
        ),
    )
}
"""By the word before the port's colon; a kind is added as a row of the tuple."""


def devices_root() -> Path:
    """Where /sys, /proc and /dev are: the folder that STEADYHUM_DEVICES names, which is for tests, else /."""
    return Path(os.environ.get("STEADYHUM_DEVICES", "") or ROOT)
