"""A history that goes by a clock of its own, much faster than time: `drive`, for kills and power cuts.

`python -m tests.faults.history_driver FILE MINUTES`: the thread and the file of the service, sixteen sensors.
Each minute is said on standard output once its end is reached, as is every mark. The clock stands while a
write goes on: as it runs, a write of 20 ms would take minutes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge_runtime.configuration import HistorySettings
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.desk import Closed, HistoryDesk, Noted
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.reading import Mark
from edge_runtime.sensors import RecordingSettings

SENSORS = tuple(f"s{number}" for number in range(16))
CHANNELS = ("x", "y", "z")
BEGIN = 29_700_000
"""Minute since 1970 that a new history begins with: the first of a slot, in 2026."""
SLOT = 10
ALARM_EVERY = 7
"""Minutes."""
LIMITS = HistorySettings(free_bytes=0)


def values_of(sensor: str, minute: int) -> dict[str, float]:
    """What a minute came to: known from its number, and as exact as it is kept."""
    base = float(minute % 1000 + SENSORS.index(sensor)) / 8
    found = {columns.SECONDS: 60.0, columns.WINDOWS: 1875.0, columns.LOOKS: 12.0, columns.USABLE: 1.0}
    found |= {columns.SCORE_MIN: base, columns.SCORE_MEAN: base + 0.5, columns.SCORE_MAX: base + 1}
    found |= {columns.ERRORS: float(minute % 3), columns.STATE + "full load": 60.0}
    for channel in CHANNELS:
        found |= {columns.VELOCITY + channel: base, columns.RMS + channel: base + 2}
        found |= {columns.PEAK + channel: base + 4, columns.CREST + channel: 3.5}
        found |= {columns.KURTOSIS + channel: 3.0, columns.READING + "temperature": base}
    return found


def mark_of(minute: int) -> Mark:
    """What happened in a minute."""
    return Mark(minute * 60_000_000 + 30_000_000, SENSORS[minute % len(SENSORS)], "alarm", f"alarm {minute}")


def drive(path: Path, begin: int, minutes: int, say: Callable[[str], object], most_bytes: int = 0) -> None:
    """Let so many minutes pass from `begin` on; `most_bytes` is the file's cap, if it has another."""
    limits = HistorySettings(free_bytes=0, max_bytes=most_bytes) if most_bytes else LIMITS
    now = [begin * 60.0]
    desk = HistoryDesk(Keeping(path, limits, RecordingSettings()), lambda: None, lambda: (now[0], now[0]))
    desk.sensors = len(SENSORS)
    desk.start()
    for minute in range(begin, begin + minutes):
        if minute % ALARM_EVERY == 0:
            desk.note(Noted(mark_of(minute), 0.0, watched=False))
            say(f"alarm {minute}")
        now[0] = (minute + 1) * 60.0
        desk.close_minutes([Closed(name, minute, 0.0, values_of(name, minute)) for name in SENSORS])
        say(f"at {minute + 1}")
        if (minute + 1) % SLOT == 0:
            before = desk.written
            desk.write()
            while desk.written == before:
                if desk.trouble:
                    raise OSError(desk.trouble)
                time.sleep(0.0005)
    desk.leave()
    desk.join()


def say_aloud(line: str) -> None:
    """Say a line that is out when this returns."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    drive(Path(sys.argv[1]), BEGIN, int(sys.argv[2]), say_aloud)
