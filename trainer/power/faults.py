"""Standard faults, put into recordings of the healthy machine: what a machine in trouble adds to its hum.

Each is made for a whole stretch of vibration, so that windows that overlap share it, and is scaled by its
size afterwards. Sizes are relative to the healthy vibration, so that one scale serves every unit and range.

Sources: imbalance, misalignment and gears as in ISO 13373-3 (lines at once and twice the speed, modulation by
the speed); impacts as McFadden and Smith, "Model for the vibration produced by a single point defect in a
rolling element bearing", J. Sound and Vibration 96 (1984), their intervals with the slip of Randall and
Antoni, "Rolling element bearing diagnostics: a tutorial", Mech. Syst. Signal Process. 25 (2011); band noise
for lubrication and cavitation as in ISO 13373-1.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAFT_HZ: Final = 25.0
"""Speed of a shaft that nobody stated: a four-pole motor on 50 Hz mains turns 25 times a second."""
_LINES: Final = 16.0
"""Shafts turn at most at this part of the band, so that their harmonics are within it."""
_IMPACTS_HZ: Final = (5.0, 32.0, 200.0)
"""Impacts a second: a slow roller, the usual bearing, a fast one; the middle is their geometric mean."""
_RINGS: Final = (0.25, 0.5)
"""Where in the band impacts ring: housings and sensors resonate in the upper part of it."""
_DAMPING: Final = 0.05
"""Share of critical damping of a housing: measured ones lie at 1 to 10 %."""
_DECAYS: Final = 6.0
"""Time constants after which a blow has rung off, to 0.25 % of its peak."""
_SLIP: Final = 0.01
"""Random part of an interval between impacts: rolling elements slip by 1 to 2 %."""
_NOISE_BAND: Final = (0.45, 0.9)
"""Share of the band: the octave below its upper end, where friction and cavitation are heard first."""
_CHANNEL_LEFT: Final = 0.01
"""Share of its vibration that a channel with a loose cable keeps; none at all is the sensor's own alarm."""
_PAIRS: Final = 6
"""Channels, or pairs of them, that are tried: all of a sensor with three axes."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Healthy vibration that faults are put into."""

    samples: Floats
    """[samples, channels], physical units."""
    level: Floats
    """RMS of each channel, mean removed: [channels]."""
    rate_hz: float
    band_hz: float
    """Upper end of the band: the low pass, else half the rate."""
    shaft_hz: float
    """Turns a second."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One standard fault; its size multiplies what `add` gives for a stretch and a seeded generator."""

    name: str
    what: str
    """In words, with its frequencies."""
    unit: str
    """What a size of 1 is."""
    kind: str
    """The family that a sentence names it by: level, tone, impacts, modulation, noise."""
    add: Callable[[Stretch, np.random.Generator], Floats]
    """The fault of size 1 in a stretch: [samples, channels], to be added."""
    at_hz: float | None = None
    offset: float = 0.0
    """Added to a size when it is shown: a level is as many times the healthy one."""
    most: float = 100.0
    """Largest size that means anything."""


@dataclass(frozen=True, slots=True)
class Break:
    """A fault that has no size: it is there or not."""

    name: str
    what: str
    change: Callable[[Stretch], Floats]
    """The stretch with the fault: [samples, channels]."""


def shaft_hz(speed_hz: float | None, band_hz: float) -> float:
    """Turns a second that faults are made for: those stated, else a usual motor's, within the band."""
    return speed_hz or min(SHAFT_HZ, band_hz / _LINES)


def standard_faults(band_hz: float, turns_hz: float) -> Iterator[Fault]:
    """Yield the standard faults with a size, for a band and a shaft's speed, both in Hz."""
    yield Fault("level", "all vibration louder", "times the healthy level", "level", _louder, offset=1.0)
    for order in (1, 2):
        hz = order * turns_hz
        if hz < band_hz:
            what = f"a tone at {order}x, {hz:.4g} Hz"
            yield Fault(f"tone {order}x", what, "times the RMS", "tone", _tone(hz), at_hz=hz)
    rates = [rate for rate in _IMPACTS_HZ if rate <= band_hz / _LINES] or [band_hz / (2 * _LINES)]
    for share in _RINGS:
        for rate_hz in rates:
            ring_hz = share * band_hz
            what = f"impacts at {rate_hz:.4g} Hz that ring at {ring_hz:.4g} Hz"
            name = f"impacts {rate_hz:.4g} Hz at {share:g} of the band"
            add = _impacts(rate_hz, ring_hz)
            yield Fault(name, what, "times the RMS, peak", "impacts", add, at_hz=ring_hz)
    what = f"vibration that swells and fades {turns_hz:.4g} times a second"
    yield Fault("modulation", what, "depth", "modulation", _modulation, at_hz=turns_hz, most=1.0)
    low, high = (share * band_hz for share in _NOISE_BAND)
    yield Fault(
        "noise", f"noise from {low:.4g} to {high:.4g} Hz", "times the RMS", "noise", _noise(low, high)
    )


