"""JSON that can be read in one way only: `read_json`."""

import json
from typing import Any

from edge_runtime.core.foreign_text import printable


def read_json(text: str) -> Any:
    """Read a foreign text whose keys are there once and whose numbers are numbers of JSON.

    Of a key that is there twice one reader takes the first and another the last; NaN and Infinity are words
    of Python's own (RFC 8259, sections 4 and 6). Raises ValueError that says what is wrong.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {printable(twice)!r} is there twice")
        return found

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ValueError("lists within lists without end") from None
