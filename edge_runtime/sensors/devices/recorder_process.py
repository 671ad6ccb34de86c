"""ALSA's own recorder, `arecord`, as a child process that gives samples: `Recorder`.

A library of sound would be one more dependency with a callback thread; the child has its own buffer, needs
nothing but the package alsa-utils, and a driver that hangs hangs there.
"""

import contextlib
import fcntl
import os
import select
import shutil
import subprocess
import termios
import time
from dataclasses import dataclass
from typing import IO, Final, cast

import numpy as np

from edge_runtime.core import Samples, UnavailableError

_PROGRAM: Final = "arecord"
_STRICTLY: Final = (
    "--fatal-errors",
    "--disable-resample",
    "--disable-channels",
    "--disable-format",
    "--disable-softvol",
)
"""At an overrun it is to end: going on, it would leave samples out in silence. And nothing is converted."""
_BUFFER_US: Final = 2_000_000
"""Of samples in the driver, where it has room for so many; this process may stand still for as long."""
_PERIOD_US: Final = 50_000
"""From one wake-up to the next: a window of a second loses a twentieth to waiting. A judgement."""
_PIPE_BYTES: Final = 1024 * 1024
"""As much as Linux gives to ordinary users: 3 s of two channels of 24 bits at 48 kHz."""
_FIRST_S: Final = 5.0
"""Until the first samples have come: a card needs a period, and a USB device a second to wake."""
_END_S: Final = 1.0
_SAID: Final = 4096
"""Bytes of what it says that are kept: some lines."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a sample is stored."""

    name: str
    """ALSA's name of it."""
    size: int
    """Bytes."""
    bits: int
    """The lower ones are it, with the sign above."""

    def values(self, data: bytes, channels: int) -> Samples:
        """Shares of full scale [count, channels] of whole samples."""
        stored = np.frombuffer(data, np.uint8).reshape(-1, self.size)
        wide = np.zeros((len(stored), 4), np.uint8)
        bytes_ = self.bits // 8
        # Into the upper bytes of four, so that the sign is that of the number.
        wide[:, 4 - bytes_ :] = stored[:, :bytes_]
        shares: Samples = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32).reshape(-1, channels)
        return shares


FORMS: Final = (
    Form("S24_3LE", 3, 24),
    Form("S32_LE", 4, 32),
    Form("S24_LE", 4, 24),
    Form("S16_LE", 2, 16),
)
"""In the order in which they are tried: accelerometers have the first."""


class Recorder:
    """One run of the program."""

    def __init__(self, pcm: str, form: Form, channels: int, rate_hz: int, where: str) -> None:
        """Start it. Raises UnavailableError where it is not installed."""
        program = shutil.which(_PROGRAM)
        if program is None:
            raise UnavailableError(
                f"the program {_PROGRAM} is not installed", where=where, remedy="apt install alsa-utils"
            )
        command = [program, "-D", pcm, "-t", "raw", "-f", form.name, "-c", str(channels), "-r", str(rate_hz)]
        command += [*_STRICTLY, f"--buffer-time={_BUFFER_US}", f"--period-time={_PERIOD_US}"]
        self._process = subprocess.Popen(  # noqa: S603  no shell; the PCM's name was checked
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"LC_ALL": "C"},
        )
        self._pipes = [cast("IO[bytes]", pipe) for pipe in (self._process.stdout, self._process.stderr)]
        self.descriptor, self._words = (pipe.fileno() for pipe in self._pipes)
        for descriptor in (self.descriptor, self._words):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._said = ""

    def begins(self) -> bool:
        """Whether samples come; waits for the first ones."""
        until_s = time.monotonic() + _FIRST_S
        while (left_s := until_s - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left_s)[0]:
                break
        waiting = bytearray(4)
        fcntl.ioctl(self.descriptor, termios.FIONREAD, waiting)
        return any(waiting)

    def said(self) -> str:
        """All that it said until now."""
        with contextlib.suppress(OSError):
            while data := os.read(self._words, _SAID):
                self._said = (self._said + data.decode(errors="replace"))[-_SAID:]
        return self._said

    def end(self) -> None:
        """Let it end."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in self._pipes:
            pipe.close()
