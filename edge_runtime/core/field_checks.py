"""What a field of a JSON object from outside may be: checks, and how they are put together."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

MAX_TEXT: Final = 200
"""Names and units stand in topics, messages and tables, which hold so many characters without harm."""

Check = Callable[[Any], bool]


class FieldError(ValueError):
    """A field is missing, unknown, or cannot be what it is."""

    def __init__(self, field: str, what: str) -> None:
        """Keep the field's name apart."""
        super().__init__(f"{field} {what}")
        self.field = field


def text_of(longest: int = MAX_TEXT, but: str = "", shortest: int = 0) -> Check:
    """A text of printable characters, and of those in `but`: it will stand in terminals, logs and topics."""
    return lambda value: (
        isinstance(value, str)
        and shortest <= len(value) <= longest
        and (value.isprintable() or all(char.isprintable() or char in but for char in value))
    )


def number(low: float, high: float) -> Check:
    """A finite number within these bounds."""

    def check(value: Any) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and low <= value <= high

    return check


def whole(low: int, high: int) -> Check:
    """A whole number within these bounds."""
    return lambda value: type(value) is int and low <= value <= high


def or_null(check: Check) -> Check:
    """What passes, or null."""
    return lambda value: value is None or check(value)


def list_of(check: Check, least: int, most: int) -> Check:
    """A list of so many of what passes."""
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(check, value))


def map_to(check: Check, most: int, longest: int = MAX_TEXT) -> Check:
    """An object of any keys, so many and so long at most, whose values pass."""
    return lambda value: (
        isinstance(value, dict)
        and len(value) <= most
        and all(len(key) <= longest for key in value)
        and all(map(check, value.values()))
    )


def object_of(at: str, fields: Mapping[str, Check], optional: Collection[str] = ()) -> Check:
    """An object that has these fields and no others; `at` names it in errors."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        check_fields(value, fields, optional, f"{at}.")
        return True

    return check


def at_least(at: str, fields: Mapping[str, Check], optional: Collection[str] = ()) -> Check:
    """An object that has these fields, but for the `optional` ones; others are of what comes, and nobody
    reads them."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        known = {name: body for name, body in value.items() if name in fields}
        check_fields(known, fields, optional, f"{at}.")
        return True

    return check


def check_fields(
    body: Mapping[str, Any], known: Mapping[str, Check], optional: Collection[str], at: str
) -> None:
    """Raise FieldError for a field that is unknown, missing or not what it may be; `at` precedes its name."""
    for name in body:
        if name not in known:
            raise FieldError(f"{at}{name[:MAX_TEXT]}", "is no field of it")
    for name, check in known.items():
        if name not in body:
            if name not in optional:
                raise FieldError(f"{at}{name}", "is missing")
        elif not check(body[name]):
            raise FieldError(f"{at}{name}", f"is {repr(body[name])[:80]}, which it cannot be")
