"""A Linux IIO device found in sysfs, looked at and set up: `find`, `IioDevice`.

Names and meanings of the attributes: Documentation/ABI/testing/sysfs-bus-iio of the kernel.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError, UnavailableError, printable
from edge_runtime.sensors.devices.iio_scan import Element, Scan, ScanType
from edge_runtime.sensors.devices.sysfs import Attributes
from edge_runtime.sensors.devices.units import ACCELERATION, VOLTAGE, factor
from edge_runtime.sensors.devices.wish import Wish

FOLDER: Final = "sys/bus/iio/devices"
TIMESTAMP: Final = "timestamp"
BUFFER_S: Final = 2.0
"""Seconds of samples that the kernel keeps. A judgement: a process that stands still for so long has other
troubles; 4 kHz of three channels take 128 KB."""
_LEAST: Final = 128
"""Samples: the shortest buffer, for slow sensors."""
_WAKE_S: Final = 0.02
"""Samples of so much time wake the reader: fifty times a second, as frames of a serial line do."""
_RATE_TOLERANCE: Final = 0.01
"""Between the rate stated and the device's, as for frames; see analysis/windows.py."""
_KINDS: Final[Mapping[str, tuple[str, float]]] = {
    "accel": (ACCELERATION, 1.0),
    "anglvel": ("rad/s", 1.0),
    "voltage": (VOLTAGE, 1e-3),
}
"""By the kind of channel: the unit that it is read in here, and how much of it one of the kernel's is: an
accelerometer behind a converter gives millivolts."""


def present(root: Path) -> list[str]:
    """Ports of the devices that are there, the kernel's name behind each."""
    return [f"iio:{_name(folder)} ({folder.name})" for folder in _folders(root)]


def find(name: str, root: Path, where: str) -> Path:
    """The folder of a device, by its name or the kernel's, as in `adxl355` or `iio:device0`.

    Raises UnavailableError where there is none, ConfigError where there are several.
    """
    folders = _folders(root)
    found = [folder for folder in folders if name in (folder.name, folder.name.removeprefix("iio:"))]
    found = found or [
        folder for folder in folders if name in (_name(folder), Attributes(folder, "").get("label"))
    ]
    if len(found) > 1:
        names = ", ".join(f"iio:{folder.name.removeprefix('iio:')}" for folder in found)
        raise ConfigError(
            f"there are {len(found)} devices of this name", where=where, remedy=f"Name one of {names}"
        )
    if not found:
        there = printable(", ".join(present(root)), 200) or "none"
        raise UnavailableError(
            f"no IIO device of this name is there; there are: {there}",
            where=where,
            remedy="Check wiring and device tree overlay, and that the driver is loaded: see `dmesg`",
        )
    return found[0]


def _folders(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("iio:device*"))


def _name(folder: Path) -> str:
    return Attributes(folder, "").get("name")


