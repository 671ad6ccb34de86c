"""A machine's day, made of recordings: it stands, runs up, runs in one state or another, runs down, stands.

What runs is random cuts of what was recorded, faded into each other, at a gain and a speed a little different
each time. Nobody recorded the run-ups and run-downs: they are cuts whose speed and level are swept, the
speed in a straight line and the level with its square, as the force of an unbalance goes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from edge_runtime.core import NOT_RUNNING, Samples

GAIN: Final = (0.98, 1.02)
SPEED: Final = (0.998, 1.002)
"""How a running machine differs from one cut to the next."""
CUT_S: Final = (5.0, 20.0)
STAND_S: Final = (15.0, 60.0)
RUN_S: Final = (30.0, 120.0)
UP_S: Final = (1.0, 3.0)
DOWN_S: Final = (2.0, 8.0)
CHANGE_S: Final = (0.3, 1.0)
_FADE: Final = 4
"""Samples over which one cut becomes the next: no click, and no window of the fan's 128 that is quieter for
it."""
_SLOWEST: Final = 0.15
"""Share of its speed at which a run-up begins: slower, the level is below the sensor's noise."""
DENSER: Final = 8
"""Samples are interpolated from so many times as many: at the CWRU recordings' 5 kHz a hundredth is lost."""
TURN_S: Final = 1.0
"""Gain and speed are drawn once in so many seconds, and wander between."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day."""

    state: str
    """The state it runs in; empty while it is between two."""
    samples: Samples
    begins_run: bool = False
    """Whether the machine stood still before, and begins to run up with this part."""


