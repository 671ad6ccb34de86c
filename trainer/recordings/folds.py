"""Recordings to windows, and splits that cannot flatter: by recording and condition, never by window."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Samples
from trainer.core import RecordingError
from trainer.recordings.recording import Recording

BLOCKS: Final = 5
"""Into how many blocks the recordings of a single condition are cut, to leave out each in turn."""
_RUN: Final = 16
_PROBE: Final = 64
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Fold:
    """One way to split recordings: what is left out, and what remains to learn from."""

    name: str
    """The condition left out, or the block."""
    train: tuple[Recording, ...]
    held: tuple[Recording, ...]
    within_condition: bool = False
    """Whether what is left out is of a condition that is also learnt from."""


def cut_windows(recording: Recording, samples: int, hop: int) -> Samples:
    """See windows [n, samples, channels], `hop` samples apart, where the edge would cut them.

    Nothing is copied. Raises RecordingError when the recording is shorter than one window.
    """
    if len(recording.stored) < samples:
        raise RecordingError(
            f"{len(recording.stored)} samples, shorter than one window of {samples}",
            where=recording.file,
            remedy="Record longer, or choose a shorter window",
        )
    view = np.lib.stride_tricks.sliding_window_view(recording.samples, samples, axis=0)[::hop]
    return np.asarray(view.transpose(0, 2, 1))


def windows_digest(parts: Samples) -> str:
    """SHA-256 over windows, in order, as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(parts, dtype="<f4").data.cast("B")).hexdigest()


def condition_names(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Operating conditions in order of first appearance."""
    return tuple(dict.fromkeys(recording.condition for recording in recordings))


def leave_out_conditions(recordings: Sequence[Recording]) -> tuple[Fold, ...]:
    """Leave out each operating condition in turn; empty when there is only one."""
    names = condition_names(recordings)
    folds = (_fold(name, recordings, [item.condition == name for item in recordings]) for name in names)
    return tuple(folds) if len(names) > 1 else ()


def leave_out_blocks(recordings: Sequence[Recording], samples: int, blocks: int = BLOCKS) -> tuple[Fold, ...]:
    """Cut each recording into contiguous blocks and leave out each block's turn.

    For one condition only. Blocks share no samples, but they share the machine, the day and the mounting.
    Raises RecordingError where a recording is too short for two blocks.
    """
    pieces = [_pieces(recording, samples, blocks) for recording in recordings]
    parts = [piece for group in pieces for piece in group]
    turns = [turn for group in pieces for turn in range(len(group))]
    folds = (
        _fold(f"block {turn + 1}", parts, [own == turn for own in turns]) for turn in range(max(turns) + 1)
    )
    return tuple(replace(fold, within_condition=True) for fold in folds)


def check_folds_apart(train: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Raise RecordingError when a recording to test on shares samples with one to learn from."""
    probes = [_fingerprints(recording)[::_PROBE].copy() for recording in test]
    sought = np.unique(np.concatenate(probes)) if probes else np.empty(0, np.uint64)
    source = np.full(len(sought), len(train))
    for number, recording in reversed(list(enumerate(train))):  # the first that holds it has the last word
        source[_among(sought, _fingerprints(recording))] = number
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


def _among(sought: NDArray[np.uint64], marks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Which of `sought`, in ascending order, are among `marks`."""
    if not len(sought):
        return np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(sought, marks), len(sought) - 1)
    return np.unique(places[sought[places] == marks])


def _fold(name: str, recordings: Sequence[Recording], held: Sequence[bool]) -> Fold:
    pairs = list(zip(recordings, held, strict=True))
    return Fold(
        name, tuple(item for item, out in pairs if not out), tuple(item for item, out in pairs if out)
    )


def _pieces(recording: Recording, samples: int, blocks: int) -> list[Recording]:
    count = min(blocks, len(recording.stored) // samples)
    if count < 2:
        raise RecordingError(
            f"{len(recording.stored)} samples, too few to learn from one part and test on another",
            where=recording.file,
            remedy=f"Record at least {2 * samples} samples, better minutes",
        )
    length = math.ceil(len(recording.stored) / count)
    starts = range(0, len(recording.stored) - samples + 1, length)
    return [replace(recording, stored=recording.stored[start : start + length]) for start in starts]


def _fingerprints(recording: Recording) -> NDArray[np.uint64]:
    # A hash of every run of 16 consecutive readings: equal readings at any offset give equal hashes.
    bits = np.ascontiguousarray(recording.samples[:, 0]).view(np.uint32).astype(np.uint64)
    count = max(0, len(bits) - _RUN + 1)
    marks = np.zeros(count, np.uint64)
    for offset in range(_RUN):
        marks = marks * _MULTIPLIER + bits[offset : offset + count]
    return marks
