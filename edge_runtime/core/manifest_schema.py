"""What a manifest's JSON may hold: types, ranges, lengths. `read_body` gives it checked, or raises
ValueError.

The file is foreign until it is read, and each of these bounds was once passed by a file that then ended the
service, filled a topic or raised no alarm. Two schemas: 1 as written until 0.1, 2 with named room for what
comes.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

SCHEMAS: Final = (1, 2)
MAX_BYTES: Final = {1: 8 * 1024 * 1024, 2: 1024 * 1024}
"""Of the JSON text. Golden windows are the bulk of it: a quarter of a megabyte as the trainer writes them;
until schema 2 nothing bounded them for windows of 65,536 samples."""
MAX_TEXT: Final = 200
"""Names and units stand in topics, messages and tables, which hold so many characters without harm."""
_MAX_STATEMENT: Final = 4000
"""A page of text."""
_MAX_SAMPLES: Final = 2**20
"""Of a window: 87 s at 12 kHz, where the detectors that ship have 0.09 s."""
_MAX_CHANNELS: Final = 64
"""Four times what a frame carries."""
_MAX_FEATURES: Final = 100_000
"""A detector that explains by sample has one for each of 65,536 samples."""
_MAX_CONDITIONS: Final = 10_000
_MAX_NOTES: Final = 200
_MAX_GOLDEN: Final = 64
"""Judgements: a hundred times, ten times and six times what the trainer writes."""
_LARGEST: Final = 1e30
"""Scores are single precision, which ends at 3.4e38: a threshold near it cannot be exceeded."""
_MAX_TOLERANCE: Final = 0.01
"""Processors differ in the last digits of single precision, 1e-6; int8 variants by 1e-3. More proves
nothing."""
_MAX_DELAY_S: Final = 86400.0
"""A day: an alarm that waits for longer is none."""
_FEW_VOTES: Final = 20
_PROMPT_S: Final = 60.0
"""A file may ask for so many votes, or for so much time of them; a site may ask for more in its
configuration."""

Check = Callable[[Any], bool]


class FieldError(ValueError):
    """A field is missing, unknown, or cannot be what it is."""

    def __init__(self, field: str, what: str) -> None:
        """Keep the field's name apart."""
        super().__init__(f"{field} {what}")
        self.field = field


class ContradictionError(ValueError):
    """Each field is what it may be, and two of them do not go together."""


def read_body(text: str, schema: int) -> dict[str, Any]:
    """Read a manifest's JSON text of that schema. Raises ValueError that names the field and what it may
    be."""
    if len(text) > MAX_BYTES[schema]:
        raise ValueError(f"it is longer than {MAX_BYTES[schema]} bytes")
    try:
        body = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    if not isinstance(body, dict):
        raise ValueError("it is no JSON object")
    if body.get("golden") == []:
        raise FieldError(
            "golden", "is empty: there are no golden windows, and nothing to prove the file with"
        )
    known = _FIELDS if schema == 1 else {**_FIELDS, **_ROOM}
    _check_fields(body, known, optional=_OPTIONAL | _ROOM.keys(), at="")
    if body["hop"] > body["samples"]:
        raise ContradictionError(f"hop {body['hop']} is longer than the window of {body['samples']} samples")
    votes = body["policy"].get("votes", [1, 1])[0]
    takes_s = votes * body["hop"] / body["rate_hz"]
    if votes > _FEW_VOTES and takes_s > _PROMPT_S:
        raise ContradictionError(
            f"the policy asks for {votes} votes, which take {takes_s:.0f} s: its alarms come too late"
        )
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One key once: of two, one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"the key {next(n for n in names if names.count(n) > 1)[:MAX_TEXT]!r} is there twice"
        )
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _text(longest: int = MAX_TEXT, but: str = "") -> Check:
    """A text of printable characters, and of those in `but`: it will stand in terminals, logs and topics."""
    return lambda value: (
        isinstance(value, str)
        and len(value) <= longest
        and (value.isprintable() or all(char.isprintable() or char in but for char in value))
    )


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and low <= value <= high

    return check


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check, least: int, most: int) -> Check:
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(check, value))


def _map_to(check: Check, most: int, longest: int = MAX_TEXT) -> Check:
    return lambda value: (
        isinstance(value, dict)
        and len(value) <= most
        and all(len(key) <= longest for key in value)
        and all(map(check, value.values()))
    )


def _object(at: str, fields: Mapping[str, Check], optional: Collection[str] = ()) -> Check:
    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        _check_fields(value, fields, optional, f"{at}.")
        return True

    return check


