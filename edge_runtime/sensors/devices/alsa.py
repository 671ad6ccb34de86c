"""Accelerometers that are sound cards to Linux, such as the Digiducer 333D01: `AlsaPort`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import AccessError, BusyError, ConfigError, EdgeError, UnavailableError, printable
from edge_runtime.sensors.devices.alsa_cards import FULL_SCALE, Card, find, present
from edge_runtime.sensors.devices.device_port import DevicePort
from edge_runtime.sensors.devices.recorder_process import FORMS, Form, Recorder
from edge_runtime.sensors.devices.units import SHARE, factor
from edge_runtime.sensors.devices.wish import ROOT, Wish

__all__ = ["AlsaPort", "device_files", "open_port", "present"]
NAMES: Final = ("A", "B", "C", "D", "E", "F", "G", "H")
"""Of a card's channels, as the Digiducer calls its two."""
FIRMWARE: Final = "alsa"
_ON_CARD: Final = 2
"""Channels of every accelerometer of the kind."""
_RATES_HZ: Final = (1000, 384_000)
# What of the recorder's words tells one reason from another; it is started to speak English.
_NO_FORM: Final = "Sample format non available"
_NO_COUNT: Final = "Channels count non available"
_NO_RATE: Final = "rate is not accurate"
_OVERRUN: Final = "overrun"
_BUSY: Final = "busy"
_DENIED: Final = "Permission denied"
_REASONS: Final = 200
"""Characters of what the recorder says that are quoted."""


def device_files(name: str, root: Path) -> tuple[Path, ...]:
    """The file of a card's first input; none where the port names no card that is there."""
    try:
        _, card = find(name, root, "")
    except EdgeError:
        return ()
    return () if card is None else (root / "dev" / "snd" / f"pcmC{card.number}D0c",)


