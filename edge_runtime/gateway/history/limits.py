"""Limits of the site's on what the history keeps of its sensors: `Limits`. Imported where there are some.

On the thread that scores: a look's values come from the history's own thread, readings as they come.
"""

import math
import time
import uuid
from collections.abc import Iterable
from typing import Final

from edge_runtime.analysis import Rise, TrendLimit, TrendWatch
from edge_runtime.analysis.diagnosis import Zone, upper_end_mm_s
from edge_runtime.core import NOT_RUNNING, AlarmKind, AlarmPolicy, EdgeError, Reading
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.desk import HistoryDesk
from edge_runtime.gateway.history.looks import EVERY_S
from edge_runtime.gateway.history.reading import HistoryReader, Row, Waiting
from edge_runtime.gateway.history.values import Values
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.pipeline.diagnosing import machine_of
from edge_runtime.sensors import SensorSettings

_VOTES: Final = (2, 3)
"""Looks. A judgement: one passing knock is none, and delays say the rest."""
_RE_ALARM_S: Final = 24 * 3600.0
"""A trend changes over days."""
_COLUMNS: Final = {AlarmKind.VELOCITY: columns.VELOCITY, AlarmKind.LEVEL: columns.RMS}
_UNITS: Final = {AlarmKind.VELOCITY: " mm/s", AlarmKind.LEVEL: " m/s2", AlarmKind.READING: ""}


class Limits:
    """All limits of all sensors. Times are monotonic microseconds."""

    def __init__(self, sensors: Iterable[tuple[Station, SensorSettings]], keeper: Bookkeeper) -> None:
        """Judge these sensors; alarms that are open already go on."""
        self._keeper = keeper
        self._stations: dict[str, Station] = {}
        self._settings: dict[str, SensorSettings] = {}
        self._watches: dict[str, list[TrendWatch]] = {}
        self._read_us: dict[str, int] = {}
        for station, settings in sensors:
            if settings.trends.kinds:
                self._stations[station.name], self._settings[station.name] = station, settings
                self._watches[station.name] = found = watches_of(settings)
                for alarm in keeper.to_resume(station.name):
                    for watch in (each for each in found if each.kind is alarm.kind):
                        watch.resume(alarm)

    @property
    def reading(self) -> tuple[str, ...]:
        """Sensors of which a reading is judged."""
        return tuple(name for name, known in self._settings.items() if known.trends.reading is not None)

    def recall(self, desk: HistoryDesk) -> None:
        """Have the values of before the start counted, for rises.

        Where they cannot be read a rise counts from now on, and the history itself says why.
        """
        newest = int(time.time()) // 60
        for name, known in self._settings.items():

            def rows(reader: HistoryReader, waiting: Waiting, of: SensorSettings = known) -> list[Row]:
                since = newest - math.ceil(of.trends.longest_s / 60)
                fresh = [Row(at, each) for (name, at), each in waiting.minutes.items() if name == of.name]
                return [*reader.rows(of.name, "minute", since, newest + 1), *fresh]

            def remember(found: list[Row] | None, _refusal: EdgeError | None, name: str = name) -> None:
                for row in found or ():
                    at_us = time.monotonic_ns() // 1000 - (newest - row.minute) * 60_000_000
                    for watch in self._watches[name]:
                        value = self._value(name, watch.kind, row.values)
                        watch.remember(at_us, value, row.values.get(columns.LOOKS, 1.0))

            if known.trends.longest_s:
                desk.ask(rows, remember)

    def look(self, sensor: str, values: Values) -> None:
        """Judge what a look says of a sensor; one that is not watched any more, or stands still, is not."""
        station = self._stations.get(sensor)
        if station is None or ((state := station.machine_state) is not None and state.name == NOT_RUNNING):
            return
        for watch in self._watches[sensor]:
            if watch.kind in _COLUMNS:
                self._judge(sensor, watch, self._value(sensor, watch.kind, values))

    def read(self, sensor: str, reading: Reading) -> None:
        """Judge a reading, no more often than the vibration is looked at."""
        rule, now_us = self._settings[sensor].trends.reading, time.monotonic_ns() // 1000
        if rule is None or reading.name != rule.name or now_us - self._read_us.get(sensor, 0) < EVERY_S * 1e6:
            return
        self._read_us[sensor] = now_us
        for watch in self._watches[sensor]:
            if watch.kind is AlarmKind.READING:
                self._judge(sensor, watch, reading.value)

    def _judge(self, sensor: str, watch: TrendWatch, value: float) -> None:
        now_us = time.monotonic_ns() // 1000
        if (verdict := watch.step(now_us, value)) is not None:
            self._keeper.take(sensor, verdict, now_us)

    def _value(self, sensor: str, kind: AlarmKind, values: Values) -> float:
        """What is judged of a look, or of a minute: of the vibration the highest of the channels."""
        if kind is AlarmKind.READING:
            rule = self._settings[sensor].trends.reading
            return values.get(f"{columns.READING}{rule.name if rule else ''}", math.nan)
        found = [value for column, value in values.items() if column.startswith(_COLUMNS[kind])]
        return max(found, default=math.nan)


def watches_of(settings: SensorSettings) -> list[TrendWatch]:
    """What is watched of a sensor, as the site states it."""
    machine, found = machine_of(settings), []
    for kind, rule in settings.trends.rules.items():
        limits = []
        if rule.above is not None:
            limits.append(TrendLimit(rule.above, "above: the limit"))
        if rule.above_zone and machine.group is not None and machine.support is not None:
            end = upper_end_mm_s(Zone(rule.above_zone), machine.group, machine.support)
            limits.append(TrendLimit(end, f"zone: above zone {rule.above_zone} of ISO 20816-3"))
        if rule.baseline is not None and rule.percent_of_baseline is not None:
            said = f"baseline: above {rule.percent_of_baseline:g} % of {rule.baseline:g}"
            limits.append(TrendLimit(rule.baseline * rule.percent_of_baseline / 100, said))
        rise = None if rule.rise is None else Rise(rule.rise, rule.within_s)
        policy = AlarmPolicy(_VOTES, rule.on_delay_s, rule.off_delay_s, rule.deadband, _RE_ALARM_S)
        unit = f" of {rule.name}" if rule.name else _UNITS[kind]
        found.append(
            TrendWatch(kind, limits, rise, policy, lambda: uuid.uuid4().hex, unit=unit, every_s=EVERY_S)
        )
    return found
