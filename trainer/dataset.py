"""Recordings to windows, and splits that cannot flatter: by recording and condition, never by window."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.records import Samples
from trainer.errors import RecordingError
from trainer.recordings import Recording

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


def windows(recording: Recording, samples: int, hop: int) -> Samples:
    """Cut windows [n, samples, channels], `hop` samples apart, where the edge would cut them.

    Raises RecordingError when the recording is shorter than one window.
    """
    if len(recording.samples) < samples:
        raise RecordingError(
            f"{len(recording.samples)} samples, shorter than one window of {samples}",
            where=recording.file,
            remedy="Record longer, or choose a shorter window",
        )
    view = np.lib.stride_tricks.sliding_window_view(recording.samples, samples, axis=0)[::hop]
    return np.ascontiguousarray(view.transpose(0, 2, 1))


def all_windows(recordings: Sequence[Recording], samples: int, hop: int) -> Samples:
    """Windows of several recordings, one after the other; none spans two."""
    return np.concatenate([windows(recording, samples, hop) for recording in recordings])


def digest(parts: Samples) -> str:
    """SHA-256 over windows, in order, as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(parts, dtype="<f4").tobytes()).hexdigest()


def conditions(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Operating conditions in order of first appearance."""
    return tuple(dict.fromkeys(recording.condition for recording in recordings))


def leave_out_conditions(recordings: Sequence[Recording]) -> tuple[Fold, ...]:
    """Leave out each operating condition in turn; empty when there is only one."""
    names = conditions(recordings)
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


def check_apart(train: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Raise RecordingError when a recording to test on shares samples with one to learn from."""
    marks = [_fingerprints(recording) for recording in train]
    known = np.sort(np.concatenate(marks)) if marks else np.empty(0, np.uint64)
    for recording in test:
        probes = _fingerprints(recording)[::_PROBE]
        shared = probes[_contains(known, probes)]
        if len(shared):
            seconds = len(shared) * _PROBE / recording.rate_hz
            other = next(item for item, own in zip(train, marks, strict=True) if shared[0] in own)
            raise RecordingError(
                f"about {seconds:.2g} s of it are also in {other.file}, which is learnt from",
                where=recording.file,
                remedy="Testing on what was learnt flatters; remove one of the two from the list",
            )


def _contains(known: NDArray[np.uint64], probes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(known, probes), max(len(known) - 1, 0))
    return known[places] == probes if len(known) else np.zeros(len(probes), bool)


def _fold(name: str, recordings: Sequence[Recording], held: Sequence[bool]) -> Fold:
    pairs = list(zip(recordings, held, strict=True))
    return Fold(
        name, tuple(item for item, out in pairs if not out), tuple(item for item, out in pairs if out)
    )


def _pieces(recording: Recording, samples: int, blocks: int) -> list[Recording]:
    count = min(blocks, len(recording.samples) // samples)
    if count < 2:
        raise RecordingError(
            f"{len(recording.samples)} samples, too few to learn from one part and test on another",
            where=recording.file,
            remedy=f"Record at least {2 * samples} samples, better minutes",
        )
    length = math.ceil(len(recording.samples) / count)
    starts = range(0, len(recording.samples) - samples + 1, length)
    return [replace(recording, samples=recording.samples[start : start + length]) for start in starts]


def _fingerprints(recording: Recording) -> NDArray[np.uint64]:
    # A hash of every run of 16 consecutive readings: equal readings at any offset give equal hashes.
    bits = np.ascontiguousarray(recording.samples[:, 0]).view(np.uint32).astype(np.uint64)
    count = max(0, len(bits) - _RUN + 1)
    marks = np.zeros(count, np.uint64)
    for offset in range(_RUN):
        marks = marks * _MULTIPLIER + bits[offset : offset + count]
    return marks
