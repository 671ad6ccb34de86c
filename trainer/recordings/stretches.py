"""Of long recordings, stretches evenly over their time: what a fit looks at, learns from and scores.

A fit keeps some ten thousand windows whatever was recorded, and a threshold's promise narrows with
conditions, hardly with hours of the same. So of a hundred hours a fit need not go through each, in every
variant, for every block that is left out: it draws stretches first, and everything after is of these alone.
Nothing is drawn where all is little enough. Source: stratified sampling, one draw in each equal stretch of
time (Cochran, "Sampling Techniques", 5).
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from trainer.recordings.folds import BLOCKS
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording
from trainer.recordings.sampling import Group, shares

MOST_SCORED: Final = 2_000_000
"""Windows that a fit scores while it leaves out, each variant of one counted. A judgement: some minutes of
computing; 56 minutes of one widened condition of 12 kHz, enough for a slow alarm, 23 hours of several, which
are not widened."""
STRETCH_S: Final = 120.0
"""Of each stretch: two averages of the usual slow alarm, which goes on from one to the next."""
_LEAST: Final = 20
"""Windows of a stretch."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a fit looks at."""

    recordings: tuple[Recording, ...]
    notes: dict[str, str]
    """For the manifest: what was drawn of what; empty where all is there."""


def draw_stretches(
    recordings: Sequence[Recording],
    samples: int,
    hop: int,
    *,
    variants: int,
    seed: int,
    most: int = MOST_SCORED,
) -> Drawn:
    """Draw of each condition and label, where all windows are more than `most`; `variants` is how many a fit
    makes of each normal recording.

    A group that is smaller than its share stays whole. Same seed, same stretches.
    """
    there: Counter[Group] = Counter()
    for item in recordings:
        windows = max(0, (len(item.stored) - samples) // hop + 1)
        there[item.condition, item.label] += windows * (variants if item.label == NORMAL else 1)
    kept = shares(there, most)
    if kept == there:
        return Drawn(tuple(recordings), {})
    found: list[Recording] = []
    said = []
    for group, count in there.items():
        own = [item for item in recordings if (item.condition, item.label) == group]
        if kept[group] == count:
            found += own
            continue
        stretches = list(_stretches(own, kept[group] / count, samples + (_LEAST - 1) * hop, seed))
        found += stretches
        hours = sum(item.duration_s for item in own) / 3600
        minutes = sum(item.duration_s for item in stretches) / 60
        said.append(f"{len(stretches)} stretches, {minutes:.1f} minutes of {hours:.1f} hours of {group[0]}")
    return Drawn(tuple(found), {"drawn": f"{'; '.join(said)}; evenly over their time, seed {seed}"})


def _stretches(own: Sequence[Recording], share: float, least: int, seed: int) -> Iterator[Recording]:
    """A stretch at a random place of each of as many equal spans of the recordings' time."""
    rate_hz = own[0].rate_hz
    total = sum(len(item.stored) for item in own)
    length = max(round(STRETCH_S * rate_hz), least)
    count = max(2 * BLOCKS, int(share * total / length))
    length = max(least, min(length, int(share * total / count)))
    rng = np.random.default_rng([seed, zlib.crc32(f"{own[0].condition} {own[0].label}".encode())])
    starts = np.cumsum([0, *(len(item.stored) for item in own)])
    edges = np.linspace(0, total, count + 1).astype(np.int64)
    free = np.zeros(len(own), np.int64)  # from where on nothing of each recording has been drawn
    for first, last in pairwise(edges.tolist()):
        place = int(rng.integers(first, max(first + 1, last - length + 1)))
        at = int(np.searchsorted(starts, place, side="right")) - 1
        item = own[at]
        begin = max(int(free[at]), min(place - int(starts[at]), len(item.stored) - length))
        end = min(begin + length, len(item.stored))
        if end - begin < min(least, len(item.stored)):
            continue  # of short recordings the one before took all
        free[at] = end
        whole = begin == 0 and end == len(item.stored)
        name = item.name if whole else f"{item.name} from {(item.offset + begin) / rate_hz:.1f} s"
        stored = item.stored[begin:end]
        yield replace(item, name=name, stored=stored, offset=item.offset + begin, drawn=True)
