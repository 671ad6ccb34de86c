"""What of a healthy recording is not learnt from: stretches with the sensor at fault, and strangers.

One sample of a thousand times the vibration, or a second of zeros, would be most of what a detector learns
and sets its threshold by. Stretches are cut out, and what remains is recordings of its own, so that
no window spans a hole. Location and scale are medians here (Hampel, "The influence curve and its role in
robust estimation", 1974); detectors take means of what is left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import STUCK_SHARE, problem
from edge_runtime.core import FaultReason
from trainer.recordings.folds import parts, window_parts
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording

TOWERING: Final = "towering"
"""The name by which strangers are accepted."""
_SHORTEST: Final = 16
"""Samples: shorter windows are rows of a table, in which level and peak mean nothing."""
_FEWEST: Final = 20
"""Windows of a condition that say what is usual; of fewer none is called a stranger."""
_DEVIATIONS: Final = 10.0
_FACTOR: Final = 3.0
"""A stranger is beyond ten robust standard deviations and three times, in level or peak. A judgement:
no window of the healthy recordings of CWRU, the fan or IMS is, and all that blinds a detector are."""
_LEAST_DEVIATION: Final = 0.05
"""Of the logarithm: levels of a steady machine agree within 5 %."""
_TALL: Final = 6.0
"""A held-out score towers beyond this many times the way from median to where a tenth begins: 7.7 standard
deviations of Gaussian logarithms of scores; of exponential ones one in 30,000 does."""
_TENTH: Final = 0.1
"""Share of a condition's windows up to which they are strangers; more are how the machine is."""
_NAMED: Final = 8
"""Stretches that a note names: as many as a person looks at."""
_PER_DEVIATION: Final = 1.4826
"""Median absolute deviations in a standard deviation of Gaussian values."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stretch of a recorded file that is not learnt from."""

    digest: str
    """Of the recording it lies in."""
    file: str
    start: int
    stop: int
    """Samples from the recording's beginning."""
    rate_hz: float
    what: str
    usable: bool
    """Whether the sensor worked: a stranger, which may be accepted."""

    def __str__(self) -> str:
        """Name the file, without the folders that it lay in, seconds and reason."""
        first, last = self.start / self.rate_hz, self.stop / self.rate_hz
        return f"{Path(self.file).name} at {first:.4g} to {last:.4g} s ({self.what})"


def unusable(recordings: Sequence[Recording], samples: int, hop: int, range_: float) -> list[LeftOut]:
    """Find what the edge would call a fault of the sensor, in windows of `samples` every `hop`."""
    return [part for item in recordings for part in _unusable(item, samples, hop, range_)]


def strangers(recordings: Sequence[Recording], samples: int, hop: int) -> list[LeftOut]:
    """Find windows of a healthy recording whose level or peak is far from usual in their condition."""
    found: list[LeftOut] = []
    normal = [item for item in recordings if item.label == NORMAL and len(item.stored) >= samples]
    for name in dict.fromkeys(item.condition for item in normal):
        group = [item for item in normal if item.condition == name]
        features = [_level_and_peak(item, samples, hop) for item in group]
        together = np.concatenate(features)
        middle = np.median(together, axis=0)
        spread = np.maximum(_PER_DEVIATION * np.median(np.abs(together - middle), axis=0), _LEAST_DEVIATION)
        bound = np.maximum(_DEVIATIONS * spread, np.log(_FACTOR))
        odd = [np.abs(part - middle) > bound for part in features]
        if samples < _SHORTEST or not 0 < np.concatenate(odd).any(axis=1).mean() <= _TENTH:
            continue
        for item, part, flags in zip(group, features, odd, strict=True):
            for window in np.flatnonzero(flags.any(axis=1)):
                place = int(np.abs(part[window] - middle).argmax())
                of = "level" if place < len(item.channels) else "peak"
                times = float(np.exp(part[window] - middle)[place])
                what = f"{of} {times:.3g} times the usual one"
                found.append(_window(item, int(window), samples, hop, what))
    return found


def towering(held: Sequence[tuple[Recording, NDArray[np.floating]]], samples: int, hop: int) -> list[LeftOut]:
    """Find held-out windows whose score towers over those of their condition; `held` has scores [windows]."""
    found: list[LeftOut] = []
    names = dict.fromkeys(item.condition for item, _ in held)
    for name in names:
        group = [(item, scores.astype(np.float64)) for item, scores in held if item.condition == name]
        together = np.concatenate([scores for _, scores in group])
        if len(together) < _FEWEST:
            continue
        positive = bool((together > 0).all())
        middle, tenth = np.quantile(np.log(together) if positive else together, (0.5, 1 - _TENTH))
        bound = middle + _TALL * (tenth - middle)
        bound = float(np.exp(min(bound, 700.0)) if positive else bound)  # exp(709) is the largest double
        if not 0 < (together > bound).mean() <= _TENTH or tenth == middle:
            continue
        for item, scores in group:
            for window in np.flatnonzero(scores > bound):
                what = f"score {scores[window]:.4g}, usual is {np.median(together):.4g}"
                found.append(_window(item, int(window), samples, hop, what))
    return found