class AlsaPort(DevicePort):
    """Reads one input of ALSA by a recorder in a child process.

    The recorder ends where samples were lost, so that an overrun is an end of the connection: it is said,
    counted and never bridged.
    """

    def __init__(self, wish: Wish, root: Path = ROOT) -> None:
        """`root` is the prefix of /proc."""
        super().__init__(wish)
        self._root = root
        self._recorder: Recorder | None = None
        self._form, self._count, self._tail = FORMS[0], 0, b""
        self._columns: list[int] = []
        self._factors = np.ones(0, np.float32)
        self._serial = self._firmware = ""

    def open(self) -> None:
        """Start to record; returns when samples come. Raises as `Port.open`."""
        wish = self._wish
        rate_hz = round(wish.rate_hz)
        if rate_hz != wish.rate_hz or not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
            raise ConfigError(
                f"rate_hz is {wish.rate_hz:g}, and sound cards sample at a whole number of "
                f"{_RATES_HZ[0]} to {_RATES_HZ[1]} Hz",
                where=self.url,
                remedy="Set rate_hz to one that the sensor has, such as 8000, 44100 or 48000",
            )
        pcm, card = find(wish.name, self._root, self.url)
        self._take_channels(card)
        self._start(pcm, rate_hz)

    def close(self) -> None:
        """End the recorder; never raises."""
        recorder, self._recorder = self._recorder, None
        self._descriptor = None  # it is the recorder's
        if recorder is not None:
            recorder.end()

    def _take_channels(self, card: Card | None) -> None:
        """Find columns and factors of the channels that are wanted."""
        wish, calibration = self._wish, None if card is None else card.calibration
        wish.check_channels(NAMES[:_ON_CARD] if calibration else NAMES)
        self._columns = [NAMES.index(name) for name in wish.channels]
        measured = calibration.unit if calibration else SHARE
        by = factor(measured, wish.unit, wish.scale, self.url)
        counts = calibration.counts if calibration else (FULL_SCALE,) * len(NAMES)
        self._factors = np.array([by * FULL_SCALE / counts[at] for at in self._columns], np.float32)
        self._serial = calibration.serial if calibration else ""
        self._firmware = " ".join([FIRMWARE, calibration.model]) if calibration else FIRMWARE

    def _start(self, pcm: str, rate_hz: int) -> None:
        said = ""
        for form, count in self._ways():
            recorder = Recorder(pcm, form, count, rate_hz, self.url)
            begun, said = recorder.begins(), recorder.said()
            if begun and _NO_RATE not in said:
                self._recorder, self._form, self._count, self._tail = recorder, form, count, b""
                self._begin_with(recorder, rate_hz)
                return
            recorder.end()
            if _NO_FORM not in said and _NO_COUNT not in said:
                break  # another form would not help
        raise self._refusal(said, rate_hz)

    def _begin_with(self, recorder: Recorder, rate_hz: int) -> None:
        range_ = float(self._factors.min())
        try:
            self._begin(recorder.descriptor, float(rate_hz), range_, self._serial, self._firmware)
        except EdgeError:
            self.close()
            raise

    def _ways(self) -> Iterator[tuple[Form, int]]:
        """Forms and counts of channels to try; a card takes only those that it has.

        Two first: a recorder of one would give the other channel's samples in between.
        """
        least = max(self._columns) + 1
        counts = (least,) if least >= _ON_CARD else (_ON_CARD, least)
        return ((form, count) for form in FORMS for count in counts)

    def framed(self, data: bytes) -> bytes:
        """As in the base class."""
        data = self._tail + data
        whole = len(data) - len(data) % (self._form.size * self._count)
        self._tail = data[whole:]
        shares = self._form.values(data[:whole], self._count)[:, self._columns]
        return b"" if self._framer is None else self._framer.frames(shares * self._factors)

    def _gone(self, why: str) -> UnavailableError:
        said = "" if self._recorder is None else self._recorder.said()
        if _OVERRUN in said:
            return UnavailableError(
                "samples were lost: this computer did not fetch them in time",
                where=self.url,
                remedy="Find out what else it does, or set a lower rate",
            )
        return UnavailableError(
            f"the sensor gives nothing any more ({_last(said) or why or 'its recorder has ended'})",
            where=self.url,
            remedy="Check that it is plugged in",
        )

    def _refusal(self, said: str, rate_hz: int) -> EdgeError:
        """Why no recorder gave samples, by what the last of them said."""
        if _NO_RATE in said:
            words = next(printable(line.strip(), _REASONS) for line in said.splitlines() if _NO_RATE in line)
            return ConfigError(
                f"rate_hz is {rate_hz}, which the sensor does not have ({words})",
                where=self.url,
                remedy="Set rate_hz to one that it has, such as 8000, 44100 or 48000",
            )
        if _NO_FORM in said or _NO_COUNT in said:
            return ConfigError(
                f"the sensor has no {max(self._columns) + 1} channels of 16 to 32 bits at {rate_hz} Hz",
                where=self.url,
                remedy="Set channels, hello_channels and rate_hz to what it has: arecord --dump-hw-params",
            )
        if _BUSY in said:
            return BusyError(
                "another program has the sensor",
                where=self.url,
                remedy="Stop it: PipeWire and PulseAudio are usual; `fuser -v /dev/snd/*` names it",
            )
        if _DENIED in said:
            return AccessError(
                "no permission to open the sensor",
                where=self.url,
                remedy="Join the group that owns it: `sudo usermod -aG audio $USER`, then log in again",
            )
        return UnavailableError(
            f"no samples come ({_last(said) or 'the recorder says nothing'})",
            where=self.url,
            remedy="Check that the sensor is plugged in and named as in /proc/asound/cards",
        )


def _last(said: str) -> str:
    """The last of the recorder's lines that is about a fault."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("Recording")]
    return printable(lines[-1].strip(), _REASONS) if lines else ""


open_port: Final = AlsaPort
