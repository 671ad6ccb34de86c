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
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, Final

from edge_runtime.core import printable
from edge_runtime.sandbox import Limits, give_up_rights
from trainer.formats.contract import Content, Refusal, Request

Reader = Callable[[IO[bytes], Request], Content]

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
    request = Request(asked["kind"], tuple(asked["signals"]), tuple(asked["channels"]), asked["number"])
    reader: Reader = import_module(f"trainer.formats.{request.kind}").read
    reach_input_and_answer_only()
    head, body = answer(reader, sys.stdin.buffer, request)
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)


def answer(reader: Reader, stream: IO[bytes], request: Request) -> tuple[dict[str, Any], bytes]:
    """Parse; return the line of JSON as a dictionary, and the values that follow it."""
    try:
        content = parse(reader, stream, request)
        rows, columns = content.values.shape
        head: dict[str, Any] = {"rows": rows, "columns": columns, "stated": dict(content.stated)}
        return head, content.values.astype("<f8").tobytes()
    except Refusal as refusal:
        # The parent reads one line, and names in a file may be of any length.
        head = {"error": printable(refusal.what, _MESSAGE), "remedy": printable(refusal.remedy, _MESSAGE)}
    except MemoryError:
        head = {
            "error": "needs more than 2 GiB to read",
            "remedy": "Split the recording, or check the file",
        }
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        head = {
            "error": f"cannot be parsed ({error.__class__.__name__}: {printable(error)})",
            "remedy": "The file is damaged, truncated or of another format; export or download it again",
        }
    return head, b""
