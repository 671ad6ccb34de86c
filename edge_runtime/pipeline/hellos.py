"""What the sensors of one line said of themselves. What counts is what the one said whose frames come.

One hello changes nothing for ever, and against two that agree nothing at all: of the latest three of a boot
the majority is believed. With one hello against another, that of the right sensor is, and else the newer one.
A sensor that says hello every few seconds, as it should, thus mends a wrong one with its next.
"""

from collections import Counter, deque
from typing import Final

from edge_runtime.analysis import Identity, introduction
from edge_runtime.core import Fault, FaultKind, FaultReason, Frame, Hello, SensorFault

KEPT: Final = 8
"""Boots on a line whose hellos are kept. A judgement: a line has one sensor, and one that took its place."""
VOTERS: Final = 3
"""Latest hellos of a boot that are asked: the fewest in which one is outvoted."""
_Boot = tuple[int, int]
"""Sensor id and boot id."""


class Hellos:
    """The latest hellos of each boot of each sensor on a line."""

    def __init__(self, expected: Identity) -> None:
        """Compare with what the right sensor would say."""
        self._expected = expected
        self._said: dict[_Boot, deque[Hello]] = {}
        self._boot: _Boot | None = None
        self.believed: Hello | None = None
        """What the sensor said whose frames come; None before its first hello."""
        self.range = expected.range
        """Largest magnitude that the sensor can report, by the site and by its hello."""
        self._wrong: Hello | None = None
        self._disagreement: SensorFault | None = None
        self.introduction = ""
        """Who the sensor says it is, and who it was before, in words; empty before its first hello."""

    @property
    def disagreement(self) -> SensorFault | None:
        """Between the hello and what the site and the model expect, until a hello agrees."""
        # In words only where somebody asks: they take longer than a hello does on the line.
        if self._wrong is not None and self._disagreement is None:
            self._disagreement = SensorFault(FaultReason.MISMATCH, self._expected.differences(self._wrong))
        return self._disagreement

    def take(self, hello: Hello, newest: Frame | None) -> Fault | None:
        """Note a hello; return how it disagrees. `newest` is the newest frame, None before the first."""
        boot = hello.sensor_id, hello.boot_id
        said = self._said.pop(boot, None) or deque(maxlen=VOTERS)
        said.append(hello)
        self._said[boot] = said  # the newest boot last
        if len(self._said) > KEPT:
            del self._said[next(other for other in self._said if other != self._boot)]
        if newest is not None and hello.sensor_id != newest.sensor_id:
            return None
        fault = self._apply(boot if newest is None else (newest.sensor_id, newest.boot_id))
        if self.believed != hello:
            return Fault(
                FaultKind.MISMATCH, "a hello that says something else than those before, not believed"
            )
        return fault

    def expect(self, expected: Identity) -> None:
        """Compare with other expectations from now on; what was said counts."""
        self._expected, self.range = expected, expected.range
        if self._boot is not None:
            self._apply(self._boot)

    def follow(self, frame: Frame) -> Fault | None:
        """Go by the hellos of the sensor whose frames come now; return how they disagree, if that is new."""
        boot = frame.sensor_id, frame.boot_id
        return None if boot == self._boot else self._apply(boot)

    def _apply(self, boot: _Boot) -> Fault | None:
        self._boot, self.believed = boot, self._believe(boot)
        self.range, self._wrong, self._disagreement = self._expected.range, None, None
        if self.believed is None:
            return None
        self._introduce(self.believed)
        if self._expected.fits(self.believed):
            self.range = min(self._expected.range, self.believed.range)
            return None
        self._wrong = self.believed
        return Fault(FaultKind.MISMATCH, "the hello of another sensor")

    def _believe(self, boot: _Boot) -> Hello | None:
        said = self._said.get(boot)
        if said is None:  # a hello that was lost, or firmware that leaves the boot out of it
            said = next((said for other, said in reversed(self._said.items()) if other[0] == boot[0]), None)
        if said is None:
            return None
        votes = Counter(said)
        right = {hello: self._expected.fits(hello) for hello in votes}
        return max(reversed(said), key=lambda hello: (votes[hello], right[hello]))

    def _introduce(self, hello: Hello) -> None:
        said, before = introduction(hello), self.introduction.partition("; before: ")[0]
        if said != before:
            self.introduction = f"{said}; before: {before}" if before else said
