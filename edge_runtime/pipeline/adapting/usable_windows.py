"""Recordings to the windows that may be learnt from: cut as the service cuts them, with the sensor in order
and the machine running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_runtime.analysis import DEAD_SHARE, NormalLevel, Windower, problem
from edge_runtime.core import DataError, Frame, Hello, Manifest, Samples, SensorFault, printable
from edge_runtime.pipeline import compare
from edge_runtime.sensors import open_recorded

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of windows in memory: 8,000 of 1024 samples, 3 minutes at 12 kHz and half overlapping. Of more every second
is taken, then every fourth: statistics of so many hardly change, and a gateway has little memory."""
_SENTENCES: Final = 10
"""Of damaged captures: more say nothing new."""
_SERIAL: Final = 200
"""Characters of a serial number that are kept."""


@dataclass(frozen=True, slots=True)
class UsableWindows:
    """Windows of one sensor, in order of time."""

    windows: Samples
    """Physical units, [n, samples, channels]."""
    independent: float
    """Share of the windows that do not overlap."""
    unusable: int
    """How many were left out: the sensor was at fault, or the machine stood still."""
    trouble: str
    """What was wrong with the latest of those; empty without any."""
    level: float
    """Median level over the lowest that the model calls normal."""
    serial: str
    """Serial number of the sensor by its hellos; empty where none was heard."""
    seconds: float
    """How long the vibration lasted that the windows were cut from."""
    damaged: tuple[str, ...]
    """What is missing of captures, a sentence each."""


def usable_windows(recordings: Sequence[str], manifest: Manifest) -> UsableWindows:
    """Cut recordings (.npz, .csv, .frames; `@FROM-TO` for a part) into windows for a model, in this order.

    No window spans a gap, or two recordings. Raises DataError for a recording that cannot be read, is of
    another rate, unit or number of channels, or of another sensor than the one before.
    """
    collected = _Collected(manifest)
    for recording in recordings:
        windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
        recorded = open_recorded(recording)
        compare(manifest, recorded.rate_hz, len(recorded.channels), recorded.unit, recording)
        if recorded.damaged:
            collected.damaged.append(recorded.damaged)
        for item in recorded.items:
            if isinstance(item, Hello):
                collected.hear(item, recording)
            if not isinstance(item, Frame):
                continue
            for window in windower.push(item)[0]:
                collected.take(window.samples, min(windower.range, collected.range))
    return collected.result()


class _Collected:
    """What was found so far."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._level = NormalLevel((golden.samples for golden in manifest.golden), manifest.channels)
        self._kept: list[Samples] = []
        self.damaged: list[str] = []
        """What is missing of captures."""
        self._shares: list[float] = []
        self._step, self._usable, self._unusable = 1, 0, 0
        self._fault: SensorFault | str = ""
        self._hello: Hello | None = None
        size = 4 * manifest.samples * len(manifest.channels)  # bytes of a window in single precision
        self._most = max(MOST_BYTES // size, 64)

    @property
    def range(self) -> float:
        """Largest magnitude that the sensor reports, as its hello says."""
        return np.inf if self._hello is None else self._hello.range

    def hear(self, hello: Hello, where: str) -> None:
        """Take a hello. Raises DataError for another sensor's."""
        before, self._hello = self._hello, hello
        if before is None:
            compare(self._manifest, self._manifest.rate_hz, len(hello.channels), hello.unit, where)
            return
        said = [printable(one.serial_number, _SERIAL) for one in (before, hello)]
        if said[0] != said[1] or before.sensor_id != hello.sensor_id:
            raise DataError(
                f"is of another sensor: {said[1]!r}, id {hello.sensor_id}, after {said[0]!r}, id "
                f"{before.sensor_id}",
                where=where,
                remedy="Give recordings of one sensor on one machine",
            )

    def take(self, window: Samples, range_: float) -> None:
        """Take a window [samples, channels], which is valid until the next."""
        fault: SensorFault | str | None = problem(window, self._manifest.channels, range_)
        share = self._level.share(window) if fault is None else 0.0
        if fault is None and share < DEAD_SHARE:
            fault = f"vibration at {share:.2g} of the model's quietest: the machine stands still"
        if fault is not None:
            self._unusable, self._fault = self._unusable + 1, fault
            return
        if self._usable % self._step == 0:
            self._kept.append(window.copy())
            self._shares.append(share)
        self._usable += 1
        if len(self._kept) > self._most:
            self._kept, self._shares, self._step = self._kept[::2], self._shares[::2], 2 * self._step

    def result(self) -> UsableWindows:
        """All of it."""
        manifest = self._manifest
        shape = (0, manifest.samples, len(manifest.channels))
        return UsableWindows(
            windows=np.stack(self._kept) if self._kept else np.empty(shape, np.float32),
            independent=min(1.0, self._step * manifest.hop / manifest.samples),
            unusable=self._unusable,
            trouble=str(self._fault),
            level=float(np.median(self._shares)) if self._shares else 0.0,
            serial=printable(self._hello.serial_number, _SERIAL) if self._hello else "",
            seconds=self._usable * manifest.hop / manifest.rate_hz,
            damaged=tuple(self.damaged[:_SENTENCES]),
        )
