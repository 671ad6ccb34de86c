"""A sensor's commissioning as it is kept on disk: JSON, read strictly."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from edge_runtime.book.commissioning import LONGEST, MOST_ENTRIES, Commissioning, Entry, Stage
from edge_runtime.core import Check, check_fields, list_of, number, object_of, text_of, whole

SCHEMA: Final = 1
MAX_RECORD_BYTES: Final = 512 * 1024
"""Of the JSON text: 100 entries of a thousand characters are a fifth of it."""
_MANY: Final = 2**53
_COUNT: Final = whole(0, _MANY)
_TEXT: Final = text_of(LONGEST)
_SAID: Final = text_of(LONGEST + 3)
"""Cut texts end in three dots."""
_ENTRY: Final[Mapping[str, Check]] = {
    "at_us": whole(-_MANY, _MANY),
    "who": _TEXT,
    "what": _SAID,
}
_FIELDS: Final[Mapping[str, Check]] = {
    "schema": whole(SCHEMA, SCHEMA),
    "stage": lambda value: value in set(Stage),
    "request": text_of(64),
    **dict.fromkeys(("baseline", "newest", "offer", "windows", "exceeded", "alarms"), _COUNT),
    **dict.fromkeys(("offered", "asks"), _SAID),
    "watched_s": number(0, 1e12),
    "history": list_of(object_of("history", _ENTRY), 0, MOST_ENTRIES),
}


def record_to_json(record: Commissioning) -> bytes:
    """What is written."""
    return json.dumps({"schema": SCHEMA, **asdict(record)}, indent=1).encode()


def record_from_json(data: bytes) -> Commissioning:
    """What was written. Raises ValueError for anything else."""
    try:
        body = json.loads(data)
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    if not isinstance(body, dict):
        raise ValueError("it is no JSON object")
    check_fields(body, _FIELDS, (), "")
    if body["baseline"] > body["newest"] or body["offer"] > body["newest"]:
        raise ValueError("it names a model that was never learnt")
    del body["schema"]
    history = tuple(Entry(**entry) for entry in body.pop("history"))
    return Commissioning(stage=Stage(body.pop("stage")), history=history, **body)
