"""One sensor's minute that goes on, on the thread that scores: `Trend`. It adds, and waits for nothing."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from edge_runtime.core import AlarmKind, FaultKind, Frame, Reading, Verdict, printable
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.looks import EVERY_S, Look, Looks
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.pipeline import Onlooker
from edge_runtime.sensors import SensorSettings

MOST_READINGS: Final = 8
"""Names of readings that a sensor is taken: a sensor may send any number of them."""
_NAME: Final = 40
"""Characters of a name that are kept."""
_LINE: Final = (
    *(FaultKind.GARBAGE, FaultKind.CRC, FaultKind.VERSION, FaultKind.SCHEMA, FaultKind.LINE),
    *(FaultKind.DUPLICATE, FaultKind.GAP),
)
"""Faults that say something of the line, and not of the sensor at its end."""


class Trend(Onlooker):
    """Looks on while a sensor is watched."""

    def __init__(
        self, station: Station, settings: SensorSettings, look: Callable[[Look], None], place: float
    ) -> None:
        """Give each second that is looked at to `look`; `place`, 0 to 1, spreads those of all sensors."""
        self._station, self._settings, self._look = station, settings, look
        self._looks = Looks(settings.rate_hz, place * EVERY_S)
        self.read: Callable[[Reading], None] | None = None
        """Is shown every reading; None where nobody judges them."""
        self.minute = 0
        """The one that goes on, counted since 1970."""
        self.apart_s = 0.0
        """By how much the wall clock was ahead of the monotonic one when it began."""
        self._errors = self._line_errors()
        self.begin(time.time(), time.monotonic())

    @property
    def name(self) -> str:
        """The sensor's."""
        return self._settings.name

    def is_of(self, station: Station, settings: SensorSettings) -> bool:
        """Whether it is of this station, whose line is the same still."""
        before = self._settings
        kept = (settings.rate_hz, settings.unit, settings.channels)
        return self._station is station and (before.rate_hz, before.unit, before.channels) == kept

    def begin(self, wall_s: float, now_s: float) -> None:
        """Begin a minute by the wall clock; `now_s` is in monotonic seconds."""
        self.minute, self.apart_s = int(wall_s) // 60, wall_s - now_s
        self._seconds = 0.0
        self._windows, self._sum = 0, 0.0
        self._least, self._most = math.inf, -math.inf
        self._states: defaultdict[str, float] = defaultdict(float)
        self._readings: dict[str, list[float]] = {}

    def scored(self, verdict: Verdict) -> None:
        """Count a score of the model."""
        alarm, score = verdict.alarm, verdict.score
        if math.isfinite(score) and (alarm is None or alarm.kind is AlarmKind.ANOMALY):
            self._windows += 1
            self._sum += score
            self._least, self._most = min(self._least, score), max(self._most, score)

    def frame(self, frame: Frame) -> None:
        """Take part of what came; a sensor at fault says nothing of the machine."""
        frames = self._looks.take(frame)
        status, settings = self._station.pipeline.status, self._settings
        if frames is None or status.problem is not None:
            return
        if frame.samples.shape[1] == len(settings.channels):
            rate_hz, unit, names = settings.rate_hz, settings.unit, settings.channels
            self._look(Look(self.name, self.minute, self.apart_s, rate_hz, unit, names, frames))

    def reading(self, reading: Reading) -> None:
        """Take a reading."""
        if self.read is not None:
            self.read(reading)
        name = printable(reading.name, _NAME)
        known = self._readings.get(name)
        if known is None and len(self._readings) < MOST_READINGS:
            known = self._readings[name] = [0.0, 0.0]
        if known is not None and math.isfinite(reading.value):
            known[0] += 1
            known[1] += reading.value

    def pass_time(self, seconds: float) -> None:
        """Let time pass in the state that the machine is in."""
        self._seconds += seconds
        if (state := self._station.machine_state) is not None:
            self._states[printable(state.name, _NAME)] += seconds

    def close(self) -> dict[str, float]:
        """What the minute came to; `begin` the next one after it."""
        errors = self._line_errors()
        found = {
            columns.SECONDS: self._seconds,
            columns.USABLE: self._station.pipeline.status.usable_share,
            columns.ERRORS: errors - self._errors,
        }
        self._errors = errors
        if self._windows:
            found[columns.WINDOWS] = float(self._windows)
            found[columns.SCORE_MIN], found[columns.SCORE_MAX] = self._least, self._most
            found[columns.SCORE_MEAN] = self._sum / self._windows
        found |= {columns.STATE + name: seconds for name, seconds in self._states.items()}
        means = {name: total / count for name, (count, total) in self._readings.items() if count}
        found |= {columns.READING + name: mean for name, mean in means.items()}
        return {column: value for column, value in found.items() if math.isfinite(value)}

    def _line_errors(self) -> float:
        faults = self._station.pipeline.status.faults
        return float(sum(faults[kind] for kind in _LINE))
