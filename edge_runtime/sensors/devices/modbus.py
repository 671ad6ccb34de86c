"""Vibration transmitters on Modbus RTU: values once a second, and no waveform.

`port = "modbus:KIND:ADDRESS:PATH"`. The channels of the sensor are values of one unit, a sample each time the
transmitter is asked; all of its values also come as readings, of which the history keeps a trend.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import ConfigError, Reading, UnavailableError
from edge_runtime.sensors.devices.device_port import DevicePort
from edge_runtime.sensors.devices.modbus_line import ModbusLine, join, leave
from edge_runtime.sensors.devices.modbus_transmitters import TRANSMITTERS, Transmitter
from edge_runtime.sensors.devices.wish import Wish
from edge_runtime.sensors.protocols import encode_reading

_RATES_HZ: Final = (0.01, 10.0)
"""Transmitters work out their values about once a second."""
_ADDRESSES: Final = range(1, 248)
"""Of slaves, by the standard."""
_READINGS: Final = 8
"""As many names as a sensor's history keeps."""
_BY_ID: Final = "dev/serial/by-id"


class ModbusPort(DevicePort):
    """One transmitter, as frames of its values and readings."""

    def __init__(self, wish: Wish, root: Path) -> None:
        """Read what `wish` says. Raises ConfigError for a name that is none, a rate or a channel that the
        transmitter does not have."""
        super().__init__(wish)
        self.kind, self.address, path = parsed(wish.url, wish.name)
        self._path = root / path.lstrip("/")
        self.period_s = 1 / wish.rate_hz
        self._ends: list[int] = []
        self.line: ModbusLine | None = None
        """The line that it joined last, for its counters."""
        self._values = {value.name: value for value in self.kind.values}

    def open(self) -> None:
        """Join its line. Raises as `Source.open`, and ConfigError for what does not fit the transmitter."""
        wish = self._wish
        wish.check_channels(tuple(self._values))
        units = {self._values[name].unit for name in wish.channels}
        if units != {wish.unit}:
            raise ConfigError(
                f"{', '.join(wish.channels)} are in {', '.join(sorted(units))}, the site says {wish.unit}",
                where=self.url,
                remedy="Take channels of one unit, and state it; the others come as readings",
            )
        if not _RATES_HZ[0] <= wish.rate_hz <= _RATES_HZ[1]:
            raise ConfigError(
                f"rate_hz is {wish.rate_hz:g}, and transmitters are asked 0.01 to 10 times a second",
                where=self.url,
                remedy="Set rate_hz = 1",
            )
        largest = min(self._values[name].scale for name in wish.channels) * 0xFFFF
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._begin(reading, wish.rate_hz, largest, f"{self.address}", self.kind.summary)
        self._ends.append(writing)
        try:
            self.line = join(self._path, wish.baud or self.kind.baud, self)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the line, which is closed with the last; never raises."""
        leave(self._path, self)
        self.hang_up()
        super().close()

    def hang_up(self) -> None:
        """Let the reader see the end, after what it has not read yet."""
        with contextlib.suppress(
            IndexError, OSError
        ):  # the line's thread and the reader's may both come here
            os.close(self._ends.pop())

    def take(self, registers: tuple[int, ...] | None) -> None:
        """Put an answer into frames and readings; None is a sample that is missing."""
        framer, ends = self._framer, self._ends[:1]
        if framer is None or not ends:
            return
        if registers is None:
            framer.lose(1)
            return
        values = self.kind.decoded(registers)
        time_us = framer.time_us
        data = framer.frames(np.array([[values[name] for name in self._wish.channels]]))
        said = framer.hello
        for name in list(values)[:_READINGS]:
            unit = self._values[name].unit
            data += encode_reading(Reading(said.sensor_id, said.boot_id, time_us, name, unit, values[name]))
        try:
            os.write(ends[0], data)
        except BlockingIOError:  # nobody reads: what the pipe holds is an hour old
            framer.lose(1)

    def framed(self, data: bytes) -> bytes:
        """They are frames already."""
        return data

    def _gone(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the line is gone ({why or 'its adapter was unplugged'})",
            where=self.url,
            remedy="Plug the RS-485 adapter in",
        )


def parsed(url: str, name: str) -> tuple[Transmitter, int, str]:
    """Kind, address and path of a name such as `qm42vt:1:/dev/ttyUSB0`. Raises ConfigError."""
    kind, _, rest = name.partition(":")
    address, _, path = rest.partition(":")
    if kind not in TRANSMITTERS or not address.isdecimal() or int(address) not in _ADDRESSES or not path:
        raise ConfigError(
            f"{name!r} names no transmitter",
            where=url,
            remedy=f"Write modbus:KIND:ADDRESS:PATH, with KIND one of {', '.join(TRANSMITTERS)} and ADDRESS "
            "from 1 to 247, such as modbus:qm42vt:1:/dev/serial/by-id/usb-FTDI_RS485-if00-port0",
        )
    return TRANSMITTERS[kind], int(address), path


def open_port(wish: Wish, root: Path) -> ModbusPort:
    """The port of a transmitter, closed. Raises ConfigError."""
    return ModbusPort(wish, root)


def device_files(name: str, root: Path) -> tuple[Path, ...]:
    """The adapter's device file; none where it is not plugged in."""
    path = root / name.rpartition(":")[2].lstrip("/")
    return (path,) if path.exists() else ()


def present(root: Path) -> list[str]:
    """Adapters that transmitters may be on."""
    folder = root / _BY_ID
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [f"modbus:KIND:ADDRESS:/{path.relative_to(root)}" for path in found]
