"""The disposable child process that parses one recording.

Parsers of .mat and .npz were not made for hostile files: damaged ones crash the interpreter or ask for
gigabytes. So each file is parsed in a process of its own that first gives up the right to write files, to
open many, to use more than 2 GiB or 30 s of processor time, and where the kernel lets it the network. It is
handed an open file on standard input and answers on standard output: one line of JSON, then float64 values,
row by row. Nothing is pickled.
"""

import contextlib
import ctypes
import json
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from typing import IO, Final

from trainer.formats.contract import Content, Refusal, Request

Reader = Callable[[IO[bytes], Request], Content]

_LIMITS: Final = {
    resource.RLIMIT_AS: 2 * 1024**3,
    resource.RLIMIT_CPU: 30,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
}
_NEW_USER_AND_NETWORK: Final = 0x10000000 | 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET of unshare(2)."""


def parse(reader: Reader, stream: IO[bytes], request: Request) -> Content:
    """Read the requested signals. Raises Refusal."""
    content = reader(stream, request)
    if content.values.shape[1] != len(request.channels):
        raise Refusal(
            f"{content.values.shape[1]} signals for the {len(request.channels)} channels "
            f"{' '.join(request.channels)}",
            "Name one signal a channel in the list",
        )
    return content


def _answer(reader: Reader, request: Request) -> tuple[dict[str, object], bytes]:
    try:
        content = parse(reader, sys.stdin.buffer, request)
    except Refusal as refusal:
        return dict(zip(("error", "remedy"), refusal.args, strict=True)), b""
    except MemoryError:
        return {
            "error": "needs more than 2 GiB to read",
            "remedy": "Split the recording, or check the file",
        }, b""
    except Exception as error:  # noqa: BLE001 - whatever a parser trips over, the file is at fault
        return {
            "error": f"cannot be parsed ({error.__class__.__name__}: {str(error)[:200]})",
            "remedy": "The file is damaged, truncated or of another format; export or download it again",
        }, b""
    rows, columns = content.values.shape
    head = {"rows": rows, "columns": columns, "stated": dict(content.stated)}
    return head, content.values.astype("<f8").tobytes()


def give_up_rights() -> None:
    """Take from this process what no parser needs.

    The network stays where the kernel keeps ordinary users from namespaces, or where threads are running.
    """
    for limit, value in _LIMITS.items():
        resource.setrlimit(limit, (value, value))
    with contextlib.suppress(AttributeError):  # not on Linux
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def main() -> None:
    """Load the one parser needed, give up every right not needed, parse, answer."""
    asked = json.loads(sys.argv[1])
    request = Request(asked["kind"], tuple(asked["signals"]), tuple(asked["channels"]), asked["number"])
    reader: Reader = import_module(f"trainer.formats.{request.kind}").read
    give_up_rights()
    head, body = _answer(reader, request)
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
