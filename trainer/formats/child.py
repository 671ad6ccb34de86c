"""The disposable child process that parses one recording.

Parsers of .mat and .npz were not made for hostile files: damaged ones crash the interpreter or ask for
gigabytes. So each file is parsed in a process of its own that first gives up the right to write files, to
open many, to use more than 2 GiB or 30 s of processor time, and where the kernel allows it the network. It
reads an open file from standard input and answers on standard output: one line of JSON, then float64 values,
row by row. Nothing is pickled.

Windows has none of these limits, and macOS not all: there the process is still separate, and the parent ends
it after a minute, but a hostile file has the rights of the user. Train on such systems from recordings whose
origin is known.
"""

import contextlib
import ctypes
import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import IO, Final

from trainer.formats.contract import Content, Refusal, Request

Reader = Callable[[IO[bytes], Request], Content]

_LIMITS: Final = {
    # Four times the largest recording accepted, MAX_VALUES float64 values: parsers hold several copies.
    "RLIMIT_AS": 2 * 1024**3,
    # Seconds. Half the wall-clock time that the parent waits, so that a busy parser ends by itself first.
    "RLIMIT_CPU": 30,
    # A parser has its input, its output and at times a library open: about ten. 32 leaves room.
    "RLIMIT_NOFILE": 32,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 0,
}
"""Limits by their names in `resource`, for those that the system has."""
_NEW_USER_AND_NETWORK: Final = 0x10000000 | 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET, from <linux/sched.h>; see unshare(2)."""
_ERROR_CHARACTERS: Final = 200
"""Of a parser's own message: enough to recognise it, short enough for one line of a terminal or log."""


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


def give_up_rights() -> None:
    """Take from this process what no parser needs.

    The network stays where the kernel keeps ordinary users from namespaces, or where threads are running;
    limits that the system lacks are left out.
    """
    try:
        resource = import_module("resource")
    except ImportError:  # Windows, which also has no unshare
        return
    # macOS refuses to limit the address space. On Linux every limit must hold.
    refused = () if sys.platform == "linux" else (ValueError, OSError)
    for name, value in _LIMITS.items():
        with contextlib.suppress(*refused):
            resource.setrlimit(getattr(resource, name), (value, value))
    with contextlib.suppress(AttributeError):  # not on Linux
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def main() -> None:
    """Load the one parser needed, give up every right not needed, parse, answer."""
    asked = json.loads(sys.argv[1])
    request = Request(asked["kind"], tuple(asked["signals"]), tuple(asked["channels"]), asked["number"])
    reader: Reader = import_module(f"trainer.formats.{request.kind}").read
    give_up_rights()
    body = b""
    try:
        content = parse(reader, sys.stdin.buffer, request)
        rows, columns = content.values.shape
        head = {"rows": rows, "columns": columns, "stated": dict(content.stated)}
        body = content.values.astype("<f8").tobytes()
    except Refusal as refusal:
        head = dict(zip(("error", "remedy"), refusal.args, strict=True))
    except MemoryError:
        head = {
            "error": "needs more than 2 GiB to read",
            "remedy": "Split the recording, or check the file",
        }
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        head = {
            "error": f"cannot be parsed ({error.__class__.__name__}: {str(error)[:_ERROR_CHARACTERS]})",
            "remedy": "The file is damaged, truncated or of another format; export or download it again",
        }
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
