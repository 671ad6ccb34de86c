"""What a manifest's JSON may hold: types, ranges, lengths. `read_body` gives it checked, or raises
ValueError.

The file is foreign until it is read, and each of these bounds was once passed by a file that then ended the
service, filled a topic or raised no alarm. Two schemas: 1 as written until 0.1, 2 with named room for what
comes.
"""

from collections.abc import Mapping
from typing import Any, Final

from edge_runtime.core.field_checks import (
    Check,
    FieldError,
    at_least,
    check_fields,
    list_of,
    map_to,
    number,
    object_of,
    or_null,
    text_of,
    whole,
)
from edge_runtime.core.machine_states import NO_STATES
from edge_runtime.core.strict_json import read_json

SCHEMAS: Final = (1, 2)
"""Versions of the manifest that are read."""
MAX_BYTES: Final = {1: 8 * 1024 * 1024, 2: 1024 * 1024}
"""Of the JSON text. Golden windows are the bulk of it: a quarter of a megabyte as the trainer writes them;
until schema 2 nothing bounded them for windows of 65,536 samples."""
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
configuration. A judgement: four times the votes that the trainer writes, and a minute, after which an alarm
is late for a machine that runs away."""


class ContradictionError(ValueError):
    """Each field is what it may be, and two of them do not go together."""


def read_body(text: str, schema: int) -> dict[str, Any]:
    """Read a manifest's JSON text of that schema. Raises ValueError that names the field and what it may
    be."""
    if len(text) > MAX_BYTES[schema]:
        raise ValueError(f"it is longer than {MAX_BYTES[schema]} bytes")
    body = read_json(text)
    if not isinstance(body, dict):
        raise ValueError("it is no JSON object")
    if body.get("golden") == []:
        raise FieldError(
            "golden", "is empty: there are no golden windows, and nothing to prove the file with"
        )
    known = _FIELDS if schema == 1 else {**_FIELDS, **_ROOM}
    check_fields(body, known, optional=_OPTIONAL | _ROOM.keys(), at="")
    if body["hop"] > body["samples"]:
        raise ContradictionError(f"hop {body['hop']} is longer than the window of {body['samples']} samples")
    if slow := body.get("slow_alarm"):
        levels = [slow[name] for name in ("floor", "end", "threshold", "ceiling")]
        if sorted(levels) != levels or slow["threshold"] == slow["ceiling"]:
            raise ContradictionError(
                "floor, end, threshold and ceiling of the slow alarm are not in this order: it could not "
                "begin, or not end"
            )
    votes = body["policy"].get("votes", [1, 1])[0]
    takes_s = votes * body["hop"] / body["rate_hz"]
    if votes > _FEW_VOTES and takes_s > _PROMPT_S:
        raise ContradictionError(
            f"the policy asks for {votes} votes, which take {takes_s:.0f} s: its alarms come too late"
        )
    _check_states(body.get("states"))
    return body


def _check_states(states: Mapping[str, Any] | None) -> None:
    if states is None:
        return
    names = states["names"]
    if len(set(names)) != len(names) or NO_STATES.intersection(names):
        raise ContradictionError(f"states {names} have one name twice, or one that is no state's")
    whole = set(names) == set(states["levels"]) == set(states["conditions"])
    if not whole or not set(states["thresholds"]) <= set(names):
        raise ContradictionError("what it says of operating states is not of those that it names")


_POSITIVE: Final = number(1e-6, 1e9)
"""Hz. A judgement: wider than what a recording may have, and the quotient of two is still finite."""
_ANY: Final = number(-_LARGEST, _LARGEST)
_FEATURE: Final = {
    "name": text_of(),
    "unit": text_of(),
    "low_hz": or_null(number(0, 1e9)),
    "high_hz": or_null(number(0, 1e9)),
}
_GOLDEN: Final = {"samples": text_of(MAX_BYTES[1]), "score": _ANY}
_POLICY: Final = {
    # Votes are bound above with the time that they take; an alarm that is repeated once a year is forgotten.
    "votes": lambda value: list_of(whole(1, 1000), 2, 2)(value) and value[0] <= value[1],
    "on_delay_s": number(0, _PROMPT_S),
    "off_delay_s": number(0, _MAX_DELAY_S),
    "deadband": number(0, 1),
    "re_alarm_s": lambda value: value == 0 or number(1, 366 * _MAX_DELAY_S)(value),
}
CALIBRATION: Final[Mapping[str, Check]] = {
    "method": text_of(),
    "false_alarm_rate": number(0, 1e6),  # a share of windows, or of a budget alarms an hour
    "supported": lambda value: isinstance(value, bool),
    "statement": text_of(_MAX_STATEMENT, but="\n\t"),
    "windows": whole(0, 2**53),
    "conditions": list_of(text_of(), 0, _MAX_CONDITIONS),
    "quantiles": map_to(_ANY, _MAX_NOTES),
}
_FIELDS: Final[Mapping[str, Check]] = {
    "name": text_of(),
    "detector": text_of(),
    "detector_version": text_of(),
    "created": text_of(),
    "rate_hz": _POSITIVE,
    "samples": whole(1, _MAX_SAMPLES),
    "hop": whole(1, _MAX_SAMPLES),
    "channels": list_of(text_of(), 1, _MAX_CHANNELS),
    "unit": text_of(),
    "lowpass_hz": or_null(_POSITIVE),
    "threshold": _ANY,
    "calibration": object_of("calibration", CALIBRATION),
    "policy": object_of("policy", _POLICY, optional=_POLICY.keys() - {"votes"}),
    "features": list_of(object_of("features", _FEATURE, optional=("low_hz", "high_hz")), 0, _MAX_FEATURES),
    "golden": list_of(object_of("golden", _GOLDEN), 1, _MAX_GOLDEN),
    "golden_tolerance": number(0, _MAX_TOLERANCE),
    "data_digest": text_of(),
    "opset": whole(1, 1000),
    "producer": text_of(),
    "notes": map_to(text_of(_MAX_STATEMENT, but="\n\t"), _MAX_NOTES),
}
_OPTIONAL: Final = frozenset({"notes"})
_SIZE: Final = or_null(number(0, _LARGEST))
_HEARD: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("name", "kind", "what", "unit", "worst_condition"), text_of()),
    **dict.fromkeys(("at_hz", "alarm", "worst", "half", "most", "slow"), _SIZE),
}
_BREAK: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("name", "what"), text_of()),
    "heard": lambda value: isinstance(value, bool),
}
_POWER: Final[Mapping[str, Check]] = {
    "supported": lambda value: isinstance(value, bool),
    "statement": text_of(_MAX_STATEMENT),
    "conditions": list_of(text_of(), 1, _MAX_CONDITIONS),
    "unit": text_of(),
    **dict.fromkeys(("within_s", "largest", "level", "index"), number(0, _LARGEST)),
    **dict.fromkeys(("clipping", "slow_s"), _SIZE),
    "faults": list_of(at_least("power.faults", _HEARD, optional=("slow",)), 1, _MAX_NOTES),
    "breaks": list_of(at_least("power.breaks", _BREAK), 0, _MAX_NOTES),
}
MOST_STATES: Final = 64
"""A judgement: a machine has a handful, and each is a column that every window computes."""
_MAX_SPAN: Final = 10_000
_LEVEL: Final = number(0, _LARGEST)
_STATES: Final[Mapping[str, Check]] = {
    "names": list_of(text_of(), 1, MOST_STATES),
    "thresholds": map_to(_ANY, MOST_STATES),
    "conditions": map_to(list_of(text_of(), 1, _MAX_CONDITIONS), MOST_STATES),
    "levels": map_to(list_of(_LEVEL, 2, 2), MOST_STATES),
    "span": whole(1, _MAX_SPAN),
    "initialisers": map_to(text_of(), _MAX_NOTES),
}
_ADAPTABLE: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("features", "mean", "per_deviation"), text_of()),
    "reach": number(0, _LARGEST),
}
_SCORE: Final = number(1e-30, _LARGEST)
_SLOW: Final[Mapping[str, Check]] = {
    "span_s": number(0.1, _MAX_DELAY_S),
    **dict.fromkeys(("floor", "ceiling", "threshold", "end"), _SCORE),
    "supported": lambda value: isinstance(value, bool),
    "statement": text_of(_MAX_STATEMENT),
}
# What the next capabilities write. An object each, or null while it is not there; what is in them is theirs
# to check.
_ROOM: Final[Mapping[str, Check]] = {
    "known_faults": or_null(list_of(text_of(), 1, _MAX_CONDITIONS)),
    "learnt": or_null(list_of(text_of(16), 1, _MAX_CONDITIONS)),
    "power": or_null(at_least("power", _POWER, optional=("slow_s",))),
    "states": or_null(at_least("states", _STATES)),
    "adaptable": or_null(at_least("adaptable", _ADAPTABLE)),
    "slow_alarm": or_null(at_least("slow_alarm", _SLOW)),
    **dict.fromkeys(
        ("origin",),
        lambda value: value is None or isinstance(value, dict),
    ),
}
