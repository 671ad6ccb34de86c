"""Which windows a fit keeps: all, or as many as fit in memory, evenly over conditions and time.

See docs/decisions/0009. Nothing is drawn where everything fits. Source: stratified sampling with equal
allocation, one draw in each stretch of time (Cochran, "Sampling Techniques", 5).
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import Progress, quiet
from trainer.recordings.augment import Augmentation, variant_lengths, widen
from trainer.recordings.folds import cut_windows, parts
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording

MOST_VALUES: Final = 64 * 1024 * 1024
"""Samples in the windows of one fit, all channels counted: 256 MB as float32. A judgement: a fit takes
a multiple of it, and an office computer still has room."""

Group = tuple[str, str]
"""A condition and a label: each has its own share of the windows."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How windows are cut, and how many samples those of one fit may hold."""

    samples: int
    """Of one window."""
    hop: int
    """Samples from one window to the next."""
    most_values: int = MOST_VALUES


@dataclass(frozen=True, slots=True)
class Quota:
    """How many windows each group has, and how many of them are kept."""

    there: Mapping[Group, int]
    kept: Mapping[Group, int]

    @property
    def whole(self) -> bool:
        """Whether all are kept."""
        return self.kept == self.there

    def note(self, seed: int) -> dict[str, str]:
        """Note for the manifest: how many are kept; empty where all are."""
        if self.whole:
            return {}
        return {
            "windows_kept": f"at most {sum(self.kept.values())} of {sum(self.there.values())}, drawn evenly "
            f"over conditions, labels and time; seed {seed}"
        }


@dataclass(frozen=True, slots=True)
class Gathered:
    """Windows, and what is known of each."""

    windows: Samples
    """float32 [n, samples, channels]."""
    labels: list[str]
    conditions: list[str]


def gather_windows(
    recordings: Sequence[Recording], cut: Cut, seed: int, ranges: Augmentation | None = None
) -> tuple[Samples, list[str]]:
    """Windows of recordings, float32 [n, samples, channels], and the label of each, as `gather_all` does."""
    found = gather_all(recordings, cut, seed, ranges)
    return found.windows, found.labels


def gather_all(
    recordings: Sequence[Recording],
    cut: Cut,
    seed: int,
    ranges: Augmentation | None = None,
    progress: Progress = quiet,
) -> Gathered:
    """Windows of recordings, with the label and the condition of each.

    Normal recordings are widened by `ranges`, one variant in memory at a time. Raises RecordingError for a
    recording shorter than a window.
    """
    quota = measure_quota(recordings, cut, ranges)
    seen: Counter[Group] = Counter()
    total = sum(quota.there.values())
    gathered, labels, conditions = [], [], []
    # Of hours of vibration a part at a time; draws of parts are seeded by their names.
    named = (
        replace(part, name=f"{part.name} part {number}") if number else part
        for item in recordings
        for number, part in enumerate(parts(item, cut.samples, cut.hop))
    )
    widened = (one for part in named for one in widen([part], ranges if part.label == NORMAL else None, seed))
    for item in widened:
        part = cut_windows(item, cut.samples, cut.hop)
        group = _group(item)
        there, kept = quota.there[group], quota.kept[group]
        before, seen[group] = seen[group], min(seen[group] + len(part), there)
        progress(sum(seen.values()) / total, "windows are drawn")
        if not quota.whole:
            # One window of each of as many equal parts of time as its share of the group's windows.
            draws = seen[group] * kept // there - before * kept // there
            edges = np.linspace(0, len(part), max(1, draws + 1)).astype(np.int64)
            rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
            part = part[rng.integers(edges[:-1], edges[1:])]
        gathered.append(np.ascontiguousarray(part))
        labels += [item.label] * len(part)
        conditions += [item.condition] * len(part)
    return Gathered(np.concatenate(gathered), labels, conditions)


def measure_quota(recordings: Sequence[Recording], cut: Cut, ranges: Augmentation | None = None) -> Quota:
    """Count windows, and divide what may be kept equally: a smaller group is kept whole."""
    there: Counter[Group] = Counter()
    for item in recordings:
        for part in parts(item, cut.samples, cut.hop):
            sizes = variant_lengths(part, ranges if item.label == NORMAL else None)
            there[_group(item)] += sum(max(0, (size - cut.samples) // cut.hop + 1) for size in sizes)
    room = max(len(there), cut.most_values // (cut.samples * len(recordings[0].channels)))
    return Quota(there, shares(there, room))


def shares(there: Mapping[Group, int], room: int) -> dict[Group, int]:
    """Divide `room` equally over groups of sizes `there`; what a small one leaves goes to the others."""
    kept = {}
    for place, (group, count) in enumerate(sorted(there.items(), key=lambda item: item[1])):
        kept[group] = min(count, room // (len(there) - place))
        room -= kept[group]
    return kept


def _group(item: Recording) -> Group:
    return item.condition, item.label