def cut_out(
    recordings: Sequence[Recording], left_out: Sequence[LeftOut], samples: int
) -> tuple[Recording, ...]:
    """Cut stretches out: recordings of what remains, each of at least one window of `samples`."""
    return tuple(part for item in recordings for part in _remaining(item, left_out, samples))


def left_out_notes(left_out: Sequence[LeftOut], samples: int) -> dict[str, str]:
    """Note for the manifest how much was left out, and name the longest stretches."""
    notes = {}
    for key, usable in (("unusable", False), (TOWERING, True)):
        merged = _merged(part for part in left_out if part.usable is usable)
        if merged:
            seconds = sum((part.stop - part.start) / part.rate_hz for part in merged)
            named = sorted(merged, key=lambda part: part.start - part.stop)[:_NAMED]
            more = f" and {len(merged) - _NAMED} more" if len(merged) > _NAMED else ""
            count = sum(max(1, (part.stop - part.start) // samples) for part in merged)
            notes[key] = (
                f"left out {seconds:.3g} s in {len(merged)} stretch{'es'[: 2 * (len(merged) > 1)]}, about "
                f"{count} window{'s'[: count - 1]}: {'; '.join(map(str, named))}{more}"
            )
    return notes


def _unusable(item: Recording, samples: int, hop: int, range_: float) -> Iterator[LeftOut]:
    if len(item.stored) < samples or samples < _SHORTEST:
        return
    run = int(np.ceil(STUCK_SHARE * samples))
    # Parts share as many samples, so that each run is whole, or long enough, in one of them.
    for part, (channel, name) in product(parts(item, run, 1), enumerate(item.channels)):
        # A run of equal values as long as a stuck channel's, wherever it lies between windows.
        values = part.samples[:, channel]
        same = np.concatenate(([False], values[1:] == values[:-1], [False]))
        edges = np.flatnonzero(np.diff(same.astype(np.int8)))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if last - first + 1 >= run:
                yield _stretch(part, first, last + 1, f"{FaultReason.STUCK}: {name}", usable=False)
    yield from _held_values(item, samples)
    if np.isfinite(range_):
        for number, window in enumerate(chain.from_iterable(window_parts(item, samples, hop))):
            if (fault := problem(window, item.channels, range_)) and fault.reason is FaultReason.SATURATED:
                start = number * hop
                yield _stretch(item, start, start + samples, str(fault), usable=False)


def _held_values(item: Recording, samples: int) -> Iterator[LeftOut]:
    """Runs of one value that filters and resampling have smoothed since."""
    recorded = item.recorded
    if recorded is None or (recorded.rate_hz == item.rate_hz and item.lowpass_hz is None):
        return
    # Filters drop as much at both ends, and spread what they take in by as much again.
    lost_s = max(0.0, recorded.duration_s - item.duration_s) / 2
    for name, channel in zip(item.channels, recorded.channels, strict=True):
        for first_s, last_s in channel.runs:
            if (last_s - first_s) * item.rate_hz >= STUCK_SHARE * samples:
                start = max(0, int((first_s - 2 * lost_s) * item.rate_hz))
                stop = min(len(item.stored), int(np.ceil(last_s * item.rate_hz)))
                yield _stretch(item, start, stop, f"{FaultReason.STUCK}: {name}", usable=False)


def _level_and_peak(item: Recording, samples: int, hop: int) -> NDArray[np.float64]:
    """Logarithms of RMS and peak of each window, mean removed: [windows, 2 x channels]."""
    found = []
    for window in chain.from_iterable(window_parts(item, samples, hop)):
        centred = window - window.mean(axis=0, dtype=np.float64)
        level = np.sqrt(np.square(centred).mean(axis=0))
        found.append(np.concatenate([level, np.abs(centred).max(axis=0)]))
    return np.log(np.maximum(found, 1e-30))  # a level of 0 is a fault of the sensor


def _window(item: Recording, number: int, samples: int, hop: int, what: str) -> LeftOut:
    return _stretch(item, number * hop, number * hop + samples, what, usable=True)


def _stretch(item: Recording, start: int, stop: int, what: str, *, usable: bool) -> LeftOut:
    start, stop = item.offset + start, item.offset + stop
    return LeftOut(item.digest, item.file, start, stop, item.rate_hz, what, usable)


def _remaining(item: Recording, left_out: Sequence[LeftOut], samples: int) -> Iterator[Recording]:
    spans = sorted((part.start, part.stop) for part in left_out if part.digest == item.digest)
    end = item.offset + len(item.stored)
    spans = [(start, stop) for start, stop in spans if stop > item.offset and start < end]
    if not spans:
        yield item
        return
    begin = item.offset
    for start, stop in [*spans, (end, end)]:
        if start - begin >= samples:
            kept = item.stored[begin - item.offset : min(start, end) - item.offset]
            name = f"{item.name} from {begin / item.rate_hz:.4g} s"
            yield replace(item, name=name, stored=kept, offset=begin)
        begin = max(begin, stop)


def _merged(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """Join stretches of one recording that touch or overlap; the first one's reason stands."""
    joined: list[LeftOut] = []
    for part in sorted(left_out, key=lambda part: (part.file, part.digest, part.start)):
        last = joined[-1] if joined else None
        if last is not None and last.digest == part.digest and part.start <= last.stop:
            joined[-1] = replace(last, stop=max(last.stop, part.stop))
        else:
            joined.append(part)
    return joined
