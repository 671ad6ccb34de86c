"""The disposable child process that parses one recording.

Parsers of .mat and .npz were not made for hostile files: damaged ones crash the interpreter or ask for
gigabytes. So each file is parsed in a process of its own that first gives up every right but to compute on
what it has open: see `edge_runtime.core.sandbox`. It reads an open file from standard input and answers on
standard output, block by block: a line of JSON, then float64 values, row by row. Nothing is pickled.

Landlock and seccomp are Linux's. Windows has no limits either, and macOS not all: there the process is still
separate, and the parent ends it after a minute, but a hostile file has the rights of the user. Train on such
systems from recordings whose origin is known.
"""

import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from typing import IO, Any, Final

import numpy as np

from edge_runtime.core import printable
from edge_runtime.core.sandbox import Limits, give_up_rights
from trainer.formats.contract import Content, Hints, ParsedSamples, Refusal, Request

Reader = Callable[[IO[bytes], Request], Content | Iterator[ParsedSamples | Content]]

LIMITS: Final = Limits(
    # Twice the largest recording of a format that cannot be read in blocks, WHOLE_VALUES float64 values.
    memory_bytes=2 * 1024**3,
    # Half the wall-clock time that the parent waits for a block, so that a busy parser ends by itself first.
    cpu_s=30,
    # A parser has its input, its output and at times a library open: about ten. 32 leaves room.
    open_files=32,
)
_BYTES_A_SECOND: Final = 2 * 1024 * 1024
"""Of a file: the slowest boards read text at some 4 MB/s; a larger file has more processor time by it."""
_MESSAGE: Final = 2000
"""Characters of a sentence: the longest lists twenty names."""
_NEW_USER_AND_NETWORK: Final = 0x10000000 | 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET, from <linux/sched.h>; see unshare(2)."""


def allowed(size: int) -> Limits:
    """What a parser may use of a file of so many bytes."""
    return replace(LIMITS, cpu_s=LIMITS.cpu_s + size // _BYTES_A_SECOND)


def parse(reader: Reader, stream: IO[bytes], request: Request) -> Iterator[Content]:
    """Read the requested signals in blocks, float64 [samples, channels]; the last says what the file states.

    Raises Refusal where `reader` does, and where it finds another number of signals than of channels.
    """
    found = reader(stream, request)
    for block in (found,) if isinstance(found, Content) else found:
        content = block if isinstance(block, Content) else Content(block)
        width = content.values.shape[1]
        if request.channels and width != len(request.channels):
            raise Refusal(
                f"{width} signals for the {len(request.channels)} channels {' '.join(request.channels)}",
                "Name one signal a channel in the list",
            )
        yield content


def reach_input_and_answer_only(size: int = 0, inherited: Sequence[str] = ()) -> None:
    """Take from this process every right that no parser needs, as far as the system can.

    Without a filter of calls it moves to a network that has no address, where the kernel lets ordinary users
    make one and no thread is running. `size` is that of the file, in bytes; `inherited` what its host gave up
    for it.
    """
    if "seccomp" in give_up_rights(allowed(size), inherited):
        return
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not on Linux
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def main() -> None:
    """Load the one parser needed, give up every right not needed, parse, answer."""
    request = asked(json.loads(sys.argv[1]))
    reader: Reader = import_module(f"trainer.formats.{request.kind}").read
    reach_input_and_answer_only(os.fstat(sys.stdin.fileno()).st_size)
    write_answer(reader, sys.stdin.buffer, request, sys.stdout.buffer)


def write_answer(reader: Reader, stream: IO[bytes], request: Request, to: IO[bytes]) -> None:
    """Parse, and write each block as soon as it is there."""
    for head, body in answer(reader, stream, request):
        to.write(json.dumps(head).encode() + b"\n")
        to.write(body)
        to.flush()


def asked(fields: dict[str, Any]) -> Request:
    """Make a request of the dictionary that the parent sent."""
    span_s = fields.get("span_s")
    return Request(
        fields["kind"],
        tuple(fields["signals"]),
        tuple(fields["channels"]),
        fields["number"],
        Hints(**fields.get("hints", {})),
        None if span_s is None else tuple(span_s),
    )


def answer(
    reader: Reader, stream: IO[bytes], request: Request
) -> Iterator[tuple[dict[str, Any], bytes | memoryview]]:
    """Parse; yield lines of JSON as dictionaries, each with the values that follow it."""
    try:
        held: Content | None = None
        for content in parse(reader, stream, request):
            if held is not None:
                yield head_of(held) | {"more": True}, body_of(held)
            held = content
        if held is None:
            raise Refusal("holds no readings", "Export the recording again")
        said = {"stated": dict(held.stated), "names": held.names, "starts": held.starts, "notes": held.notes}
        yield head_of(held) | said, body_of(held)
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        yield what_is_wrong(error), b""


def what_is_wrong(error: Exception) -> dict[str, Any]:
    """Return the line of an answer that refuses a file, for what was raised while it was parsed."""
    if isinstance(error, Refusal):
        # The parent reads one line, and names in a file may be of any length.
        return {"error": printable(error.what, _MESSAGE), "remedy": printable(error.remedy, _MESSAGE)}
    if isinstance(error, MemoryError):
        return {
            "error": "needs more than 2 GiB to read",
            "remedy": "Split the recording, or export it as .npz, .wav or .csv, which are read in blocks",
        }
    return {
        "error": f"cannot be parsed ({error.__class__.__name__}: {printable(error)})",
        "remedy": "The file is damaged, truncated or of another format; export or download it again",
    }


def head_of(content: Content) -> dict[str, Any]:
    """Return how many values follow a line of an answer, as the line says it."""
    rows, columns = content.values.shape
    return {"rows": rows, "columns": columns}


def body_of(content: Content) -> memoryview:
    """Return those values, row by row: float64, the least byte first."""
    return np.ascontiguousarray(content.values, dtype="<f8").reshape(-1).data.cast("B")
