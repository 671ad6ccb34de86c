"""One file of a list as recordings: read, checked, converted and put down block by block.

Memory holds a few blocks of it, and later what is in use. An hour of three channels at 12 kHz takes 0.5 GB on
disk.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from edge_runtime.core import Samples
from trainer.core import RecordingError
from trainer.recordings import child_reader
from trainer.recordings.agreement import agreed_rate, completed, wanted_rows, where_of
from trainer.recordings.cache import Kept
from trainer.recordings.captures import is_capture_path, look_at_capture, read_stretches
from trainer.recordings.converting import converted
from trainer.recordings.listing import ListRow
from trainer.recordings.parsers import Parsers
from trainer.recordings.recorded_values import SHORTEST
from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile, StoredSamples

_PARSING: Final = 0.4
"""Share of the time that parsing takes; the rest is checks and filters. A judgement."""
_PASSES: Final = 3
"""Over a file's values: checks, filters, and a look at them as recorded."""


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
    made = [converted(row, found.values.part(begin, end), rate_hz, where, spill_file) for begin, end in spans]
    # A capture's stretch says itself where it begins.
    before_s = float(found.stated.get("begin_s", 0.0))
    begins = [before_s + (begin / rate_hz if len(edges) > 2 else 0.0) for begin, _ in spans]
    return tuple(
        recording_of(row, replace(part, begin_s=begin_s, stretches=len(edges) - 1), stored)
        for (part, stored), begin_s in zip(made, begins, strict=True)
    )


def recording_of(row: ListRow, part: Kept, stored: Samples | StoredSamples) -> Recording:
    """Return a stretch of a row's file as a recording."""
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
        further=row.further,
    )


def kept_of(part: Recording) -> Kept:
    """Return what the cache keeps of a recording."""
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
