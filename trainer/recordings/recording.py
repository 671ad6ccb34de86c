"""A recording as detectors see it: physical units, one rate, one band, checked.

Every recording of a list is read whole, converted and stored on disk: memory holds what is being read, at
most a few recordings, and later what is in use. An hour of three channels at 12 kHz takes 0.5 GB there.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import RecordingError, whole_file
from trainer.formats import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Content, is_rate
from trainer.recordings import child_reader
from trainer.recordings.as_recorded import AsRecorded, look
from trainer.recordings.captures import is_capture_path, read_stretches
from trainer.recordings.listing import ListRow, read_list
from trainer.recordings.recorded_values import SHORTEST, check_values, convert_values
from trainer.recordings.spill_file import SpillFile, StoredSamples

_RATE_TOLERANCE: Final = 0.01
"""Share: the clocks of cheap recorders are off by less, a wrong rate by more."""
DIGITS: Final = 16
"""Of a digest, by which a model names what it learnt from: 64 bits."""
_READERS: Final = 4
"""Files read at a time: the parsing children share the processors with the filters of this process."""
_READ_BYTES: Final = 256 * 1024 * 1024
"""Bytes of files read at a time, if more than one: decoding and filtering take several times as much."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One stretch of vibration, without a gap, under one operating condition."""

    name: str
    """File name without its ending, and the signals where they were named."""
    file: str
    stored: Samples | StoredSamples
    """The samples: in memory, or on disk."""
    rate_hz: float
    lowpass_hz: float | None
    channels: tuple[str, ...]
    unit: str
    label: str
    condition: str
    digest: str
    """SHA-256 over the samples as they are here, float32; a part keeps that of the whole."""
    offset: int = 0
    """Samples before it, where it is a part of a recording."""
    widened: bool = False
    """Whether it is a variant of what was recorded, at another speed, level or noise."""
    stretches: int = 1
    """Of its file, which gaps part: 1 for files without any."""
    recorded: AsRecorded | None = None
    """What it was before filters and resampling; None where it is as it was recorded."""

    @property
    def samples(self) -> Samples:
        """Physical units, float32 [samples, channels], converted to `rate_hz` and limited to `lowpass_hz`.

        Mapped again on each access, so that it leaves memory when it is no longer used.
        """
        return self.stored.samples() if isinstance(self.stored, StoredSamples) else self.stored

    @property
    def as_recorded(self) -> AsRecorded:
        """What it was before filters and resampling."""
        return self.recorded or look(self.samples.astype(np.float64), self.rate_hz)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.stored) / self.rate_hz


def load_list(path: Path) -> tuple[Recording, ...]:
    """Read every recording of a list, in its order. Raises RecordingError for the first that is unusable."""
    return read_recordings(read_list(path))


