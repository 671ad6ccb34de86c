"""Widening what little was recorded: the same machine a little faster, louder, noisier, mounted otherwise.

For data of one operating condition. What is widened is not seen any more: a detector taught that level does
not matter misses faults that only raise the level. So every range is stated, and written into the manifest.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from edge_runtime.core import Samples
from trainer.core import ChoiceError
from trainer.formats import ParsedSamples
from trainer.recordings import resample
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile

STEPS: Final = 5
"""Steps in each range that is wider than a point."""
_SPEEDS: Final = (0.5, 2.0)
_GAINS: Final = (0.1, 10.0)
_DENOMINATOR: Final = 200
_NOISE_DB: Final = 60.0

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far each property is widened, lowest and highest."""

    speed: Range = (0.96, 1.04)
    """Factors on the machine's speed, by resampling."""
    gain: Range = (0.7, 1.4)
    """Factors on the level."""
    noise: Range = (0.0, 0.0)
    """White noise added, rms as a share of the recording's."""
    tilt_db: Range = (0.0, 0.0)
    """A mounting's slope over frequency, from 0 Hz to half the rate, dB."""

    def __str__(self) -> str:
        """Read as a command line would say it."""
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
        ranges[name] = _range(name, limits)
    return Augmentation(**ranges)


def choose_augmentation(text: str, conditions: int) -> Augmentation | None:
    """Decide what to widen: `auto` only data of one condition, `off` nothing, else the ranges given."""
    if text == "auto":
        return Augmentation() if conditions == 1 else None
    return None if text == "off" else parse_augmentation(text)


def variants(recording: Recording, ranges: Augmentation, seed: int = 0) -> Iterator[Recording]:
    """Give the recording at every combination of the ranges' steps, itself included where they include it.

    Variants of other speeds lose the few samples at their ends that a filter cannot fill.
    """
    for speed in _linear(ranges.speed):
        samples = _at_speed(recording, speed)
        for gain, noise, tilt in product(
            _geometric(ranges.gain), _linear(ranges.noise), _linear(ranges.tilt_db)
        ):
            name = _name(recording.name, speed, gain, noise, tilt)
            changed = _changed(samples, gain, noise, tilt, _generator(name, seed))
            yield replace(recording, name=name, stored=changed)


def variant_count(ranges: Augmentation) -> int:
    """How many variants there are of each recording."""
    steps = (ranges.speed, ranges.gain, ranges.noise, ranges.tilt_db)
    return math.prod(STEPS if low != high else 1 for low, high in steps)


def variant_lengths(recording: Recording, ranges: Augmentation | None) -> list[int]:
    """Say how many samples each variant has, at the most; those of a filter's ends are not taken off."""
    if ranges is None:
        return [len(recording.stored)]
    speeds = _linear(ranges.speed)
    return [int(len(recording.stored) / speed) for speed in speeds] * (variant_count(ranges) // len(speeds))


def widen(recordings: Sequence[Recording], ranges: Augmentation | None, seed: int) -> Iterator[Recording]:
    """Give all variants of all recordings, or the recordings where nothing is widened."""
    for recording in recordings:
        yield from (recording,) if ranges is None else variants(recording, ranges, seed)


def _range(name: str, limits: str) -> Range:
    try:
        low, high = (float(limit) for limit in limits.split(".."))
    except ValueError:
        low, high = math.nan, math.nan
    least, most = {"speed": _SPEEDS, "gain": _GAINS, "noise": (0.0, 10.0)}.get(name, (-40.0, 40.0))
    if not least <= low <= high <= most:
        raise ChoiceError(
            f"{name} cannot be widened to {limits!r}", remedy=f"Give LOW..HIGH between {least:g} and {most:g}"
        )
    return low, high


def _linear(limits: Range) -> list[float]:
    low, high = limits
    return [low] if low == high else np.linspace(low, high, STEPS).tolist()


def _geometric(limits: Range) -> list[float]:
    low, high = limits
    return [low] if low == high else np.geomspace(low, high, STEPS).tolist()


def _at_speed(recording: Recording, speed: float) -> ParsedSamples:
    values = recording.samples.astype(np.float64)
    if math.isclose(speed, 1.0):
        return values
    share = 1 / Fraction(speed).limit_denominator(_DENOMINATOR)
    made = resample.stretch(values, share)
    if share < 1 and recording.lowpass_hz is not None:
        made = resample.limit(made, recording.rate_hz, recording.lowpass_hz)  # the band's edge moved up
    return made


def _changed(
    values: ParsedSamples, gain: float, noise: float, tilt: float, rng: np.random.Generator
) -> Samples:
    if tilt:
        values = _tilted(values, tilt)
    if noise:
        values = values + noise * values.std(axis=0) * rng.standard_normal(values.shape)
    return np.ascontiguousarray(gain * values, dtype=np.float32)


def _tilted(values: ParsedSamples, tilt_db: float) -> ParsedSamples:
    spectrum = fft.rfft(values, axis=0)
    slope = np.linspace(-tilt_db / 2, tilt_db / 2, len(spectrum))
    slope[0] = 0.0  # the sensor's offset is no vibration
    return np.asarray(fft.irfft(spectrum * 10 ** (slope[:, np.newaxis] / 20), len(values), axis=0))


def _name(name: str, speed: float, gain: float, noise: float, tilt: float) -> str:
    changes = (("speed", speed, 1.0), ("gain", gain, 1.0), ("noise", noise, 0.0), ("tilt", tilt, 0.0))
    return " ".join([name, *(f"{what}={value:.3g}" for what, value, plain in changes if value != plain)])


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def with_noise(recordings: Sequence[Recording], level_db: float, seed: int = 0) -> tuple[Recording, ...]:
    """Add white noise to every recording, its power `level_db` over the mean power of the normal ones.

    Raises ChoiceError for a level that makes no sense.
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
    noisy = (spill_file.put(_with_noise(item.samples, rms, rng)) for item in recordings)
    return tuple(replace(item, stored=stored) for item, stored in zip(recordings, noisy, strict=True))


def _with_noise(samples: Samples, rms: NDArray[np.floating], rng: np.random.Generator) -> Samples:
    return np.asarray(samples + rms * rng.standard_normal(samples.shape), dtype=np.float32)
