"""Windows of recordings, and splits into folds: by recording and condition, never by window.

Windows of one recording are alike: split by window, a test would be on what was learnt.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Samples
from trainer.core import RecordingError
from trainer.recordings.recording import Recording

BLOCKS: Final = 5
"""Folds of a single condition: the usual number (Hastie et al., "The Elements of Statistical Learning",
7.10); each fit keeps 80 % of the data."""
_PART: Final = 8 * 1024 * 1024
"""Values of a part of a recording that is worked on at a time, 32 MB; a recording of minutes is one part."""
_RUN: Final = 16
"""Readings of a hash: 16 of a few significant bits each make equal runs of different recordings unlikely."""
_PROBE: Final = 64
"""Every so many runs of a recording to test on are searched: shared parts of 79 samples are found."""
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, "The Art of Computer Programming" 3, 6.4: multiplicative hashing)."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One way to split recordings: what is left out, and what remains to learn from."""

    name: str
    """The condition left out, or the block."""
    train: tuple[Recording, ...]
    held: tuple[Recording, ...]
    within_condition: bool = False
    """Whether what is left out is of a condition that is also learnt from."""


def long_enough(recordings: Sequence[Recording], samples: int) -> tuple[Recording, ...]:
    """Leave out stretches of captures that are shorter than `samples`, as long as some of the file is not.

    Other short recordings stay, to be refused by their name. Raises RecordingError for a capture that gaps
    leave nothing of.
    """
    kept = tuple(item for item in recordings if item.stretches == 1 or len(item.stored) >= samples)
    files = {item.file for item in kept}
    for item in recordings:
        if item.file not in files:
            longest = max(len(other.stored) for other in recordings if other.file == item.file)
            raise RecordingError(
                f"gaps part it into {item.stretches} stretches, the longest of {longest} samples: "
                f"{samples} without a gap are needed",
                where=item.file,
                remedy="Look at the sensor's cable and rate with `edge-runtime doctor`, and record again",
            )
    return kept


def cut_windows(recording: Recording, samples: int, hop: int) -> Samples:
    """View windows [n, samples, channels], `hop` samples apart, where the edge would cut them.

    Nothing is copied. Raises RecordingError when the recording is shorter than one window.
    """
    if len(recording.stored) < samples and recording.widened:
        raise RecordingError(
            f"{len(recording.stored)} samples are left of {recording.name!r}, fewer than one window of "
            f"{samples}: another speed and its filters take some",
            where=recording.file,
            remedy="Record longer, choose a shorter window, or do not widen (--augment off)",
        )
    if len(recording.stored) < samples:
        raise RecordingError(
            f"{len(recording.stored)} samples, shorter than one window of {samples}",
            where=recording.file,
            remedy="Record longer, or choose a shorter window",
        )
    view = np.lib.stride_tricks.sliding_window_view(recording.samples, samples, axis=0)[::hop]
    return np.asarray(view.transpose(0, 2, 1))