class IioDevice:
    """One device: what of it is wanted, and how its numbers become values."""

    def __init__(self, folder: Path, wish: Wish) -> None:
        """Look at it. Raises ConfigError where it does not have what the site states."""
        self._wish, self._folder = wish, folder
        self._of = Attributes(folder, wish.url)
        self._elements = sorted(
            path.name.removeprefix("in_").removesuffix("_en")
            for path in (folder / "scan_elements").glob("in_*_en")
        )
        # For people `accel_x` is x; others are as they are.
        there = {name.removeprefix("accel_"): name for name in self._elements if name != TIMESTAMP}
        if not there:
            raise ConfigError(
                "the device has no buffer that could be read",
                where=wish.url,
                remedy="Its driver needs a trigger or a newer kernel: see its manual",
            )
        wish.check_channels(tuple(there))
        self._wanted = [there[name] for name in wish.channels]
        self.name, self.serial = self._of.get("name"), self._of.get("serial_number", "serial")
        self.stamped = TIMESTAMP in self._elements
        self.length = 0
        """Samples that the kernel keeps."""
        self.factors: list[tuple[str, float, float]] = []
        """Of each wanted channel: its name in the scan, offset and factor: value = (number + offset) * it."""
        for element in self._wanted:
            self.factors.append((element, *self._conversion(element)))

    def set_up(self) -> Scan:
        """Make a device that rests sample as the site states. Raises as `Attributes.set`, and ConfigError."""
        of, wish = self._of, self._wish
        self.rate_hz = self._set_rate()
        for name in self._elements:
            wanted = name in self._wanted or name == TIMESTAMP
            of.set(f"scan_elements/in_{name}_en", "1" if wanted else "0")
        if of.has("current_timestamp_clock") and self.stamped:
            of.set("current_timestamp_clock", "monotonic")  # one that is set makes gaps where none are
        trigger = of.get("trigger/current_trigger") if of.has("trigger") else "-"
        if not trigger:
            raise ConfigError(
                "the device needs a trigger, and none is set",
                where=wish.url,
                remedy=f"Write the name of a trigger to {self._folder}/trigger/current_trigger",
            )
        self.length = max(_LEAST, round(BUFFER_S * self.rate_hz))
        of.set("buffer/length", str(self.length))
        if of.has("buffer/watermark"):
            of.set("buffer/watermark", str(max(1, round(_WAKE_S * self.rate_hz))))
        scan = self._scan()
        of.set("buffer/enable", "1")
        return scan

    def stop(self) -> None:
        """Let it sample no longer. Raises as `Attributes.set`."""
        self._of.set("buffer/enable", "0")

    @property
    def range(self) -> float:
        """Largest magnitude that its numbers can state, in the site's unit: of the channel with the least."""
        return min(
            abs((self._type(element).largest + offset) * scale) for element, offset, scale in self.factors
        )

    def _conversion(self, element: str) -> tuple[float, float]:
        kind = element.partition("_")[0].rstrip("0123456789-")
        if kind not in _KINDS:
            raise ConfigError(
                f"channel {element} is neither acceleration nor voltage nor angular velocity",
                where=self._wish.url,
                remedy="Leave it out of channels",
            )
        scale = self._of.number(f"in_{element}_scale", f"in_{kind}_scale")
        offset = self._of.number(f"in_{element}_offset", f"in_{kind}_offset") or 0.0
        if scale is None or not scale > 0:
            raise ConfigError(
                f"the device does not say the scale of {element}",
                where=self._wish.url,
                remedy="Its driver is too old, or another: see its manual",
            )
        unit, of_ours = _KINDS[kind]
        return offset, scale * of_ours * factor(unit, self._wish.unit, self._wish.scale, self._wish.url)

    def _set_rate(self) -> float:
        """Set the rate, and return what the device then says; the stated one where it does not say any."""
        stated_hz = self._wish.rate_hz
        kind = self._wanted[0].partition("_")[0]
        names = ("sampling_frequency", f"in_{kind}_sampling_frequency")
        of = self._of
        name = next((name for name in names if of.has(name)), "")
        if not name and (trigger := self._trigger()):
            of, name = Attributes(trigger, self._wish.url), names[0]
        if not name:
            return stated_hz  # then only the clock tells: see analysis/rate_meter.py
        if not _near(of.number(name), stated_hz):
            of.set(name, f"{stated_hz:.10g}")
        found_hz = of.number(name)
        if found_hz is None or not _near(found_hz, stated_hz):
            offers = of.get(f"{name}_available")
            raise ConfigError(
                f"rate_hz is {stated_hz:g}, and the device samples at {of.get(name) or 'no rate'} Hz",
                where=self._wish.url,
                remedy=f"Set rate_hz to one that it offers: {offers}"
                if offers
                else "Correct rate_hz, or set the device's sampling_frequency",
            )
        return found_hz

    def _trigger(self) -> Path | None:
        wanted = self._of.get("trigger/current_trigger")
        folders = sorted(self._folder.parent.glob("trigger*")) if wanted else []
        named = [folder for folder in folders if _name(folder) == wanted]
        return next((folder for folder in named if (folder / "sampling_frequency").exists()), None)

    def _scan(self) -> Scan:
        """What is enabled now: a driver may enable more than was asked for."""
        enabled = [name for name in self._elements if self._of.get(f"scan_elements/in_{name}_en") == "1"]
        if missing := [name for name in self._wanted if name not in enabled]:
            raise ConfigError(
                f"the driver does not enable {', '.join(missing)}",
                where=self._wish.url,
                remedy="Take other channels: it offers only some together",
            )
        self.stamped = TIMESTAMP in enabled
        index = self._of.number
        return Scan(
            [
                Element(name, round(index(f"scan_elements/in_{name}_index") or 0), self._type(name))
                for name in enabled
            ]
        )

    def _type(self, element: str) -> ScanType:
        try:
            return ScanType.parse(self._of.get(f"scan_elements/in_{element}_type"))
        except ValueError as error:
            raise ConfigError(
                f"channel {element}: {error}", where=self._wish.url, remedy="Take another channel"
            ) from error


def _near(found_hz: float | None, stated_hz: float) -> bool:
    return found_hz is not None and abs(found_hz - stated_hz) <= _RATE_TOLERANCE * stated_hz
