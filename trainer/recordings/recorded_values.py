"""What was recorded: whether it is vibration, and at the rate and in the band that a list asks for."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import RecordingError
from trainer.formats import ParsedSamples
from trainer.recordings import resample
from trainer.recordings.listing import ListRow
from trainer.recordings.raw_values import RawValues

SHORTEST: Final = 64
"""Samples: shorter files are truncated or no recordings, as no window is shorter."""
_LARGEST: Final = 1e9
"""Magnitude that vibration has in no unit; damaged float values often exceed it."""


def check_values(values: RawValues, channels: tuple[str, ...], where: str) -> None:
    """Raise RecordingError for values [samples, channels] that nothing can be learnt from."""
    if len(values) < SHORTEST:
        raise RecordingError(
            f"{len(values)} samples, fewer than {SHORTEST}",
            where=where,
            remedy="The recording is truncated or too short to learn from; record longer",
        )
    lowest, highest, row = np.full(values.columns, np.inf), np.full(values.columns, -np.inf), 0
    for block in values.blocks():
        _check_block(block, channels, row, where)
        lowest, highest = np.minimum(lowest, block.min(axis=0)), np.maximum(highest, block.max(axis=0))
        row += len(block)
    for channel, low, high in zip(channels, lowest, highest, strict=True):
        if low == high:
            raise RecordingError(
                f"channel {channel} is constant at {low:g}",
                where=where,
                remedy="The sensor was dead or not connected; record again",
            )


def _check_block(block: ParsedSamples, channels: tuple[str, ...], row: int, where: str) -> None:
    """Raise RecordingError for a value that is no vibration; `row` is the block's first."""
    for channel, column in zip(channels, block.T, strict=True):
        wrong = np.flatnonzero(~np.isfinite(column))
        if wrong.size:
            raise RecordingError(
                f"channel {channel} holds {column[wrong[0]]} at sample {row + wrong[0]}, {wrong.size} such "
                "in all",
                where=where,
                remedy="Cut the recording there or record again; filling gaps would invent vibration",
            )
        largest = column[np.abs(column).argmax()]
        if abs(largest) > _LARGEST:
            raise RecordingError(
                f"channel {channel} holds {largest:g}, no vibration in any unit",
                where=where,
                remedy="Check that the signal is vibration and the file is not damaged",
            )


def convert_values(values: RawValues, rate_hz: float, row: ListRow, where: str) -> Iterator[Samples]:
    """Resample and filter values at `rate_hz` as the row has it: blocks of float32 [samples, channels].

    Raises RecordingError for rates that do not divide, and where too little is left.
    """
    try:
        blocks = resample.convert(values.blocks(), rate_hz, row.target_rate_hz or rate_hz, row.lowpass_hz)
    except ValueError as error:
        raise RecordingError(
            str(error), where=where, remedy="Choose a target_rate_hz that divides the recorded rate"
        ) from error
    left = 0
    for block in blocks:
        left += len(block)
        yield np.ascontiguousarray(block, dtype=np.float32)
    if left < SHORTEST:
        raise RecordingError(
            f"{len(values)} samples leave {left} after resampling and filtering",
            where=where,
            remedy="Record longer",
        )