class Day:
    """Parts without end, drawn from recordings by condition."""

    def __init__(self, recorded: Mapping[str, Samples], rate_hz: float, piece: int, seed: int) -> None:
        """`recorded` has `not_running`, too; `piece` is the length of what was recorded without a gap."""
        self._recorded, self._rate_hz, self._piece = recorded, rate_hz, piece
        self._denser: dict[int, Samples] = {}
        self._random = np.random.default_rng(seed)

    def healthy(self, length_s: float) -> Iterator[Part]:
        """A day of so many seconds, about."""
        passed_s = 0.0
        states = [state for state in self._recorded if state != NOT_RUNNING]
        while passed_s < length_s:
            state = str(self._random.choice(states))
            parts = [self.stand(), self.run_up(state), self.run(state)]
            if self._random.random() < 0.5:
                state, before = str(self._random.choice(states)), state
                parts += [self.change(before, state), self.run(state)]
            parts.append(self.run_down(state))
            yield from parts
            passed_s += sum(len(part.samples) for part in parts) / self._rate_hz

    def stand(self) -> Part:
        """The machine stands still."""
        return Part(NOT_RUNNING, self._cuts(self._recorded[NOT_RUNNING], self._seconds(STAND_S)))

    def run(self, state: str, length_s: float | None = None) -> Part:
        """It runs in one state."""
        return Part(state, self._cuts(self._recorded[state], length_s or self._seconds(RUN_S)))

    def fault(self, recorded: Samples, length_s: float) -> Part:
        """It runs with a fault, in a state or none."""
        return Part("", self._cuts(recorded, length_s))

    def run_up(self, state: str, recorded: Samples | None = None) -> Part:
        """It comes up to speed."""
        swept = self._swept(self._recorded[state] if recorded is None else recorded, self._seconds(UP_S))
        return Part("", swept, begins_run=True)

    def run_down(self, state: str) -> Part:
        """It comes to rest."""
        return Part("", self._swept(self._recorded[state], self._seconds(DOWN_S))[::-1].copy())

    def change(self, before: str, after: str) -> Part:
        """It goes from one state to another: both, the one less and less, the other more and more."""
        length_s = self._seconds(CHANGE_S)
        recorded = [self._recorded[state] for state in (before, after)]
        first, second = (self._cuts(part, length_s) - part.mean(axis=0) for part in recorded)
        share = np.linspace(0, np.pi / 2, len(first), dtype=np.float32)[:, np.newaxis]
        mean = np.linspace(recorded[0].mean(axis=0), recorded[1].mean(axis=0), len(first))  # gravity stays
        return Part("", (np.cos(share) * first + np.sin(share) * second + mean).astype(np.float32))

    def lived(self, recorded: Samples) -> Samples:
        """All of a recording, once and in order, as a machine is that runs for days."""
        return self._moved(recorded, 0, round(len(recorded) / SPEED[1]) - 1)

    def _seconds(self, span: tuple[float, float]) -> float:
        return float(self._random.uniform(*span))

    def _cuts(self, recorded: Samples, length_s: float) -> Samples:
        wanted, made = round(length_s * self._rate_hz), 0
        parts: list[Samples] = []
        ramp = np.sqrt(np.linspace(0, 1, _FADE, dtype=np.float32))[:, np.newaxis]
        centre = recorded.mean(axis=0)
        while made < wanted:
            cut = self._cut(recorded)
            if parts:
                cut[:_FADE] = (
                    ramp * (cut[:_FADE] - centre) + ramp[::-1] * (parts[-1][-_FADE:] - centre) + centre
                )
                parts[-1] = parts[-1][:-_FADE]
                made -= _FADE
            parts.append(cut)
            made += len(cut)
        return np.concatenate(parts)[:wanted]

    def _cut(self, recorded: Samples) -> Samples:
        most = round(len(recorded) / SPEED[1]) - 1
        length = min(most, round(self._seconds(CUT_S) * self._rate_hz))
        if self._piece < length:  # joined where what was recorded is: a day has as many joins as that
            length = length // self._piece * self._piece
            start = self._piece * int(self._random.integers(0, (most - length) // self._piece + 1))
            return self._moved(recorded, start, length)
        start = int(self._random.integers(0, most - length + 1))
        return self._moved(recorded, start, length)

    def _moved(self, recorded: Samples, start: int, length: int) -> Samples:
        """A stretch whose gain and speed wander."""
        speed, gain = self._wander(SPEED, length), self._wander(GAIN, length)
        centre = recorded.mean(axis=0)
        return np.asarray(centre + gain[:, np.newaxis] * self._at(recorded, start, speed), np.float32)

    def _wander(self, limits: tuple[float, float], length: int) -> NDArray[np.float64]:
        """A curve within limits, that turns about once a second."""
        knots = max(2, round(length / self._rate_hz / TURN_S) + 1)
        values = self._random.uniform(*limits, knots)
        return np.interp(np.linspace(0, knots - 1, length), np.arange(knots), values)

    def _at(self, recorded: Samples, start: int, speed: NDArray[np.float64]) -> NDArray[np.float64]:
        """What was recorded from `start` on, less its mean, at a speed for each sample."""
        dense = self._denser.get(id(recorded))
        if dense is None:
            moved = recorded - recorded.mean(axis=0)
            parts = [moved[at : at + self._piece] for at in range(0, len(moved), self._piece)]
            dense = np.concatenate([_resampled(part, DENSER * len(part)) for part in parts])
            self._denser[id(recorded)] = dense
        first = DENSER * start
        at = np.minimum(first + np.cumsum(speed) * DENSER, len(dense) - 1)
        last = int(at[-1]) + 2
        columns = dense[first:last].T.astype(np.float64)
        return np.stack([np.interp(at - first, np.arange(len(one)), one) for one in columns], axis=1)

    def _swept(self, recorded: Samples, length_s: float) -> Samples:
        """Recorded vibration from nearly still up to speed."""
        count = min(round(length_s * self._rate_hz), len(recorded) - 1)
        speed = np.linspace(_SLOWEST, 1, count)
        start = int(self._random.integers(0, len(recorded) - count))
        still = self._cuts(self._recorded[NOT_RUNNING], length_s)[:count]
        moved = np.square(speed)[:, np.newaxis] * self._at(recorded, start, speed)
        return np.asarray(recorded.mean(axis=0) + moved + still - still.mean(axis=0), np.float32)


def _resampled(piece: Samples, count: int) -> Samples:
    """As many samples of the same stretch, by its Fourier series; mirrored, since that takes the end for the
    neighbour of the beginning."""
    whole = np.concatenate([piece, piece[::-1]]).astype(np.float64)
    return np.asarray(scipy.signal.resample(whole, 2 * count)[:count], np.float32)
