"""Mean and spread of a recording, taken part by part: memory holds a part of hours of vibration."""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from trainer.formats import ParsedSamples
from trainer.recordings.folds import parts
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import StoredSamples


@dataclass(frozen=True, slots=True)
class Moments:
    """Of all samples of a recording, in float64."""

    mean: ParsedSamples
    """Of each channel."""
    covariance: ParsedSamples
    """[channels, channels], over the number of samples."""
    variance: ParsedSamples
    """Of each channel."""

    @property
    def deviation(self) -> float:
        """Standard deviation of all values of all channels together."""
        return float(np.sqrt(self.variance.mean() + self.mean.var()))


_KNOWN: Final[WeakKeyDictionary[StoredSamples, Moments]] = WeakKeyDictionary()
"""Of recordings on disk, which do not change: each fold of a calibration asks for those of all."""


def moments(item: Recording) -> Moments:
    """Mean and spread of a recording's samples, gone through once where they lie on disk."""
    if not isinstance(item.stored, StoredSamples):
        return moments_of(item)
    if (known := _KNOWN.get(item.stored)) is None:
        known = _KNOWN[item.stored] = moments_of(item)
    return known


def moments_of(item: Recording) -> Moments:
    """Go through a recording twice: what is left of large means would be lost in sums of squares."""
    count, width = len(item.stored), len(item.channels)
    total, squares, products = np.zeros(width), np.zeros(width), np.zeros((width, width))
    for part in parts(item):
        total += part.samples.astype(np.float64).sum(axis=0)
    mean = total / count
    for part in parts(item):
        centred = part.samples - mean
        squares += np.square(centred).sum(axis=0)
        products += centred.T @ centred
    return Moments(mean, products / count, squares / count)
