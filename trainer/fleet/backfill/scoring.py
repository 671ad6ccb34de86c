"""One file of one machine scored: what every engine runs first. Writes a part of the table of scores."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edge_runtime.core import VERSION, EdgeError, printable
from edge_runtime.models import digest_of
from edge_runtime.sensors import CAPTURE_SUFFIX
from trainer.core import RecordingError, make_folder, whole_file
from trainer.fleet.backfill.judged import Judge, Judged, check_alike
from trainer.recordings import (
    ListRow,
    Recording,
    capture_rows,
    look_at_capture,
    path_on_disk,
    read_recordings,
    rows_of,
)

SCORES: Final = "scores"
UNDATED: Final = "undated"
"""In place of a month: nothing says when the file was recorded, or its gateway's clock was not right."""
START: Final = b"start_us"
"""In a part's metadata: when its file begins, microseconds since 1970; empty where that is not known."""
_FORM: Final = 1
"""Raised with every change of what a part holds."""
_FIRST: Final = "@0-1"
"""Seconds of a capture in which its hello and its first note are: the recorder writes them in front."""
_PIECE: Final = 1024 * 1024
_ROWS: Final = 16 * 1024
"""Of a row group: some ten minutes of windows, a megabyte."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """One file to score: names and paths."""

    machine: str
    models: tuple[tuple[str, Path], ...]
    """What each is called, and its file."""
    file: Path
    row: ListRow | None
    """What a recordings list says of it; None for a file that says it itself."""
    output: Path
    explain: bool = False
    """Whether each feature's share in each score is written, too."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of it."""

    machine: str
    part: str
    """Path below the output's folder; empty where it failed."""
    kept: bool = False
    """Whether it was there before."""
    what: str = ""
    """What went wrong."""


def score_file(task: FileTask) -> Scored:
    """Score a file by every model, and write it as a part, unless that is there. A failure is an answer."""
    try:
        key = part_key(task)
        folder = task.output / SCORES / f"machine={task.machine}"
        for path in folder.glob(f"month=*/part-{key}.parquet"):
            return Scored(task.machine, str(path.relative_to(task.output)), kept=True)
        rows, said = stated(task)
        path = folder / f"month={said.month}" / f"part-{key}.parquet"
        make_folder(path.parent)
        judges = [Judge(path, label) for label, path in task.models]
        check_alike(judges)
        with whole_file(path) as file:
            write_part(file, task, judges, read_recordings(rows), said)
        return Scored(task.machine, str(path.relative_to(task.output)))
    except EdgeError as error:
        return Scored(task.machine, "", what=printable(str(error), 2000))
    except Exception as error:  # noqa: BLE001 - whatever a library raises ends this file and no other
        return Scored(task.machine, "", what=printable(f"{task.file}: {type(error).__name__}: {error}", 2000))


def part_key(task: FileTask) -> str:
    """Name a part by all that it is made from."""
    said: list[Any] = [_FORM, VERSION, task.file.name, task.row, task.explain]
    try:
        said += [(label, digest_of(path)) for label, path in task.models]
        found = hashlib.sha256(repr(said).encode())
        with path_on_disk(task.file).open("rb") as file:
            while piece := file.read(_PIECE):
                found.update(piece)
    except OSError as error:
        what = error.strerror or "cannot be read"
        raise RecordingError(what, where=str(task.file), remedy="Give the paths of recordings") from error
    return found.hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a file says of itself."""

    start_us: int | None
    """When it begins, microseconds since 1970."""
    range: float
    """Largest magnitude that its sensor reports; infinite where that is not known."""

    @property
    def month(self) -> str:
        """In which it begins."""
        if self.start_us is None:
            return UNDATED
        return f"{datetime.fromtimestamp(self.start_us / 1e6, UTC):%Y-%m}"


def stated(task: FileTask) -> tuple[tuple[ListRow, ...], _Stated]:
    """How a file is read, when it begins, and what its sensor's range is."""
    rows: tuple[ListRow, ...]
    time, range_ = "", math.inf
    if task.row is not None:
        rows, time = (task.row,), task.row.further.get("time", "")
    elif path_on_disk(task.file).suffix.lower() == CAPTURE_SUFFIX:
        # What its first second says: to look at all of it takes as long as to read it.
        first = task.file.with_name(f"{path_on_disk(task.file).name}{_FIRST}")
        look = look_at_capture(first)
        rows = (replace(next(capture_rows([first])), file=task.file, where=""),)
        time, range_ = look.parts[0].time, look.range or math.inf
    else:
        rows = rows_of(task.file)
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(time)
        return rows, _Stated(round(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1e6), range_)
    return rows, _Stated(None, range_)


def write_part(
    file: Any,
    task: FileTask,
    judges: Sequence[Judge],
    recordings: Sequence[Recording],
    said: _Stated,
) -> None:
    """Judge recordings by every model, and write the part's rows into `file`."""
    start_us = said.start_us
    channels = judges[0].manifest.channels
    schema = part_schema(channels, explain=task.explain).with_metadata(
        {START: b"" if start_us is None else str(start_us).encode(), b"file": str(task.file).encode()}
    )
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for judge, recording in ((judge, each) for judge in judges for each in recordings):
            for found in judge.judge(recording, said.range, explain=task.explain):
                columns = dict(part_columns(found, judge, recording, start_us))
                waiting.append(pa.table([columns[name] for name in schema.names], schema=schema))
                if sum(map(len, waiting)) >= _ROWS:
                    writer.write_table(pa.concat_tables(waiting, promote_options="none").unify_dictionaries())
                    waiting.clear()
        if waiting:
            writer.write_table(pa.concat_tables(waiting, promote_options="none").unify_dictionaries())


def part_schema(channels: Sequence[str], *, explain: bool) -> pa.Schema:
    """The columns of a part."""
    words = pa.dictionary(pa.int32(), pa.string())
    fields = [
        ("time", pa.timestamp("us", "UTC")),
        ("end_s", pa.float64()),
        ("model", words),
        ("file", words),
        ("label", words),
        ("condition", words),
        ("score", pa.float32()),
        ("exceeded", pa.bool_()),
        ("problem", words),
        *((f"{of}_{name}", pa.float32()) for name in channels for of in ("rms", "peak")),
    ]
    return pa.schema(fields + ([("contributions", pa.list_(pa.float32()))] if explain else []))


def part_columns(
    found: Judged, judge: Judge, recording: Recording, start_us: int | None
) -> Iterator[tuple[str, Any]]:
    """Names and values of the columns for some windows; also of those that the part may leave out."""
    count = len(found.scores)
    times = None if start_us is None else start_us + (found.end_s * 1e6).round().astype("int64")
    yield "time", pa.array([None] * count if times is None else times, pa.timestamp("us", "UTC"))
    yield "end_s", pa.array(found.end_s)
    for name, text in (
        ("model", judge.label),
        ("file", Path(recording.file).name),
        ("label", recording.label),
        ("condition", recording.condition),
    ):
        yield name, pa.array([text] * count).dictionary_encode()
    yield "score", pa.array(found.scores)
    yield "exceeded", pa.array(found.scores > judge.manifest.threshold)
    yield "problem", pa.array(found.problems).dictionary_encode()
    for at, channel in enumerate(recording.channels):
        yield f"rms_{channel}", pa.array(found.levels[:, at])
        yield f"peak_{channel}", pa.array(found.peaks[:, at])
    yield "contributions", pa.array(list(found.contributions), pa.list_(pa.float32()))
