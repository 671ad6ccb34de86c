"""The disposable child process that parses one recording.

Parsers of .mat and .npz were not made for hostile files: damaged ones crash the interpreter or ask for
gigabytes. So each file is parsed in a process of its own that first gives up every right but to compute on
what it has open: see `edge_runtime.sandbox`. It reads an open file from standard input and answers on
standard output: one line of JSON, then float64 values, row by row. Nothing is pickled.

Landlock and seccomp are Linux's. Windows has no limits either, and macOS not all: there the process is still
separate, and the parent ends it after a minute, but a hostile file has the rights of the user. Train on such
systems from recordings whose origin is known.
"""

import contextlib
import ctypes
import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO, Any, Final

from edge_runtime.core import printable
from edge_runtime.sandbox import Limits, give_up_rights
from trainer.formats.contract import Content, Refusal, Request

Reader = Callable[[IO[bytes], Request], Content]
Answer = tuple[dict[str, Any], bytes]
"""The line of JSON as a dictionary, and the values that follow it."""

LIMITS: Final = Limits(
    # Four times the largest recording accepted, MAX_VALUES float64 values: parsers hold several copies.
    memory_bytes=2 * 1024**3,
    # Half the wall-clock time that the parent waits, so that a busy parser ends by itself first.
    cpu_s=30,
    # A parser has its input, its output and at times a library open: about ten. 32 leaves room.
    open_files=32,
)
_MESSAGE: Final = 2000
"""Characters of a sentence: the longest lists twenty names."""
_NEW_USER_AND_NETWORK: Final = 0x10000000 | 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET, from <linux/sched.h>; see unshare(2)."""


def parse(reader: Reader, stream: IO[bytes], request: Request) -> Content:
    """Read the requested signals, float64 [samples, channels].

    Raises Refusal where `reader` does, and where it finds another number of signals than of channels.
    """
    content = reader(stream, request)
    if content.values.shape[1] != len(request.channels):
        raise Refusal(
            f"{content.values.shape[1]} signals for the {len(request.channels)} channels "
            f"{' '.join(request.channels)}",
            "Name one signal a channel in the list",
        )
    return content


def reach_input_and_answer_only() -> None:
    """Take from this process every right that no parser needs, as far as the system can.

    Without a filter of calls it moves to a network that has no address, where the kernel lets ordinary users
    make one and no thread is running.
    """
    if "seccomp" in give_up_rights(LIMITS):
        return
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not on Linux
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def main() -> None:
    """Load the one parser needed, give up every right not needed, parse, answer."""
    asked = json.loads(sys.argv[1])
    span_s = asked.get("span_s")
    request = Request(
        asked["kind"],
        tuple(asked["signals"]),
        tuple(asked["channels"]),
        asked["number"],
        None if span_s is None else tuple(span_s),
    )
    module = import_module(f"trainer.formats.{request.kind}")
    reach_input_and_answer_only()
    for head, body in answers(module, sys.stdin.buffer, request):
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
        sys.stdout.buffer.flush()


def answers(module: Any, stream: IO[bytes], request: Request) -> Iterator[Answer]:
    """Parse with a module of this folder; of a capture, yield its stretches and an answer without rows.

    A capture's look, which names no channels, is one answer.
    """
    if not hasattr(module, "stretches"):
        yield answer(module.read, stream, request)
        return
    try:
        if not request.channels:
            yield {"look": module.look(stream, request)}, b""
            return
        for content in module.stretches(stream, request):
            yield _told(content)
        yield {"rows": 0, "columns": len(request.channels), "stated": {}}, b""
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        yield _what_is_wrong(error), b""


def answer(reader: Reader, stream: IO[bytes], request: Request) -> Answer:
    """Parse a file that is one recording."""
    try:
        return _told(parse(reader, stream, request))
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        return _what_is_wrong(error), b""


def _told(content: Content) -> Answer:
    rows, columns = content.values.shape
    head: dict[str, Any] = {"rows": rows, "columns": columns, "stated": dict(content.stated)}
    return head, content.values.astype("<f8").tobytes()


def _what_is_wrong(error: Exception) -> dict[str, Any]:
    if isinstance(error, Refusal):
        # The parent reads one line, and names in a file may be of any length.
        return {"error": printable(error.what, _MESSAGE), "remedy": printable(error.remedy, _MESSAGE)}
    if isinstance(error, MemoryError):
        return {"error": "needs more than 2 GiB to read", "remedy": "Split the recording, or check the file"}
    return {
        "error": f"cannot be parsed ({error.__class__.__name__}: {printable(error)})",
        "remedy": "The file is damaged, truncated or of another format; export or download it again",
    }