def parts(recording: Recording, samples: int = 1, hop: int = 1) -> Iterator[Recording]:
    """Yield a recording part after part: together they have its windows of `samples` every `hop`, each once.

    What is mapped of one part leaves memory with it. A short recording is its only part.
    """
    total = len(recording.stored)
    rows = max(_PART // len(recording.channels), 2 * samples)
    if total <= rows:
        yield recording
        return
    windows = (total - samples) // hop + 1
    count = math.ceil(windows / ((rows - samples) // hop + 1))
    # Of equal lengths, so that the last one is not too short for filters.
    each = math.ceil(windows / count)
    for first in range(0, windows, each):
        last = min(first + each, windows) - 1
        stored = recording.stored[first * hop : last * hop + samples]
        yield replace(recording, stored=stored, offset=recording.offset + first * hop)


def window_parts(recording: Recording, samples: int, hop: int) -> Iterator[Samples]:
    """Yield the windows that `cut_windows` views, those of a part at a time. Raises alike."""
    for part in parts(recording, samples, hop):
        yield cut_windows(part, samples, hop)


def windows_digest(windows: Samples) -> str:
    """SHA-256 over windows, in order, as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(windows, dtype="<f4").data.cast("B")).hexdigest()


def condition_names(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Operating conditions in order of first appearance."""
    return tuple(dict.fromkeys(recording.condition for recording in recordings))


def leave_out_conditions(recordings: Sequence[Recording]) -> tuple[Fold, ...]:
    """Leave out each operating condition in turn; empty when there is only one."""
    names = condition_names(recordings)
    folds = (_fold(name, recordings, [item.condition == name for item in recordings]) for name in names)
    return tuple(folds) if len(names) > 1 else ()


def leave_out_blocks(recordings: Sequence[Recording], samples: int, blocks: int = BLOCKS) -> tuple[Fold, ...]:
    """Cut each recording into contiguous blocks and leave out each block in turn.

    For one condition only. Blocks share no samples, but they share the machine, the day and the mounting.
    Stretches that were drawn of longer recordings are left out in runs: those are blocks of all the time.
    Raises RecordingError where a recording is too short for two blocks.
    """
    if any(item.drawn for item in recordings):
        return leave_out_runs(recordings, blocks)
    parts: list[Recording] = []
    turns: list[int] = []
    for recording in recordings:
        total = len(recording.stored)
        count = min(blocks, total // samples)
        if count < 2:
            raise RecordingError(
                f"{total} samples, too few to learn from one part and test on another",
                where=recording.file,
                remedy=f"Record at least {2 * samples} samples, better minutes",
            )
        length = math.ceil(total / count)
        starts = range(0, total - samples + 1, length)
        parts += [
            replace(
                recording,
                stored=recording.stored[start : start + length],
                offset=recording.offset + start,
            )
            for start in starts
        ]
        turns += range(len(starts))
    folds = (
        _fold(f"block {turn + 1}", parts, [own == turn for own in turns]) for turn in range(max(turns) + 1)
    )
    return tuple(replace(fold, within_condition=True) for fold in folds)


def leave_out_runs(recordings: Sequence[Recording], blocks: int = BLOCKS) -> tuple[Fold, ...]:
    """Leave out a run of each condition's recordings in turn, for those too short to be cut into blocks;
    empty where each condition has one."""
    turns: dict[int, list[Recording]] = {}
    for name in condition_names(recordings):
        own = [item for item in recordings if item.condition == name]
        for number, item in enumerate(own):
            turns.setdefault(number * blocks // len(own), []).append(item)
    if len(turns) < 2:
        return ()
    parts = [item for turn in turns.values() for item in turn]
    own_turns = [number for number, turn in turns.items() for _ in turn]
    return tuple(
        replace(_fold(f"block {turn + 1}", parts, [own == turn for own in own_turns]), within_condition=True)
        for turn in turns
    )


def check_folds_apart(train: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Raise RecordingError when a recording to test on shares samples with one to learn from.

    The first channel is compared. Source: rolling hashes as of Karp and Rabin, "Efficient randomized
    pattern-matching algorithms", IBM J. Research and Development 31 (1987).
    """
    probes = [_fingerprints(recording)[::_PROBE].copy() for recording in test]
    sought = np.unique(np.concatenate(probes)) if probes else np.empty(0, np.uint64)
    source = np.full(len(sought), len(train))
    for number, recording in reversed(list(enumerate(train))):  # the first that holds it is named
        hashes = _fingerprints(recording)
        if len(sought):
            places = np.minimum(np.searchsorted(sought, hashes), len(sought) - 1)
            source[places[sought[places] == hashes]] = number
    for recording, own in zip(test, probes, strict=True):
        found = source[np.searchsorted(sought, own)]
        shared = found[found < len(train)]
        if len(shared):
            seconds = len(shared) * _PROBE / recording.rate_hz
            raise RecordingError(
                f"about {seconds:.2g} s of it are also in {train[shared[0]].file}, which is learnt from",
                where=recording.file,
                remedy="Testing on what was learnt flatters; remove one of the two from the list",
            )


def _fold(name: str, recordings: Sequence[Recording], held: Sequence[bool]) -> Fold:
    pairs = list(zip(recordings, held, strict=True))
    return Fold(
        name, tuple(item for item, out in pairs if not out), tuple(item for item, out in pairs if out)
    )


def _fingerprints(recording: Recording) -> NDArray[np.uint64]:
    """Hash every run of 16 consecutive readings: equal readings at any offset give equal hashes."""
    bits = np.ascontiguousarray(recording.samples[:, 0]).view(np.uint32).astype(np.uint64)
    count = max(0, len(bits) - _RUN + 1)
    hashes = np.zeros(count, np.uint64)
    for offset in range(_RUN):
        hashes = hashes * _MULTIPLIER + bits[offset : offset + count]
    return hashes
