"""Reads the numbers of one recording through a disposable process; see `trainer.formats.child`."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from trainer.core import RecordingError
from trainer.formats import FULL_SCALE, Head, Hints, Refusal, Request, check_head
from trainer.recordings.parsers import Parsers
from trainer.recordings.raw_values import RawValues

_HDF_MATLAB: Final = b"MATLAB 7.3"
"""First bytes of a .mat file of version 7.3, which is HDF5 behind a header of text."""
_BINARY: Final = """
    .npy .feather .xlsx .xls .xlsm .ods .cbor .pkl .zip .gz .7z .flac .mp3 .ogg .m4a .pdf
"""
_UNREAD: Final = frozenset(_BINARY.split())
"""Endings of known binary formats that are not read."""
KINDS: Final = {
    ".npz": "archive",
    ".wav": "wave",
    ".mat": "matfile",
    ".h5": "hdf",
    ".hdf5": "hdf",
    ".json": "edge_impulse",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".tdms": "tdms",
    ".uff": "universal",
    ".unv": "universal",
    ".bunv": "universal",
}
"""Parsers by ending; what has none of these, nor one of those that are not read, is text."""
_HEAD: Final = 64 * 1024
"""Bytes of the line of JSON: it holds a message and a few numbers, some hundred bytes."""
_VALUE_BYTES: Final = 8
"""The child sends float64."""
_PIECE: Final = 8 * 1024 * 1024
"""Bytes taken at a time."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds, as its parser answered."""

    values: RawValues
    stated: Mapping[str, float | str]
    names: tuple[str, ...] = ()
    """What the file calls the columns of the values; empty where it names none."""
    starts: tuple[int, ...] = ()
    """Rows before which samples are missing."""
    notes: tuple[str, ...] = ()
    """What was understood and measured, for people."""


def read_content(
    path: Path,
    signals: tuple[str, ...],
    channels: tuple[str, ...],
    where: str,
    *,
    hints: Hints = Hints(),  # noqa: B008 - frozen
    parsers: Parsers | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> ReadFile:
    """Read signals, and what the file states about itself.

    `signals` may be empty: then they are found by the channels' names; without `channels` all are read.
    `where` begins the messages; `progress` is told the share that was read. Raises RecordingError for a file
    that is missing, damaged, hostile or holds something else.
    """
    suffix = path.suffix.lower()
    if suffix in _UNREAD:
        raise RecordingError(
            f"{path.suffix[1:]} files are not read",
            where=where,
            remedy="Export .csv, .mat, .tdms, .uff, .parquet or .wav; from Python, numpy.savez with samples, "
            "rate_hz and unit",
        )
    kind = KINDS.get(suffix, "table")
    digits = path.stem if re.fullmatch(r"\d+", path.stem) else ""
    with open_file(path, where) as file:
        if kind == "matfile":
            kind = "hdf" if file.read(len(_HDF_MATLAB)) == _HDF_MATLAB else kind
            file.seek(0)
        try:
            with contextlib.nullcontext(parsers) if parsers else Parsers() as used:
                return _run(file, Request(kind, signals, channels, digits, hints), used, progress)
        except Refusal as refusal:
            raise RecordingError(refusal.what, where=where, remedy=refusal.remedy) from refusal


def full_scale_of(read: ReadFile, full_scale: float | None, unit: str, where: str) -> float:
    """How much of the list's unit 1.0 of the file's values is.

    Raises RecordingError where neither list nor unit says what full scale is, or where the list says it of a
    file in physical units.
    """
    shares = read.stated.get("unit") == FULL_SCALE
    if not shares and full_scale is None:
        return 1.0
    if not shares:
        raise RecordingError(
            "full_scale is given, and the file holds values as measured",
            where=where,
            remedy="Leave full_scale blank: it is for .wav files",
        )
    if full_scale is None and unit != FULL_SCALE:
        raise RecordingError(
            f"the file's values are shares of full scale, and nothing says how many {unit} full scale is",
            where=where,
            remedy=f"Add a column full_scale with what 1.0 is in {unit}, or write {FULL_SCALE!r} as unit",
        )
    return 1.0 if full_scale is None else full_scale


def open_file(path: Path, where: str) -> IO[bytes]:
    """Open a file of a list, unbuffered. Raises RecordingError."""
    # os.path, unlike Path, says no to names that no file system takes.
    if not os.path.isfile(path):
        raise RecordingError(
            "is not a file" if os.path.exists(path) else "no such file",
            where=where,
            remedy="Correct its path, which in a list is relative to the list",
        )
    try:
        return path.open("rb", buffering=0)  # the child inherits the position, not a buffer
    except OSError as error:
        raise RecordingError(
            error.strerror or "cannot be opened", where=where, remedy="Check the file's permissions"
        ) from error


def is_read(path: Path) -> bool:
    """Whether a file's name is one of a recording that is read, as far as names tell."""
    suffix = path.suffix.lower()
    texts = (".csv", ".tsv", ".txt", ".dat", ".asc", ".lvm", "")
    return suffix in KINDS or suffix in texts or suffix[1:].isdecimal()


def _run(file: IO[bytes], request: Request, parsers: Parsers, progress: Callable[[float], None]) -> ReadFile:
    """Take the parser's answer: its values, and what its last line says. Raises Refusal."""
    size = max(1, os.fstat(file.fileno()).st_size)
    values: RawValues | None = None
    with parsers.start(file, request) as parser:
        while True:
            with parser.in_time():
                known = len(request.channels) if values is None else values.columns
                head = check_head(answer_line(parser.pipe), known, len(values or ()))
                values = values or RawValues(head.columns)
                take_values(parser.pipe, head, values)
            # The parser has the very file that is open here, and moves its position.
            progress(min(1.0, os.lseek(file.fileno(), 0, os.SEEK_CUR) / size))
            if head.last:
                return ReadFile(values, head.stated, head.names, head.starts, head.notes)


def answer_line(pipe: IO[bytes], most_bytes: int = _HEAD) -> object:
    """Return a parser's next line of JSON, unchecked; None where none comes."""
    answer: object = None
    # A child that crashed has written no JSON; one that a file controls may nest it without end.
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(pipe.readline(most_bytes))
    return answer


def take_values(pipe: IO[bytes], head: Head, values: RawValues) -> None:
    """Take the values that a line announces, and never more: memory and disk hold what `check_head`
    allows. Raises Refusal where fewer come."""
    left = _VALUE_BYTES * head.rows * head.columns
    row = _VALUE_BYTES * head.columns
    while left:
        data = pipe.read(min(left, _PIECE // row * row))
        if len(data) % row or not data:  # a child that ended in between has answered nothing
            check_head(None, head.columns)
        values.add(data)
        left -= len(data)
