"""What was recorded: whether it is vibration, and at the rate and in the band that a list asks for."""

from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import RecordingError
from trainer.formats import ParsedSamples
from trainer.recordings import resample
from trainer.recordings.listing import ListRow

SHORTEST: Final = 64
"""Samples: shorter files are truncated or no recordings, as no window is shorter."""
_LARGEST: Final = 1e9
"""Magnitude that vibration has in no unit; damaged float values often exceed it."""


def check_values(values: ParsedSamples, channels: tuple[str, ...], where: str) -> None:
    """Raise RecordingError for values [samples, channels] that nothing can be learnt from."""
    if len(values) < SHORTEST:
        raise RecordingError(
            f"{len(values)} samples, fewer than {SHORTEST}",
            where=where,
            remedy="The recording is truncated or too short to learn from; record longer",
        )
    for channel, column in zip(channels, values.T, strict=True):
        what = remedy = ""
        wrong = np.flatnonzero(~np.isfinite(column))
        if wrong.size:
            what = f"holds {column[wrong[0]]} at sample {wrong[0]}, {wrong.size} such in all"
            remedy = "Cut the recording there or record again; filling gaps would invent vibration"
        elif np.abs(column).max() > _LARGEST:
            what = f"holds {column[np.abs(column).argmax()]:g}, no vibration in any unit"
            remedy = "Check that the signal is vibration and the file is not damaged"
        elif column.min() == column.max():
            what = f"is constant at {column[0]:g}"
            remedy = "The sensor was dead or not connected; record again"
        if what:
            raise RecordingError(f"channel {channel} {what}", where=where, remedy=remedy)


def convert_values(values: ParsedSamples, rate_hz: float, row: ListRow, where: str) -> Samples:
    """Resample and filter values at `rate_hz` as the row has it: float32 [samples, channels].

    Raises RecordingError for rates that do not divide, and where too little is left.
    """
    try:
        made = resample.convert(values, rate_hz, row.target_rate_hz or rate_hz, row.lowpass_hz)
    except ValueError as error:
        raise RecordingError(
            str(error), where=where, remedy="Choose a target_rate_hz that divides the recorded rate"
        ) from error
    if len(made) < SHORTEST:
        raise RecordingError(
            f"{len(values)} samples leave {len(made)} after resampling and filtering",
            where=where,
            remedy="Record longer",
        )
    return np.ascontiguousarray(made, dtype=np.float32)
