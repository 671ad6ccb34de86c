"""How many bytes a second a port is read: a token bucket. What it does not allow stays in the port.

A TCP connection and a tty then make the sensor wait, or lose what they have no room for; the processor's time
is left to the other sensors. Pure; time is an argument.
"""

from typing import Final

from edge_runtime.sensors.protocols import PROTOCOLS
from edge_runtime.sensors.settings import SensorSettings

MULTIPLE: Final = 4
"""Of what the stated rate and channels need. A judgement: after a stall a sensor catches up four times as
fast as it samples, and very short frames, three quarters of them header, still pass."""
LEAST_BYTES_S: Final = 128 * 1024
"""Allowed to every sensor: a line at 921600 baud brings 92 kB/s, and noise on it is to be named, not held
back."""
BURST_S: Final = 4.0
"""Seconds of the allowed rate that may come at one time: sixteen seconds of what the sensor needs, replayed
after a stall. A judgement."""


class Allowance:
    """A token bucket that starts full. Times are monotonic seconds."""

    def __init__(self, bytes_s: float = float("inf")) -> None:
        """Allow `bytes_s` bytes a second, and a burst of BURST_S; without a number everything."""
        self.bytes_s = bytes_s
        self._room = bytes_s * BURST_S
        self._at_s = float("-inf")

    @staticmethod
    def of(settings: SensorSettings) -> "Allowance":
        """What a sensor with these settings may send."""
        needed = settings.rate_hz * len(settings.channels) * PROTOCOLS[settings.protocol].value_bytes
        return Allowance(max(MULTIPLE * needed, LEAST_BYTES_S))

    def spend(self, size: int, now_s: float) -> None:
        """Count bytes that were read."""
        self._fill(now_s)
        self._room -= size

    def wait_s(self, now_s: float) -> float:
        """Seconds until more may be read; 0 when it may be now."""
        self._fill(now_s)
        return max(-self._room / self.bytes_s, 0.0) if self._room < 0 else 0.0

    def _fill(self, now_s: float) -> None:
        self._room = min(self._room + (now_s - self._at_s) * self.bytes_s, self.bytes_s * BURST_S)
        self._at_s = now_s
