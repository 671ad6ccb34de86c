"""What tests of the history put into a file, how they read it, and their clock."""

from pathlib import Path
from typing import Any

from edge_runtime.configuration import HistorySettings
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.reading import Row
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.sensors import RecordingSettings
from tests.faults.history_driver import BEGIN
from tests.faults.history_driver import values_of as minute_values

NO_FLOOR = RecordingSettings(free_bytes=0)
DAY = 24 * 60
PUMP = "pump"


def put(file: HistoryFile, begin: int, count: int, sensors: tuple[str, ...] = (PUMP,)) -> None:
    """Minutes as a driver makes them."""
    minutes = {minute: minute_values("s0", minute) for minute in range(begin, begin + count)}
    file.put(dict.fromkeys(sensors, minutes), [])


def rows(file: HistoryFile, every: Any = "minute", sensor: str = PUMP) -> list[Row]:
    return list(file.reader.rows(sensor, every, 0, 2 * BEGIN))


def keeping(path: Path, **limits: Any) -> Keeping:
    return Keeping(path, HistorySettings(**({"free_bytes": 0} | limits)), NO_FLOOR)


class Wall:
    """Both clocks, in seconds."""

    def __init__(self) -> None:
        self.wall_s, self.now_s = BEGIN * 60.0, 1000.0

    def __call__(self) -> tuple[float, float]:
        return self.wall_s, self.now_s

    @property
    def apart_s(self) -> float:
        return self.wall_s - self.now_s
