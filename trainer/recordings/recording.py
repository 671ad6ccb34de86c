"""A recording as detectors see it: physical units, one rate, one band, checked.

Every recording of a list is read, converted and stored on disk block by block: memory holds the blocks of a
few recordings, and later what is in use. An hour of three channels at 12 kHz takes 0.5 GB there.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import Progress, RecordingError, quiet, whole_file
from trainer.recordings import child_reader
from trainer.recordings.agreement import RATE_TOLERANCE, agreed_rate, completed, wanted_rows, where_of
from trainer.recordings.as_recorded import AsRecorded, look, look_at_blocks
from trainer.recordings.cache import Cache, Kept, own_cache
from trainer.recordings.captures import is_capture_path, look_at_capture, path_on_disk, read_stretches
from trainer.recordings.listing import ListRow, read_list
from trainer.recordings.parsers import Parsers
from trainer.recordings.raw_values import RawValues
from trainer.recordings.reading import Reading
from trainer.recordings.recorded_values import SHORTEST, check_values, convert_values
from trainer.recordings.spill_file import SpillFile, StoredSamples

_PARSING: Final = 0.4
"""Share of the time that parsing takes; the rest is checks and filters. A judgement."""
_PASSES: Final = 3
"""Over a file's values: checks, filters, and a look at them as recorded."""
DIGITS: Final = 16
"""Of a digest, by which a model names what it learnt from: 64 bits."""
_READERS: Final = 4
"""Files read at a time: the parsing children share the processors with the filters of this process."""


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
    recorded: AsRecorded | None = None
    """What it was before filters and resampling; None where it is as it was recorded."""
    stretches: int = 1
    """Of how many the file consists, between the places where samples are missing; it is one of them."""
    begin_s: float = 0.0
    """Where it begins in its file, by the samples before it."""

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


def load_list(path: Path, progress: Progress = quiet) -> tuple[Recording, ...]:
    """Read every recording of a list, in its order. Raises RecordingError for the first that is unusable."""
    return read_recordings(read_list(path), progress)


def read_recordings(rows: Sequence[ListRow], progress: Progress = quiet) -> tuple[Recording, ...]:
    """Read recordings, several at a time, and store them on disk.

    A file in which samples are missing is as many recordings as it has stretches. Raises RecordingError, also
    where two hold the same samples or their rates differ; AccessError or UnavailableError where they cannot
    be stored.
    """
    spill_file, reading, cache = SpillFile(), Reading(rows, progress), own_cache()
    with Parsers() as parsers, ThreadPoolExecutor(_READERS) as pool:

        def read(row: ListRow) -> tuple[Recording, ...]:
            return _cached(row, cache, spill_file, parsers, reading.of(row))

        try:
            found = tuple(pool.map(read, rows))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    cache.trim()
    pairs = [(row, part) for row, parts in zip(rows, found, strict=True) for part in parts]
    _check_together(pairs)
    return tuple(part for _, part in pairs)


def _cached(
    row: ListRow, cache: Cache, spill_file: SpillFile, parsers: Parsers, progress: Callable[[float], None]
) -> tuple[Recording, ...]:
    """Take a file's recordings from the cache, or read them and keep them there."""
    path = path_on_disk(row.file)
    with child_reader.open_file(path, where_of(row)) as file:
        before = os.fstat(file.fileno())
        key = cache.key(row, file)
        if key and (kept := cache.get(key)):
            progress(1.0)
            return tuple(_recording(row, part, spill_file.put(part.samples)) for part in kept)
        parts = read_row(row, spill_file, parsers, progress)
        after = os.stat(path)
    # What is written while it is read is another file than its digest says.
    if key and _same(before, after):
        cache.put(key, [_kept(part) for part in parts])
    progress(1.0)
    return parts


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_mtime_ns, before.st_size, before.st_ino) == (
        after.st_mtime_ns,
        after.st_size,
        after.st_ino,
    )


def _recording(row: ListRow, part: Kept, stored: Samples | StoredSamples) -> Recording:
    name = " ".join([row.file.stem, *row.signals])
    return Recording(
        name=f"{name} from {part.begin_s:.4g} s" if part.begin_s else name,
        file=str(row.file),
        stored=stored,
        rate_hz=part.rate_hz,
        lowpass_hz=row.lowpass_hz,
        channels=part.channels,
        unit=part.unit,
        label=row.label,
        condition=row.condition,
        digest=part.digest,
        recorded=part.recorded,
        stretches=part.stretches,
        begin_s=part.begin_s,
    )


def _kept(part: Recording) -> Kept:
    return Kept(
        begin_s=part.begin_s,
        rate_hz=part.rate_hz,
        channels=part.channels,
        unit=part.unit,
        stretches=part.stretches,
        digest=part.digest,
        recorded=part.as_recorded,
        samples=part.samples,
    )


def read_recording(row: ListRow) -> Recording:
    """Read, check and convert one recording of one stretch, which stays in memory.

    Raises RecordingError naming file, signal, value and remedy.
    """
    parts = read_row(row)
    if len(parts) > 1:
        raise RecordingError(
            f"samples are missing at {parts[0].stretches - 1} places: it is {len(parts)} recordings",
            where=where_of(row),
            remedy="Choose one stretch by from_s and to_s, or read it by a list, which takes them all",
        )
    return parts[0]