def _at_least(at: str, fields: Mapping[str, Check]) -> Check:
    """An object that has these fields; others are of what comes, and nobody reads them."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        known = {name: body for name, body in value.items() if name in fields}
        _check_fields(known, fields, (), f"{at}.")
        return True

    return check


_POSITIVE: Final = _number(1e-6, 1e9)
_ANY: Final = _number(-_LARGEST, _LARGEST)
_FEATURE: Final = {
    "name": _text(),
    "unit": _text(),
    "low_hz": _or_null(_number(0, 1e9)),
    "high_hz": _or_null(_number(0, 1e9)),
}
_GOLDEN: Final = {"samples": _text(MAX_BYTES[1]), "score": _ANY}
_POLICY: Final = {
    "votes": lambda value: _list_of(_whole(1, 1000), 2, 2)(value) and value[0] <= value[1],
    "on_delay_s": _number(0, _PROMPT_S),
    "off_delay_s": _number(0, _MAX_DELAY_S),
    "deadband": _number(0, 1),
    "re_alarm_s": lambda value: value == 0 or _number(1, 366 * _MAX_DELAY_S)(value),
}
_CALIBRATION: Final = {
    "method": _text(),
    "false_alarm_rate": _number(0, 1e6),
    "supported": lambda value: isinstance(value, bool),
    "statement": _text(_MAX_STATEMENT, but="\n\t"),
    "windows": _whole(0, 2**53),
    "conditions": _list_of(_text(), 0, _MAX_CONDITIONS),
    "quantiles": _map_to(_ANY, _MAX_NOTES),
}
_FIELDS: Final[Mapping[str, Check]] = {
    "name": _text(),
    "detector": _text(),
    "detector_version": _text(),
    "created": _text(),
    "rate_hz": _POSITIVE,
    "samples": _whole(1, _MAX_SAMPLES),
    "hop": _whole(1, _MAX_SAMPLES),
    "channels": _list_of(_text(), 1, _MAX_CHANNELS),
    "unit": _text(),
    "lowpass_hz": _or_null(_POSITIVE),
    "threshold": _ANY,
    "calibration": _object("calibration", _CALIBRATION),
    "policy": _object("policy", _POLICY, optional=_POLICY.keys() - {"votes"}),
    "features": _list_of(_object("features", _FEATURE, optional=("low_hz", "high_hz")), 0, _MAX_FEATURES),
    "golden": _list_of(_object("golden", _GOLDEN), 1, _MAX_GOLDEN),
    "golden_tolerance": _number(0, _MAX_TOLERANCE),
    "data_digest": _text(),
    "opset": _whole(1, 1000),
    "producer": _text(),
    "notes": _map_to(_text(_MAX_STATEMENT, but="\n\t"), _MAX_NOTES),
}
_OPTIONAL: Final = frozenset({"notes"})
_SIZE: Final = _or_null(_number(0, _LARGEST))
_HEARD: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("name", "kind", "what", "unit", "worst_condition"), _text()),
    **dict.fromkeys(("at_hz", "alarm", "worst", "half", "most"), _SIZE),
}
_POWER: Final[Mapping[str, Check]] = {
    "supported": lambda value: isinstance(value, bool),
    "statement": _text(_MAX_STATEMENT),
    "conditions": _list_of(_text(), 1, _MAX_CONDITIONS),
    "unit": _text(),
    **dict.fromkeys(("within_s", "largest", "level", "index"), _number(0, _LARGEST)),
    "clipping": _SIZE,
    "faults": _list_of(_at_least("power.faults", _HEARD), 1, _MAX_NOTES),
    "breaks": _list_of(
        _at_least("power.breaks", {"name": _text(), "what": _text(), "heard": lambda v: isinstance(v, bool)}),
        0,
        _MAX_NOTES,
    ),
}
# What the next capabilities write. An object each, or null while it is not there; what is in them is theirs
# to check.
_ROOM: Final[Mapping[str, Check]] = {
    "known_faults": _or_null(_list_of(_text(), 1, _MAX_CONDITIONS)),
    "learnt": _or_null(_list_of(_text(16), 1, _MAX_CONDITIONS)),
    "power": _or_null(_at_least("power", _POWER)),
    **dict.fromkeys(
        ("adaptable", "states", "slow_alarm", "origin"),
        lambda value: value is None or isinstance(value, dict),
    ),
}


def _check_fields(
    body: Mapping[str, Any], known: Mapping[str, Check], optional: Collection[str], at: str
) -> None:
    for name in body:
        if name not in known:
            raise FieldError(f"{at}{name[:MAX_TEXT]}", "is no field of a manifest")
    for name, check in known.items():
        if name not in body:
            if name not in optional:
                raise FieldError(f"{at}{name}", "is missing")
        elif not check(body[name]):
            raise FieldError(f"{at}{name}", f"is {repr(body[name])[:80]}, which it cannot be")
