"""How a body becomes JSON: `Body`, its base, and what a number or a time is in it."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

Moment = Annotated[str, "date-time"]
"""UTC with microseconds as RFC 3339 section 5.6 writes it, such as 2026-01-01T06:05:35.675000Z."""
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Body:
    """Base of the JSON objects."""

    def encode(self) -> bytes:
        """UTF-8 without blanks; a lone surrogate, which has no UTF-8, becomes a question mark."""
        return encode_json(vars(self))


def plain_members(value: object) -> Any:
    """An object's members as plain dictionaries and lists, those of objects within it, too."""
    if isinstance(value, Body):
        return {name: plain_members(inner) for name, inner in vars(value).items()}
    return list(map(plain_members, value)) if isinstance(value, tuple) else value


def encode_json(members: Mapping[str, object]) -> bytes:
    """The members as one JSON object; ValueError for a number that is not finite."""
    return _ENCODER.encode(members).encode(errors="replace")


def number(value: float | None) -> float | None:
    """The value, or None where JSON has no word for it (RFC 8259 section 6 excludes infinity and NaN)."""
    return value if value is not None and math.isfinite(value) else None


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"),
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,  # bodies are trees
    default=lambda value: vars(value) if isinstance(value, Body) else str(value),
)


def plain(value: object) -> Json:
    """Any value as JSON has it: what is not finite is null, what is foreign a text."""
    # The usual first: asking whether something is a Mapping takes longer than all the rest.
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return number(float(value))
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    return str(value)