def breaks(channels: Sequence[str]) -> Iterator[Break]:
    """Yield what may happen to channels: one lost, two exchanged."""
    for place, name in list(enumerate(channels))[:_PAIRS]:
        yield Break(f"missing {name}", f"channel {name} falls to a hundredth", _lost(place))
    for one, other in list(combinations(range(len(channels)), 2))[:_PAIRS]:
        named = f"{channels[one]} {channels[other]}"
        yield Break(f"swapped {named}", f"channels {named} exchanged", _exchanged(one, other))


def clipped(share: float, stretch: Stretch) -> Floats:
    """Cut off the largest `share` of each channel's samples, as a short range does: [samples, channels]."""
    middle = stretch.samples.mean(axis=0)
    limit = np.quantile(np.abs(stretch.samples - middle), 1 - share, axis=0)
    return np.clip(stretch.samples, middle - limit, middle + limit)


def _louder(stretch: Stretch, _rng: np.random.Generator) -> Floats:
    return np.asarray(stretch.samples - stretch.samples.mean(axis=0))


def _tone(hz: float) -> Callable[[Stretch, np.random.Generator], Floats]:
    """A sine whose RMS is that of the healthy vibration, at a random phase of each channel."""

    def add(stretch: Stretch, rng: np.random.Generator) -> Floats:
        turns = 2 * np.pi * hz * np.arange(len(stretch.samples))[:, np.newaxis] / stretch.rate_hz
        phases = rng.uniform(0, 2 * np.pi, len(stretch.level))
        return np.asarray(np.sqrt(2) * stretch.level * np.sin(turns + phases))

    return add


def _impacts(rate_hz: float, ring_hz: float) -> Callable[[Stretch, np.random.Generator], Floats]:
    """Blows of a peak as large as the healthy RMS, each ringing off at `ring_hz`; all channels feel each."""

    def add(stretch: Stretch, rng: np.random.Generator) -> Floats:
        decay_hz = 2 * np.pi * ring_hz * _DAMPING
        time_s = np.arange(max(2, int(_DECAYS / decay_hz * stretch.rate_hz))) / stretch.rate_hz
        ring = np.exp(-decay_hz * time_s) * np.cos(2 * np.pi * ring_hz * time_s)  # its peak is its first
        step = stretch.rate_hz / rate_hz
        steps = step * (1 + _SLIP * rng.standard_normal(int(len(stretch.samples) / step) + 2))
        starts = (np.cumsum(steps) - rng.uniform(0, 1) * step).round().astype(int)
        count = len(stretch.samples)
        train = np.zeros(count + len(ring))
        for start in starts[(starts >= 0) & (starts < count)].tolist():
            train[start : start + len(ring)] += ring
        return np.asarray(train[:count, np.newaxis] * stretch.level)

    return add


def _modulation(stretch: Stretch, rng: np.random.Generator) -> Floats:
    turns = 2 * np.pi * stretch.shaft_hz * np.arange(len(stretch.samples)) / stretch.rate_hz
    swell = np.cos(turns + rng.uniform(0, 2 * np.pi))[:, np.newaxis]
    return np.asarray(swell * (stretch.samples - stretch.samples.mean(axis=0)))


def _noise(low_hz: float, high_hz: float) -> Callable[[Stretch, np.random.Generator], Floats]:
    def add(stretch: Stretch, rng: np.random.Generator) -> Floats:
        spectrum = np.fft.rfft(rng.standard_normal(stretch.samples.shape), axis=0)
        hz = np.fft.rfftfreq(len(stretch.samples), 1 / stretch.rate_hz)
        spectrum[(hz < low_hz) | (hz > high_hz)] = 0
        made = np.fft.irfft(spectrum, len(stretch.samples), axis=0)
        power = np.sqrt(np.square(made).mean(axis=0))
        return np.asarray(made / np.where(power > 0, power, 1.0) * stretch.level)

    return add


def _lost(place: int) -> Callable[[Stretch], Floats]:
    def change(stretch: Stretch) -> Floats:
        made = stretch.samples.copy()
        middle = made[:, place].mean()
        made[:, place] = middle + _CHANNEL_LEFT * (made[:, place] - middle)
        return made

    return change


def _exchanged(one: int, other: int) -> Callable[[Stretch], Floats]:
    def change(stretch: Stretch) -> Floats:
        made = stretch.samples.copy()
        made[:, [one, other]] = made[:, [other, one]]
        return made

    return change
