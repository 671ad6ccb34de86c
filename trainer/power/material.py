"""Healthy windows of one operating condition, and the same with a fault in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import problem
from edge_runtime.core import Samples
from trainer.core import FitError
from trainer.power.faults import Floats, Stretch, shaft_hz
from trainer.recordings import Recording


@dataclass(frozen=True, slots=True)
class Material:
    """Consecutive windows of one condition; of several recordings where one is too short."""

    stretches: tuple[Stretch, ...]
    samples: int
    hop: int
    usable: NDArray[np.bool_]
    """Of all windows: those in which no sensor was at fault."""
    healthy: Samples
    """The usable windows: [windows, samples, channels]."""

    @property
    def level(self) -> float:
        """RMS of the healthy vibration, mean over channels."""
        return float(self.stretches[0].level.mean())

    def windows(self, change: Callable[[Stretch], Floats]) -> Samples:
        """Cut what `change` makes of each stretch, as the healthy windows were: the usable ones, in order."""
        parts = [_cut(change(item), self.samples, self.hop) for item in self.stretches]
        return np.ascontiguousarray(np.concatenate(parts)[self.usable])


def gather(
    recordings: Sequence[Recording], samples: int, hop: int, count: int, *, speed_hz: float | None, seed: int
) -> Material:
    """Take `count` consecutive windows of one condition's recordings, or all there are, from a drawn start.

    Windows of `samples` every `hop`. Raises FitError where no window is usable.
    """
    held = [item for item in recordings if len(item.stored) >= samples]
    there = np.array([(len(item.stored) - samples) // hop + 1 for item in held])
    total = int(there.sum())
    skip = int(np.random.default_rng(seed).integers(0, max(1, total - count + 1)))
    pieces: list[Floats] = []
    for item, windows in zip(held, there.tolist(), strict=True):
        taken = min(windows - skip, count)
        if taken > 0:
            start = skip * hop
            pieces.append(item.samples[start : start + (taken - 1) * hop + samples].astype(np.float64))
            count -= taken
        skip = max(0, skip - windows)
    first = recordings[0]
    band_hz = first.lowpass_hz or first.rate_hz / 2
    power = np.mean([piece.var(axis=0) for piece in pieces], axis=0) if pieces else np.zeros(1)
    turns_hz = shaft_hz(speed_hz, band_hz)
    stretches = tuple(Stretch(piece, np.sqrt(power), first.rate_hz, band_hz, turns_hz) for piece in pieces)
    cut = [_cut(piece, samples, hop) for piece in pieces]
    usable = np.array([problem(window, first.channels) is None for part in cut for window in part], np.bool_)
    if not usable.any() or not power.any():
        raise FitError(
            "no usable window to try faults in",
            where=first.condition,
            remedy="Record the healthy machine again, with a sensor that works",
        )
    return Material(stretches, samples, hop, usable, np.ascontiguousarray(np.concatenate(cut)[usable]))


def _cut(values: Floats, samples: int, hop: int) -> Samples:
    view = np.lib.stride_tricks.sliding_window_view(values.astype(np.float32), samples, axis=0)[::hop]
    return np.asarray(view.transpose(0, 2, 1))
