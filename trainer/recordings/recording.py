"""A recording as detectors see it: physical units, one rate, one band, checked.

Every recording listed is read whole, converted and put to rest on disk: memory holds what is being read, at
most a few recordings, and later what is being looked at. An hour of three channels at 12 kHz is 0.5 GB there.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import RecordingError, whole_file
from trainer.formats import Content, ParsedSamples
from trainer.recordings import child_reader, resample
from trainer.recordings.listing import ListRow, read_list
from trainer.recordings.spill_file import Scratch, Stretch

_SHORTEST: Final = 64
_RATE_TOLERANCE: Final = 0.01
_READERS: Final = 4
_READ_BYTES: Final = 256 * 1024 * 1024
"""Bytes of files read at a time, if more than one: decoding and filtering take several times as much."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One stretch of vibration, without a gap, under one operating condition."""

    name: str
    """File name without its ending, and the signals where they were named."""
    file: str
    stored: Samples | Stretch
    """What `samples` gives: in memory, or at rest on disk."""
    rate_hz: float
    lowpass_hz: float | None
    channels: tuple[str, ...]
    unit: str
    label: str
    condition: str
    digest: str
    """SHA-256 over the samples as they stand here."""

    @property
    def samples(self) -> Samples:
        """Physical units, shape [samples, channels], converted to `rate_hz` and limited to `lowpass_hz`.

        Mapped anew each time it is asked for, so that it leaves memory when nobody looks at it any more.
        """
        return self.stored.samples() if isinstance(self.stored, Stretch) else self.stored

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.stored) / self.rate_hz


def load_list(path: Path) -> tuple[Recording, ...]:
    """Read every recording of a list, in its order. Raises RecordingError for the first that is unusable."""
    return read_recordings(read_list(path))


def read_recordings(rows: Sequence[ListRow]) -> tuple[Recording, ...]:
    """Read recordings, several at a time, and put them to rest on disk.

    Raises RecordingError, also where two hold the same samples or their rates differ; AccessError or
    UnavailableError where they cannot be put down.
    """
    scratch = Scratch()
    with ThreadPoolExecutor(_readers(rows)) as pool:
        recordings = tuple(pool.map(partial(_at_rest, scratch), rows))
    _check_rates(rows, recordings)
    _check_copies(rows, recordings)
    return recordings


def read_recording(row: ListRow) -> Recording:
    """Read, check and convert one recording. Raises RecordingError naming file, signal, value and remedy."""
    where = " ".join([f"{row.where}: {row.file}" if row.where else str(row.file), *row.signals])
    content = child_reader.read_content(row.file, row.signals, row.channels, where)
    content = child_reader.physical(content, row.full_scale, row.unit, where)
    rate_hz = _rate(row, content, where)
    _check_unit(row, content, where)
    _check_values(content.values, row.channels, where)
    samples = _convert(content.values, rate_hz, row, where)
    return Recording(
        name=" ".join([row.file.stem, *row.signals]),
        file=str(row.file),
        stored=samples,
        rate_hz=row.target_rate_hz or rate_hz,
        lowpass_hz=row.lowpass_hz,
        channels=row.channels,
        unit=row.unit,
        label=row.label,
        condition=row.condition,
        digest=hashlib.sha256(samples.data.cast("B")).hexdigest(),
    )


def _at_rest(scratch: Scratch, row: ListRow) -> Recording:
    recording = read_recording(row)
    return replace(recording, stored=scratch.put(recording.samples))