def read_recordings(rows: Sequence[ListRow]) -> tuple[Recording, ...]:
    """Read recordings, several at a time, and store them on disk.

    Raises RecordingError, also where two hold the same samples or their rates differ; AccessError or
    UnavailableError where they cannot be stored.
    """
    spill_file = SpillFile()

    def read_and_store(row: ListRow) -> tuple[Recording, ...]:
        return tuple(replace(item, stored=spill_file.put(item.samples)) for item in read_row(row))

    # The largest files, hours of vibration, are read one at a time.
    largest = max((row.file.stat().st_size for row in rows if os.path.isfile(row.file)), default=0)
    readers = min(_READERS, max(1, _READ_BYTES // max(largest, 1)))
    with ThreadPoolExecutor(readers) as pool:
        found = tuple(pool.map(read_and_store, rows))
    pairs = [(row, item) for row, items in zip(rows, found, strict=True) for item in items]
    _check_together(pairs)
    return tuple(item for _, item in pairs)


def read_recording(row: ListRow) -> Recording:
    """Read, check and convert one recording. Raises RecordingError naming file, signal, value and remedy."""
    first, *others = read_row(row)
    if others:
        raise RecordingError(
            f"gaps part it into {1 + len(others)} stretches",
            where=str(row.file),
            remedy="Name it in a recordings list, which takes each stretch as a recording",
        )
    return first


def read_row(row: ListRow) -> tuple[Recording, ...]:
    """Read, check and convert a file: of a capture each stretch without a gap.

    Raises RecordingError naming file, signal, value and remedy.
    """
    where = " ".join([f"{row.where}: {row.file}" if row.where else str(row.file), *row.signals])
    if not is_capture_path(row.file):
        content = child_reader.read_content(row.file, row.signals, row.channels, where)
        return (read_parsed(row, content, where),)
    contents = read_stretches(row.file, row.channels, where)
    found = []
    for content in contents:
        if len(content.values) >= SHORTEST:
            item, begin_s = read_parsed(row, content, where), content.stated.get("begin_s", 0.0)
            found.append(replace(item, name=f"{item.name} from {begin_s:.4g} s") if begin_s else item)
    if not found:
        raise RecordingError(
            f"no {SHORTEST} samples follow each other without a gap",
            where=where,
            remedy="Look at the sensor's cable and rate with `edge-runtime doctor`, and record again",
        )
    return tuple(replace(item, stretches=len(found)) for item in found)


def read_parsed(row: ListRow, content: Content, where: str) -> Recording:
    """Check and convert what the parser found in the file of a row. Raises RecordingError."""
    content = child_reader.physical(content, row.full_scale, row.unit, where)
    rate_hz = _agreed_rate(row, content, where)
    check_values(content.values, row.channels, where)
    samples = convert_values(content.values, rate_hz, row, where)
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
        recorded=look(content.values, rate_hz),
    )


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


def _agreed_rate(row: ListRow, content: Content, where: str) -> float:
    """Rate in Hz; refuses where what the file states contradicts the list's rate or unit."""
    rate_hz = row.rate_hz or content.stated.get("rate_hz")
    if not rate_hz:
        raise RecordingError(
            "rate_hz is blank and the file states none",
            where=where,
            remedy="Write the sampling rate into the list",
        )
    if not is_rate(rate_hz):
        raise RecordingError(
            f"rate_hz is {rate_hz}",
            where=where,
            remedy=f"Write the sampling rate in hertz, within {LOWEST_RATE_HZ:g} and {HIGHEST_RATE_HZ:g}",
        )
    stated = content.stated.get("rate_hz", rate_hz)
    if abs(float(stated) / float(rate_hz) - 1) > _RATE_TOLERANCE:
        raise RecordingError(
            f"the file's own rate is {float(stated):g} Hz, the list says {rate_hz:g} Hz",
            where=where,
            remedy="Correct rate_hz in the list; a column timestamp counts as milliseconds",
        )
    unit = content.stated.get("unit", row.unit)
    if unit != row.unit:
        raise RecordingError(
            f"the file's values are in {unit}, the list says {row.unit}",
            where=where,
            remedy="Correct the unit in the list, or convert the file",
        )
    return float(rate_hz)


def _check_together(pairs: Sequence[tuple[ListRow, Recording]]) -> None:
    lowest_hz = min((item.rate_hz for _, item in pairs), default=0.0)
    for row, recording in pairs:
        if recording.rate_hz > lowest_hz * (1 + _RATE_TOLERANCE):
            raise RecordingError(
                f"is at {recording.rate_hz:g} Hz, others of the list at {lowest_hz:g} Hz",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy=f"Write {lowest_hz:g} as target_rate_hz on every line, or make a list for each rate",
            )
    seen: dict[str, tuple[ListRow, Recording]] = {}
    for row, recording in pairs:
        first_row, first = seen.setdefault(recording.digest, (row, recording))
        if first is not recording:
            raise RecordingError(
                f"{recording.name} ({recording.label}, {recording.condition}) holds the very samples of "
                f"{first.name} ({first.label}, {first.condition}) at {first_row.where or first_row.file}",
                where=row.where or str(row.file),
                remedy="One of the two is a copy; remove its line",
            )
