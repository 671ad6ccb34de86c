"""How long an open port may say nothing before it is closed and opened again. Pure; time is an argument.

A TCP connection whose other end forgot it, and a USB device that is there and hangs, look the same from here:
open, and nothing comes. Opening again mends both, and a sensor that is only slow must never notice.
"""

from typing import Final

from edge_runtime.sensors.settings import SensorSettings

MULTIPLE: Final = 3
"""Of `silence_s`, after one of which the sensor counts as lost. A judgement: what the site calls healthy
never comes near it, and the alarm has begun before anything is tried."""
LEAST_S: Final = 5.0
"""Opening resets many a board, and its first frame comes only after it has started: four seconds with our own
firmware, which measures its rate first."""
LONGEST_S: Final = 60.0
"""The wait doubles up to this. A judgement: a board that needs longer to start than the wait before gets its
time, and one that was put right is read within a minute."""


class Patience:
    """The wait for one port's next byte. Times are monotonic seconds."""

    def __init__(self, first_s: float = float("inf"), longest_s: float = LONGEST_S) -> None:
        """Wait `first_s`, then twice as long each time, up to `longest_s`; without numbers wait for ever."""
        self._first_s, self._longest_s = first_s, max(first_s, longest_s)
        self._wait_s, self._since_s = first_s, float("inf")

    @staticmethod
    def of(settings: SensorSettings) -> "Patience":
        """What a sensor with these settings is granted."""
        return Patience(max(MULTIPLE * settings.silence_s, LEAST_S))

    def excuse(self, now_s: float) -> None:
        """Begin to wait now: the port was opened, or was not read."""
        self._since_s = now_s

    def hear(self, now_s: float) -> None:
        """Bytes came: the next wait is the first one again."""
        self._since_s, self._wait_s = now_s, self._first_s

    def is_over(self, now_s: float) -> bool:
        """Whether the port has said nothing for too long; the next wait is then twice this one."""
        if now_s - self._since_s <= self._wait_s:
            return False
        self._wait_s, self._since_s = min(2 * self._wait_s, self._longest_s), now_s
        return True
