"""One sensor's lines in the log: so many a minute of each kind, the rest counted. Foreign text in them is
made printable."""

import logging
from typing import Final

from edge_runtime.core import printable

MOST_LINES: Final = 10
"""A minute, of each kind. A judgement: what a person reads of one sensor; health messages have figures."""
PERIOD_S: Final = 60.0
"""The minute."""
LONGEST: Final = 500
"""Characters of a line: a reason with the detail of a fault, whole."""
_log: Final = logging.getLogger("edge_runtime")


class LogShare:
    """Times are monotonic seconds."""

    def __init__(self, sensor: str) -> None:
        """Write lines that begin with the sensor's name."""
        self._sensor = sensor
        self._kinds: dict[str, tuple[float, int]] = {}
        """When each kind's minute began, and its lines since then, written or not."""

    def warn(self, kind: str, text: str, now_s: float) -> None:
        """Write a line unless there were too many of its kind in this minute."""
        self.close_minutes(now_s)
        begun_s, lines = self._kinds.get(kind, (now_s, 0))
        self._kinds[kind] = begun_s, lines + 1
        if lines < MOST_LINES:
            self._write(text)

    def close_minutes(self, now_s: float) -> None:
        """Say how many lines were left out in minutes that are over; to be called about once a second."""
        for kind in [kind for kind, (begun_s, _) in self._kinds.items() if now_s - begun_s >= PERIOD_S]:
            _, lines = self._kinds.pop(kind)
            if lines > MOST_LINES:
                self._kinds[kind] = now_s, 1
                self._write(f"and {lines - MOST_LINES} more like it ({kind})")

    def _write(self, text: str) -> None:
        _log.warning("%s: %s", self._sensor, printable(text, LONGEST))
