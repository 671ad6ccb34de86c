"""The disposable child process that reads one capture: as `child`, but a stretch without a gap is one answer.

After the last stretch comes an answer without rows. A capture's look, which names no channels, is one answer.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from trainer.formats.capture import look, stretches
from trainer.formats.child import asked, body_of, head_of, reach_input_and_answer_only, what_is_wrong
from trainer.formats.contract import Request


def main() -> None:
    """Give up every right not needed, read, answer."""
    request = asked(json.loads(sys.argv[1]))
    reach_input_and_answer_only(os.fstat(sys.stdin.fileno()).st_size)
    for head, body in answers(sys.stdin.buffer, request):
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def answers(stream: IO[bytes], request: Request) -> Iterator[tuple[dict[str, Any], bytes | memoryview]]:
    """Read; yield lines of JSON as dictionaries, each with the values that follow it."""
    try:
        if not request.channels:
            yield {"look": look(stream, request)}, b""
            return
        for content in stretches(stream, request):
            yield head_of(content) | {"stated": dict(content.stated)}, body_of(content)
        yield {"rows": 0, "columns": len(request.channels), "stated": {}}, b""
    except Exception as error:  # noqa: BLE001 - whatever exception a parser raises, the file is the cause
        yield what_is_wrong(error), b""