def _readers(rows: Sequence[ListRow]) -> int:
    # The largest files, hours of vibration, are read one at a time.
    largest = max((row.file.stat().st_size for row in rows if row.file.is_file()), default=0)
    return min(_READERS, max(1, _READ_BYTES // max(largest, 1)))


def write_npz(recording: Recording, path: Path) -> None:
    """Write a recording as the edge reads it without scipy: arrays only, nothing pickled.

    `samples` float32 [samples, channels], `rate_hz`, `lowpass_hz` (NaN for none), `channels`, `unit`,
    `label`, `condition`. Raises AccessError or UnavailableError where it cannot be written.
    """
    with whole_file(path) as file:
        np.savez(
            file,
            samples=recording.samples,
            rate_hz=np.float64(recording.rate_hz),
            lowpass_hz=np.float64(np.nan if recording.lowpass_hz is None else recording.lowpass_hz),
            channels=np.array(recording.channels),
            unit=np.array(recording.unit),
            label=np.array(recording.label),
            condition=np.array(recording.condition),
        )


def _rate(row: ListRow, content: Content, where: str) -> float:
    stated = content.stated.get("rate_hz")
    if row.rate_hz is None and stated is None:
        raise RecordingError(
            "rate_hz is blank and the file states none",
            where=where,
            remedy="Write the sampling rate into the list",
        )
    if row.rate_hz is None:
        return float(stated or 0.0)
    if stated is not None and abs(float(stated) / row.rate_hz - 1) > _RATE_TOLERANCE:
        raise RecordingError(
            f"the file's own rate is {float(stated):g} Hz, the list says {row.rate_hz:g} Hz",
            where=where,
            remedy="Correct rate_hz in the list; a column timestamp counts as milliseconds",
        )
    return row.rate_hz


def _check_unit(row: ListRow, content: Content, where: str) -> None:
    stated = content.stated.get("unit", row.unit)
    if stated != row.unit:
        raise RecordingError(
            f"the file's values are in {stated}, the list says {row.unit}",
            where=where,
            remedy="Correct the unit in the list, or convert the file",
        )


def _check_values(values: ParsedSamples, channels: tuple[str, ...], where: str) -> None:
    if len(values) < _SHORTEST:
        raise RecordingError(
            f"{len(values)} samples, fewer than {_SHORTEST}",
            where=where,
            remedy="The recording is truncated or too short to learn from; record longer",
        )
    for channel, column in zip(channels, values.T, strict=True):
        _check_channel(channel, column, where)


def _check_channel(channel: str, column: ParsedSamples, where: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(column))
    if wrong.size:
        raise RecordingError(
            f"channel {channel} holds {column[wrong[0]]} at sample {wrong[0]}, {wrong.size} such in all",
            where=where,
            remedy="Cut the recording there or record again; filling gaps would invent vibration",
        )
    if np.abs(column).max() > 1e9:
        raise RecordingError(
            f"channel {channel} holds {column[np.abs(column).argmax()]:g}, no vibration in any unit",
            where=where,
            remedy="Check that the signal is vibration and the file is not damaged",
        )
    if column.min() == column.max():
        raise RecordingError(
            f"channel {channel} is constant at {column[0]:g}",
            where=where,
            remedy="The sensor was dead or not connected; record again",
        )


def _convert(values: ParsedSamples, rate_hz: float, row: ListRow, where: str) -> Samples:
    try:
        made = resample.convert(values, rate_hz, row.target_rate_hz or rate_hz, row.lowpass_hz)
    except ValueError as error:
        raise RecordingError(
            str(error), where=where, remedy="Choose a target_rate_hz that divides the recorded rate"
        ) from error
    if len(made) < _SHORTEST:
        raise RecordingError(
            f"{len(values)} samples leave {len(made)} after resampling and filtering",
            where=where,
            remedy="Record longer",
        )
    return np.ascontiguousarray(made, dtype=np.float32)


def _check_rates(rows: Sequence[ListRow], recordings: Sequence[Recording]) -> None:
    lowest = min((item.rate_hz for item in recordings), default=0.0)
    for row, recording in zip(rows, recordings, strict=True):
        if recording.rate_hz > lowest * (1 + _RATE_TOLERANCE):
            raise RecordingError(
                f"is at {recording.rate_hz:g} Hz, others of the list at {lowest:g} Hz",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy=f"Write {lowest:g} as target_rate_hz on every line, or make a list for each rate",
            )


def _check_copies(rows: Sequence[ListRow], recordings: Sequence[Recording]) -> None:
    seen: dict[str, tuple[ListRow, Recording]] = {}
    for row, recording in zip(rows, recordings, strict=True):
        first_row, first = seen.setdefault(recording.digest, (row, recording))
        if first is not recording:
            raise RecordingError(
                f"{recording.name} ({recording.label}, {recording.condition}) holds the very samples of "
                f"{first.name} ({first.label}, {first.condition}) at {first_row.where or first_row.file}",
                where=row.where or str(row.file),
                remedy="One of the two is a copy; remove its line",
            )
