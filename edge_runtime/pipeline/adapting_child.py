"""A model is adapted in a child process, since captures are foreign and their windows fill memory:
`adapt_in_child`.

The child reads the captures of one folder, computes with bounded memory and processor time, and answers with
the text of an adaptation; it has no other right (see `edge_runtime.core.sandbox`).
"""

import contextlib
import json
import mmap
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import (
    Adaptation,
    ArtefactError,
    DataError,
    EdgeError,
    adaptation_from_text,
    adaptation_to_text,
    first_line,
    printable,
)
from edge_runtime.core.sandbox import ChildFailure, Limits, give_up_rights, run_child
from edge_runtime.models import prove_model

MEMORY_BYTES: Final = 250 * 1024 * 1024
"""Beside the interpreter and the libraries. Windows are 32 MB at most, and are held twice while they are
put together: 162 MB in all, measured."""
_LIBRARIES_BYTES: Final = 100 * 1024 * 1024
"""What the interpreter, numpy and onnxruntime hold before a model is opened: 60 MB, measured."""
CPU_S: Final = 600
"""Twenty times what an hour of three channels at 12 kHz takes on a core of an x86-64 machine, 0.16 s a minute
of a channel; a Raspberry Pi's core takes several times as long."""
WALL_S: Final = 3600.0
"""Processor time is what is bounded; this only ends a child that waits for ever."""
_NICE: Final = 10
"""It shall not take time from the service that watches, where that may be said: the unit denies it."""
_END_OF_ORDER: Final = b"\n"
_KINDS: Final = {kind.__name__: kind for kind in (ArtefactError, DataError)}
_MAX_SENTENCE: Final = 1000


def adapt_in_child(
    model: bytes, recordings: Sequence[Path], folder: Path, created: str, accept: Collection[str]
) -> Adaptation:
    """Adapt a model that has proved itself from captures below `folder`, in order of time, as `adapt` does.

    `created` is the time, RFC 3339. Raises DataError for recordings that do not fit the model, that are too
    short or not of one steady machine, and ArtefactError for a model that cannot be adapted.
    """
    asked = {
        "folder": str(folder),
        "recordings": [str(path) for path in recordings],
        "created": created,
        "accept": sorted(accept),
    }
    answer = run_child(
        "edge_runtime.pipeline.adapting_child",
        data=json.dumps(asked).encode() + _END_OF_ORDER + model,
        wall_s=WALL_S,
        resident_bytes=_LIBRARIES_BYTES + MEMORY_BYTES,
        cpu_s=CPU_S,
    )
    if isinstance(answer, ChildFailure):
        raise DataError(
            f"the model could not be adapted: {answer.detail}",
            where=str(folder),
            remedy="Record less of the machine, a minute of each state, or learn from its own vibration",
        )
    body = answer.body
    if "error" in body:
        what, where, remedy = (
            printable(body.get(name, ""), _MAX_SENTENCE) for name in ("error", "where", "remedy")
        )
        raise _KINDS.get(str(body.get("kind")), DataError)(what, where=where, remedy=remedy)
    return adaptation_from_text(str(body.get("adaptation", "")), "what the child answered")


def main() -> None:
    """Be the child: a line of JSON and the model on standard input, one line of JSON on standard output."""
    from edge_runtime.pipeline.adapting import adapt  # noqa: PLC0415  the service loads none of it

    with contextlib.suppress(OSError):  # our own unit denies it
        os.nice(_NICE)
    order, _, model = sys.stdin.buffer.read().partition(_END_OF_ORDER)
    asked = json.loads(order)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        pages = 4 * 1024**3 // mmap.PAGESIZE
    limits = Limits(pages * mmap.PAGESIZE + MEMORY_BYTES, CPU_S, readable=(Path(asked["folder"]),))
    give_up_rights(limits)
    try:
        made = adapt(prove_model(model, ""), asked["recordings"], asked["created"], asked["accept"])
        body: dict[str, Any] = {"adaptation": adaptation_to_text(made)}
    except EdgeError as error:
        kind = type(error).__name__
        body = {"error": error.what, "where": error.where, "remedy": error.remedy, "kind": kind}
    except Exception as error:  # noqa: BLE001  whatever the libraries raise, the input is at fault
        body = {
            "error": f"it could not be adapted ({type(error).__name__}: {first_line(error)})",
            "where": "adapt",
            "remedy": "Record the machine again, a minute of it, or learn from its own vibration",
        }
    sys.stdout.write(json.dumps(body) + "\n")
