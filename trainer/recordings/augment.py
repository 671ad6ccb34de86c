"""Data augmentation: variants of a recording at other speeds, levels, noise and mountings.

For data of one operating condition. A detector no longer sees what was widened: one that learnt that level
does not matter misses faults that only raise the level. So every range is stated, also in the manifest.
"""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any, Final

import numpy as np
import scipy

from edge_runtime.core import Samples
from trainer.core import ChoiceError
from trainer.formats import ParsedSamples
from trainer.recordings import resample
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile

STEPS: Final = 5
"""Steps in each range that is wider than a point. Two widened properties already make 25 variants, and the
time of a fit grows with their number."""
_DENOMINATOR: Final = 200
"""Largest denominator of a change of speed: it is met within 0.25 %; the filter's length grows with it."""
_NOISE_DB: Final = 60.0
"""Largest noise over or under the vibration: at -60 dB sensors do not resolve it, at 60 dB nothing else is
seen."""

Range = tuple[float, float]
_LIMITS: Final[Mapping[str, Range]] = {
    "speed": (0.5, 2.0),
    "gain": (0.1, 10.0),
    "noise": (0.0, 10.0),
    "tilt_db": (-40.0, 40.0),
}
"""What a range may hold: an octave of speed, 20 dB of level and noise, 40 dB of slope. A judgement: variants
outside are no longer the same machine."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far each property is widened, lowest and highest.

    The defaults are a judgement: they cover the slip of an induction motor between no load and full load, and
    3 dB of level, and widen no more than that, as each widened property hides faults.
    """

    speed: Range = (0.96, 1.04)
    """Factors on the machine's speed, by resampling."""
    gain: Range = (0.7, 1.4)
    """Factors on the level."""
    noise: Range = (0.0, 0.0)
    """White noise added, rms as a share of the recording's."""
    tilt_db: Range = (0.0, 0.0)
    """A mounting's slope over frequency, from 0 Hz to half the rate, dB."""

    def __str__(self) -> str:
        """Ranges that are wider than a point, in words."""
        named = (("speed", self.speed), ("gain", self.gain), ("noise", self.noise), ("tilt_db", self.tilt_db))
        return ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in named if low != high)


def parse_augmentation(text: str) -> Augmentation:
    """Read ranges such as `speed=0.9..1.1,gain=0.5..2`; what is not named stays as it was recorded.

    Raises ChoiceError for an unknown property or a range that makes no sense.
    """
    ranges = {"speed": (1.0, 1.0), "gain": (1.0, 1.0), "noise": (0.0, 0.0), "tilt_db": (0.0, 0.0)}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, limits = part.partition("=")
        if name not in ranges:
            raise ChoiceError(f"nothing is called {name!r}", remedy=f"Widen any of {', '.join(ranges)}")
        try:
            low, high = (float(limit) for limit in limits.split(".."))
        except ValueError:
            low, high = math.nan, math.nan
        least, most = _LIMITS[name]
        if not least <= low <= high <= most:
            raise ChoiceError(
                f"{name} cannot be widened to {limits!r}",
                remedy=f"Give LOW..HIGH between {least:g} and {most:g}",
            )
        ranges[name] = low, high
    return Augmentation(**ranges)


def choose_augmentation(text: str, conditions: int) -> Augmentation | None:
    """Decide what to widen: `auto` only data of one condition, `off` nothing, else the ranges given."""
    if text == "auto":
        return Augmentation() if conditions == 1 else None
    return None if text == "off" else parse_augmentation(text)


def variants(recording: Recording, ranges: Augmentation, seed: int = 0) -> Iterator[Recording]:
    """Yield the recording at every combination of the ranges' steps, itself included where they include it.

    Variants of other speeds lose the few samples at their ends that a filter cannot fill.
    """
    gains = _steps(ranges.gain, np.geomspace)
    for speed in _steps(ranges.speed):
        samples = recording.samples.astype(np.float64)
        if not math.isclose(speed, 1.0):
            share = 1 / Fraction(speed).limit_denominator(_DENOMINATOR)
            samples = resample.stretch(samples, share)
            if share < 1 and recording.lowpass_hz is not None:  # the band's edge moved up with the lines
                samples = resample.limit(samples, recording.rate_hz, recording.lowpass_hz)
        for gain, noise, tilt in product(gains, _steps(ranges.noise), _steps(ranges.tilt_db)):
            changes = (("speed", speed, 1.0), ("gain", gain, 1.0), ("noise", noise, 0.0), ("tilt", tilt, 0.0))
            named = (f"{what}={value:.3g}" for what, value, neutral in changes if value != neutral)
            name = " ".join([recording.name, *named])
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            stored = _changed(samples, gain, noise, tilt, rng)
            yield replace(recording, name=name, stored=stored, widened=True)


def variant_count(ranges: Augmentation) -> int:
    """Number of variants of each recording."""
    steps = (ranges.speed, ranges.gain, ranges.noise, ranges.tilt_db)
    return math.prod(STEPS if low != high else 1 for low, high in steps)


def variant_lengths(recording: Recording, ranges: Augmentation | None) -> list[int]:
    """Samples of each variant at most: those that a filter's ends cost are not subtracted."""
    if ranges is None:
        return [len(recording.stored)]
    speeds = _steps(ranges.speed)
    return [int(len(recording.stored) / speed) for speed in speeds] * (variant_count(ranges) // len(speeds))


def widen(recordings: Sequence[Recording], ranges: Augmentation | None, seed: int) -> Iterator[Recording]:
    """Yield all variants of all recordings, or the recordings where nothing is widened."""
    for recording in recordings:
        yield from (recording,) if ranges is None else variants(recording, ranges, seed)


def _steps(limits: Range, spaced: Callable[[float, float, int], Any] = np.linspace) -> list[float]:
    low, high = limits
    return [low] if low == high else list(spaced(low, high, STEPS).tolist())


def _changed(
    values: ParsedSamples, gain: float, noise: float, tilt_db: float, rng: np.random.Generator
) -> Samples:
    if tilt_db:
        spectrum = scipy.fft.rfft(values, axis=0)
        slope_db = np.linspace(-tilt_db / 2, tilt_db / 2, len(spectrum))
        slope_db[0] = 0.0  # the sensor's offset is no vibration
        tilted = scipy.fft.irfft(spectrum * 10 ** (slope_db[:, np.newaxis] / 20), len(values), axis=0)
        values = np.asarray(tilted)
    if noise:
        values = values + noise * values.std(axis=0) * rng.standard_normal(values.shape)
    return np.ascontiguousarray(gain * values, dtype=np.float32)


def with_noise(recordings: Sequence[Recording], level_db: float, seed: int = 0) -> tuple[Recording, ...]:
    """Add white noise to every recording, its power `level_db` dB over the mean power of the normal ones.

    Raises ChoiceError for a level beyond plus or minus 60 dB.
    """
    if not abs(level_db) <= _NOISE_DB:
        raise ChoiceError(
            f"noise of {level_db:g} dB cannot be added", remedy=f"Give at most {_NOISE_DB:g} dB, up or down"
        )
    normals = [item for item in recordings if item.label == NORMAL]
    power = np.mean([item.samples.var(axis=0) for item in normals], axis=0)
    rms = np.sqrt(power * 10 ** (level_db / 10))
    rng = np.random.default_rng(seed)
    spill_file = SpillFile()
    noisy = []
    for item in recordings:
        samples = item.samples + rms * rng.standard_normal(item.samples.shape)
        noisy.append(replace(item, stored=spill_file.put(np.asarray(samples, dtype=np.float32))))
    return tuple(noisy)
