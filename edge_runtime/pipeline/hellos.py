"""What the sensors of one line said of themselves. What counts is what the one said whose frames come.

One hello changes nothing for ever: the next one of that sensor replaces it, and one of another sensor counts
only when frames of that sensor come.
"""

from typing import Final

from edge_runtime.core import Fault, FaultKind, FaultReason, Hello, SensorFault, printable

KEPT: Final = 8
"""Sensors on a line whose hello is kept. A judgement: a line has one, and one that took its place."""


class Hellos:
    """The latest hello of each sensor on a line."""

    def __init__(self, unit: str, channels: int, largest: float) -> None:
        """Compare with the model's unit and channels; `largest` is the range that the site states."""
        self._expected, self._site_range = (unit, channels), largest
        self._latest: dict[int, Hello] = {}
        self._sensor_id: int | None = None
        self.range = largest
        """Largest magnitude that the sensor can report, by the site and by its hello."""
        self.disagreement: SensorFault | None = None
        """Between the hello and the model, until a hello agrees."""

    def take(self, hello: Hello, sensor_id: int | None) -> Fault | None:
        """Note a hello; return how it disagrees. `sensor_id` is that of the newest frame, None before the
        first."""
        self._latest.pop(hello.sensor_id, None)
        self._latest[hello.sensor_id] = hello
        if len(self._latest) > KEPT:
            del self._latest[next(iter(self._latest))]
        return self._apply(hello.sensor_id) if sensor_id in (None, hello.sensor_id) else None

    def follow(self, sensor_id: int) -> Fault | None:
        """Go by the hello of the sensor whose frames come now; return how it disagrees, if that is new."""
        return None if sensor_id == self._sensor_id else self._apply(sensor_id)

    def _apply(self, sensor_id: int) -> Fault | None:
        self._sensor_id, hello = sensor_id, self._latest.get(sensor_id)
        self.range, self.disagreement = self._site_range, None
        if hello is None:
            return None
        said = hello.unit, len(hello.channels)
        if said == self._expected:
            self.range = min(self._site_range, hello.range)
            return None
        detail = f"sensor has (unit, channels) {printable(said)}, model {self._expected}"
        self.disagreement = SensorFault(FaultReason.MISMATCH, detail)
        return Fault(FaultKind.MISMATCH, str(self.disagreement))