def read_row(
    row: ListRow,
    spill_file: SpillFile | None = None,
    parsers: Parsers | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Recording, ...]:
    """Read, check and convert one file: a recording for each stretch without a gap that is long enough.

    Without a spill file they stay in memory. Raises RecordingError naming file, signal, value and remedy.
    """
    where = where_of(row)
    if is_capture_path(row.file):
        return _read_capture(row, where, spill_file)
    hints = replace(row.hints, rate_hz=row.rate_hz)
    found = child_reader.read_content(
        row.file,
        row.signals,
        row.channels,
        where,
        hints=hints,
        parsers=parsers,
        progress=lambda share: progress(_PARSING * share),
    )
    passed = 0

    def told(rows: int) -> None:
        nonlocal passed
        passed += rows
        progress(min(1.0, _PARSING + (1 - _PARSING) * passed / (_PASSES * len(found.values))))

    found.values.told = told
    return read_parsed(row, found, where, spill_file)


def _read_capture(row: ListRow, where: str, spill_file: SpillFile | None) -> tuple[Recording, ...]:
    """Read the stretches of a capture one after another: memory holds one of them."""
    if row.from_s is not None or row.to_s is not None:
        raise RecordingError(
            "from_s and to_s are for other files than captures",
            where=where,
            remedy="Write the seconds behind the capture's name, as in pump.frames@10-20",
        )
    if not (row.channels and row.unit):
        seen = look_at_capture(row.file)
        row = replace(row, channels=row.channels or seen.channels, unit=row.unit or seen.unit)
    found: list[Recording] = []
    for stretch in read_stretches(row.file, row.channels, where):
        if len(stretch.values) >= SHORTEST:
            found += read_parsed(row, stretch, where, spill_file)
    if not found:
        raise RecordingError(
            f"no {SHORTEST} samples follow each other without a gap",
            where=where,
            remedy="Look at the sensor's cable and rate with `edge-runtime doctor`, and record again",
        )
    return tuple(replace(item, stretches=len(found)) for item in found)


def read_parsed(
    row: ListRow, found: child_reader.ReadFile, where: str, spill_file: SpillFile | None = None
) -> tuple[Recording, ...]:
    """Check and convert what the parser found in the file of a row. Raises RecordingError."""
    row = completed(row, found, where)
    rate_hz = agreed_rate(row, found, where)
    found.values.scale = child_reader.full_scale_of(found, row.full_scale, row.unit, where)
    first, last = wanted_rows(row, rate_hz, len(found.values), where)
    edges = [first, *(start for start in found.starts if first < start < last), last]
    spans = [(begin, end) for begin, end in pairwise(edges) if end - begin >= SHORTEST or len(edges) == 2]
    if not spans:
        raise RecordingError(
            f"samples are missing at {len(edges) - 2} places, and no stretch has {SHORTEST} samples",
            where=where,
            remedy="Record again; write none as time into the list where that column is no clock to go by",
        )
    made = [
        _converted(row, found.values.part(begin, end), rate_hz, where, spill_file) for begin, end in spans
    ]
    # A capture's stretch says itself where it begins.
    before_s = float(found.stated.get("begin_s", 0.0))
    begins = [before_s + (begin / rate_hz if len(edges) > 2 else 0.0) for begin, _ in spans]
    return tuple(
        _recording(row, replace(part, begin_s=begin_s, stretches=len(edges) - 1), stored)
        for (part, stored), begin_s in zip(made, begins, strict=True)
    )


def _converted(
    row: ListRow, values: RawValues, rate_hz: float, where: str, spill_file: SpillFile | None
) -> tuple[Kept, Samples | StoredSamples]:
    """Make a recording of one stretch: what is known of it, and its samples."""
    check_values(values, row.channels, where)
    digest = hashlib.sha256()
    blocks = _digested(convert_values(values, rate_hz, row, where), digest)
    target_hz = row.target_rate_hz or rate_hz
    stored: Samples | StoredSamples
    if spill_file is None:
        stored = np.concatenate(list(blocks))
    else:
        stored = spill_file.put_blocks(blocks, int(len(values) * target_hz / rate_hz) + 1, values.columns)
    kept = Kept(
        begin_s=0.0,
        rate_hz=target_hz,
        channels=row.channels,
        unit=row.unit,
        stretches=1,
        digest=digest.hexdigest(),
        recorded=look_at_blocks(values.blocks(), rate_hz),
        samples=np.empty((0, 0), np.float32),
    )
    return kept, stored


def _digested(blocks: Iterator[Samples], digest: "hashlib._Hash") -> Iterator[Samples]:
    for block in blocks:
        digest.update(block.data.cast("B"))
        yield block


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


def _check_together(pairs: Sequence[tuple[ListRow, Recording]]) -> None:
    lowest_hz = min((item.rate_hz for _, item in pairs), default=0.0)
    for row, recording in pairs:
        if recording.rate_hz > lowest_hz * (1 + RATE_TOLERANCE):
            raise RecordingError(
                f"is at {recording.rate_hz:g} Hz, others of the list at {lowest_hz:g} Hz",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy=f"Write {lowest_hz:g} as target_rate_hz on every line, or make a list for each rate",
            )
        if (recording.channels, recording.unit) != (pairs[0][1].channels, pairs[0][1].unit):
            raise RecordingError(
                f"has the channels {' '.join(recording.channels)} in {recording.unit}, the first "
                f"{' '.join(pairs[0][1].channels)} in {pairs[0][1].unit}",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy="Name channels and unit in the list; what differs needs a list of its own",
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
