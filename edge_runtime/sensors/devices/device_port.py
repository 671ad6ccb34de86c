"""A device of the kernel's that gives samples and no frames: `DevicePort`."""

import contextlib
import os
import select
import time
import zlib
from abc import abstractmethod
from typing import Final

from edge_runtime.core import ConfigError, Hello, UnavailableError, printable
from edge_runtime.sensors.devices.framer import Framer
from edge_runtime.sensors.devices.wish import Wish
from edge_runtime.sensors.port import Port
from edge_runtime.sensors.ports import READ_TIMEOUT_S

MAX_READ: Final = 16384
"""Bytes at a time: 28 ms of two channels of 24 bits at 48 kHz, twice a frame."""
_TEXT: Final = 60
"""Characters of a serial number and of a driver's name; a frame has room for 255 bytes."""
_BOOTS: Final = 2**32
"""Boot numbers end here, as a frame carries them."""


class DevicePort(Port):
    """Reads a device through a descriptor, and hands on steadyhum frames."""

    def __init__(self, wish: Wish) -> None:
        """Read what `wish` says."""
        self.url, self._wish = wish.url, wish
        self._descriptor: int | None = None
        self._framer: Framer | None = None

    @property
    def lost(self) -> int:
        """Samples that are missing since it was opened, by all that is known."""
        return 0 if self._framer is None else self._framer.lost

    @property
    def descriptor(self) -> int | None:
        """Of what gives the samples."""
        return self._descriptor

    def read(self) -> bytes:
        """Wait up to READ_TIMEOUT_S for samples; frames of them. Raises UnavailableError."""
        select.select([self._opened()], [], [], READ_TIMEOUT_S)
        return self.drain()

    def drain(self) -> bytes:
        """Frames of up to MAX_READ bytes of samples. Raises UnavailableError."""
        descriptor = self._opened()
        try:
            data = os.read(descriptor, MAX_READ)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error.strerror or error.__class__.__name__) from error
        if not data:
            raise self._gone("")
        return self.framed(data)

    def close(self) -> None:
        """Close the descriptor; never raises."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    @abstractmethod
    def framed(self, data: bytes) -> bytes:
        """Frames of what came from the device; a rest is kept for the next."""

    @abstractmethod
    def _gone(self, why: str) -> UnavailableError:
        """What to say of a device that gives nothing any more; `why` is the system's word, if it has one."""

    def _begin(self, descriptor: int, rate_hz: float, range_: float, serial: str, firmware: str) -> None:
        """Begin to read what was opened. Raises ConfigError for texts and channels that no frame carries."""
        who = zlib.crc32(f"{firmware} {serial}".encode())
        boot = time.time_ns() // 1_000_000 % _BOOTS
        wish = self._wish
        said = (printable(text, _TEXT) for text in (serial, firmware))
        hello = Hello(who, boot, wish.channels, wish.unit, range_, *said)
        try:
            self._framer = Framer(hello, rate_hz)
        except ValueError as error:
            raise ConfigError(
                f"frames cannot carry it: {error}",
                where=self.url,
                remedy="Take fewer channels, or a shorter name of the unit",
            ) from error
        self._descriptor = descriptor

    def _opened(self) -> int:
        if self._descriptor is None:
            raise UnavailableError("the port is closed", where=self.url, remedy="Open it first")
        return self._descriptor
