"""Reads the numbers of one recording through a disposable child process; see `trainer.formats.child`."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

import trainer
from trainer.core import RecordingError
from trainer.formats import FULL_SCALE, Content, Head, Refusal, Request, check_head

_HDF_MATLAB: Final = b"MATLAB 7.3"
"""First bytes of a .mat file of version 7.3, which is HDF5 behind a header of text."""
_UNREAD: Final = {".npy", ".parquet", ".feather", ".xlsx", ".xls", ".tdms", ".flac", ".mp3", ".ogg"}
"""Endings of known binary formats; every ending that is in no list is read as text."""
_KINDS: Final = {".npz": "archive", ".wav": "wave", ".mat": "matfile"}
_WALL_S: Final = 60.0
"""The child may use half of it as processor time; the rest is for a busy machine and slow storage."""
_HEAD: Final = 64 * 1024
"""Bytes of the line of JSON: it holds a message and a few numbers, some hundred bytes."""
_VALUE_BYTES: Final = 8
"""The child sends float64."""
_ROOT: Final = str(Path(trainer.__file__).resolve().parents[1])
# -I keeps the current folder and PYTHONPATH out, so that no code beside the recordings is imported.
_CHILD: Final = f"import sys; sys.path.insert(0, {_ROOT!r}); from trainer.formats.child import main; main()"
# One thread: a pool of threads would reserve more address space than the child may have.
_SINGLE: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# What finds the interpreter's libraries. Without the last one Python does not start on Windows.
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


def read_content(path: Path, signals: tuple[str, ...], channels: tuple[str, ...], where: str) -> Content:
    """Read signals as float64 [samples, channels], and what the file states about itself.

    `signals` may be empty: then they are found by the channels' names. `where` begins the messages. Raises
    RecordingError for a file that is missing, damaged, hostile or holds something else.
    """
    suffix = path.suffix.lower()
    if suffix in _UNREAD:
        raise RecordingError(
            f"{path.suffix[1:]} files are not read",
            where=where,
            remedy="Export .csv, .npz, .mat or .wav; from Python, numpy.savez with samples, rate_hz and unit",
        )
    kind = _KINDS.get(suffix, "table")
    digits = path.stem if re.fullmatch(r"\d+", path.stem) else ""
    with open_recording(path, where) as file:
        if kind == "matfile":
            kind = "hdf" if file.read(len(_HDF_MATLAB)) == _HDF_MATLAB else kind
            file.seek(0)
        try:
            with parser(file, Request(kind, signals, channels, digits)) as child:
                head = check_head(child.line(), len(channels))
                body = child.body(head)
        except Refusal as refusal:
            raise RecordingError(refusal.what, where=where, remedy=refusal.remedy) from refusal
    return Content(np.frombuffer(body, dtype="<f8").reshape(head.rows, head.columns), head.stated)


def physical(content: Content, full_scale: float | None, unit: str, where: str) -> Content:
    """Turn shares of full scale into the list's unit, where the file holds shares.

    Raises RecordingError where neither list nor unit says what full scale is, or where the list says it of a
    file in physical units.
    """
    shares = content.stated.get("unit") == FULL_SCALE
    if not shares and full_scale is None:
        return content
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
    stated = {name: value for name, value in content.stated.items() if name != "unit"}
    return Content(content.values * (1.0 if full_scale is None else full_scale), stated)


def open_recording(path: Path, where: str) -> IO[bytes]:
    """Open a file of a list. Raises RecordingError."""
    # os.path, unlike Path, says no to names that no file system takes.
    if not os.path.isfile(path):
        raise RecordingError(
            "is not a file" if os.path.exists(path) else "no such file",
            where=where,
            remedy="Paths in a list are relative to the list; correct the file column",
        )
    try:
        return path.open("rb", buffering=0)  # the child inherits the position, not a buffer
    except OSError as error:
        raise RecordingError(
            error.strerror or "cannot be opened", where=where, remedy="Check the file's permissions"
        ) from error


class Child:
    """The pipe from a child process that parses a file. Each answer has its own time to come."""

    def __init__(self, process: subprocess.Popen[bytes], channels: int) -> None:
        self._process, self._channels = process, channels
        self._pipe = cast("IO[bytes]", process.stdout)

    def line(self, most_bytes: int = _HEAD) -> object:
        """The next line of JSON, unchecked; None where none comes."""
        with self._in_time(), contextlib.suppress(ValueError, RecursionError):
            # A child that crashed has written no JSON; one that a file controls may nest it without end.
            found: object = json.loads(self._pipe.readline(most_bytes))
            return found
        return None

    def body(self, head: Head) -> bytes:
        """The values that follow a head. Raises Refusal where the child ended in between."""
        # Never more than announced: a child under a file's control must not fill the parent's memory.
        expected = _VALUE_BYTES * head.rows * head.columns
        with self._in_time():
            found = self._pipe.read(expected)
        if len(found) != expected:
            check_head(None, self._channels)  # says that it crashed
        return found

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        timer = threading.Timer(_WALL_S, self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@contextlib.contextmanager
def parser(file: IO[bytes], request: Request) -> Iterator[Child]:
    """Start a child that parses an open file; it is ended with the block."""
    command = [sys.executable, "-I", "-B", "-c", _CHILD, json.dumps(asdict(request))]
    environment = _SINGLE | {name: os.environ[name] for name in _KEPT if name in os.environ}
    with subprocess.Popen(  # noqa: S603 - our own interpreter and code; the file is only its input
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/"
    ) as process:
        try:
            yield Child(process, len(request.channels))
        finally:
            process.kill()
