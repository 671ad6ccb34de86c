"""Writes schema/*.json and tables of protocol.md from the published messages: `python -m docs.messages`."""

import dataclasses
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from docs.configuration import described
from edge_runtime.messages import bodies, retained_bodies, shadow_body

HERE = Path(__file__).parent
PAGE = HERE / "protocol.md"
BEGIN, END = "<!-- made by docs/messages.py -->\n", "<!-- end of what docs/messages.py makes -->\n"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Message(NamedTuple):
    """One kind of message on the broker."""

    leaf: str
    """Last level of its topic."""
    qos: str
    retained: bool
    expiry: str
    """When brokers forget it: the Message Expiry Interval of MQTT 5."""
    body: type
    duty: str
    """What a subscriber must do with it."""
    remark: str = ""


OLD = "take it for unknown after `valid_until`, or where nothing is retained"
REFRESHED = "0, the first of a kind since the start 1"
MESSAGES: dict[str, Message] = {
    "availability": Message(
        "availability",
        "change 1, refresh 0",
        True,
        "`online`: 3 keepalives; `offline`: none",
        bodies.AvailabilityBody,
        "take the device for gone at `offline`, and after 4 keepalives without a word",
    ),
    "info": Message(
        "info",
        REFRESHED,
        True,
        "-",
        retained_bodies.InfoBody,
        "compare `seq` and `epoch` with the events received",
    ),
    "sensor availability": Message(
        "availability",
        REFRESHED,
        True,
        "`online`: 3 x `report.state_s`",
        retained_bodies.SensorAvailabilityBody,
        "believe it together with the device's own only",
    ),
    "state": Message("state", REFRESHED, True, "3 x `report.state_s`", retained_bodies.StateBody, OLD),
    "condition": Message(
        "condition", REFRESHED, True, "3 x `report.state_s`", retained_bodies.ConditionBody, OLD
    ),
    "event": Message(
        "event",
        "1",
        False,
        "-",
        bodies.SentEventBody,
        "drop what came before by `epoch` and `seq`; a hole that stays, or a newest number that did not come,"
        " is a loss",
        "from the spool",
    ),
    "shadow": Message(
        "shadow",
        "0",
        False,
        "1 h",
        shadow_body.ShadowBody,
        "show it to nobody who acts on alarms",
        "before the sensor is armed",
    ),
    "health": Message("health", "0", False, "-", bodies.HealthBody, "read `troubles`"),
    "probe": Message(
        "health",
        "1",
        False,
        "-",
        bodies.ProbeBody,
        "ignore it",
        "one a visit, also to `info` and `condition`",
    ),
    "score": Message(
        "score",
        "0",
        False,
        "-",
        bodies.ScoreBody,
        "expect gaps",
        "if `report.scores` is set",
    ),
}
"""By the name of the schema."""
BRIDGE_ROW = (
    "| `<base>/bridge` | 1 | yes | - | `1` or `0`: whether the bridge of the gateway's own broker is"
    " connected, where it has one; from Mosquitto, and from the plant's broker when it is gone"
    " | take the device for gone at `0`, whatever else is retained |"
)
OF_THE_DEVICE = ("availability", "info")
"""Messages whose topics have no sensor."""
PLAIN = ("availability", "sensor availability")
"""Messages that are plain text."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one message; of the plain text for `availability`."""
    body = MESSAGES[name].body
    inner = _object(body)
    if name in PLAIN:
        inner = inner["properties"]["status"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": _text(inspect.getdoc(body)),
        **inner,
    }


def render(page: str) -> str:
    """Return the page with the part between the marks made again."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = "\n".join(_lines())
    return f"{head}{BEGIN}\n{made}\n\n{END}{tail}"


def files() -> Mapping[Path, str]:
    """Return every file this script writes, with its text."""
    written = {
        HERE / f"schema/{name.replace(' ', '-')}.json": json.dumps(schema(name), indent=2) + "\n"
        for name in MESSAGES
    }
    return {**written, PAGE: render(PAGE.read_text(encoding="utf-8"))}


def _lines() -> Iterator[str]:
    yield "| topic | QoS | retained | expiry | body | a subscriber must |"
    yield "|---|---|---|---|---|---|"
    for name, message in MESSAGES.items():
        topic = f"<base>/{'' if name in OF_THE_DEVICE else '<sensor>/'}{message.leaf}"
        what = _text(inspect.getdoc(message.body)).rstrip(".")
        what += f"; {message.remark}" if message.remark else ""
        link = f"[{name}](schema/{name.replace(' ', '-')}.json)"
        kept = "yes" if message.retained else "no"
        row = (f"`{topic}`", message.qos, kept, message.expiry, f"{link}: {what}", message.duty)
        yield f"| {' | '.join(row)} |"
    yield BRIDGE_ROW
    for name, message in MESSAGES.items():
        yield from ("", f"### {name}", "", "| field | type | meaning |", "|---|---|---|")
        yield from _rows(message.body, "")


def _rows(body: type, at: str) -> Iterator[str]:
    hints, said = get_type_hints(body, include_extras=True), _described(body)
    for field in dataclasses.fields(body):
        hint = hints[field.name]
        yield f"| `{at}{field.name}` | {_type_name(_schema_of(hint))} | {said[field.name]} |"
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and dataclasses.is_dataclass(part):
                listed = "[]" if get_origin(hint) is tuple else ""
                named = ".<name>" if get_origin(hint) is Mapping else ""
                perhaps = "?" if type(None) in get_args(hint) else ""
                yield from _rows(part, f"{at}{field.name}{listed}{named}{perhaps}.")


def _type_name(found: Mapping[str, Any]) -> str:
    if "anyOf" in found:
        return " or ".join(_type_name(part) for part in found["anyOf"])
    if "enum" in found:
        return " or ".join(f'"{item}"' for item in found["enum"])
    if "const" in found:
        return json.dumps(found["const"])
    return "time" if found.get("format") == "date-time" else str(found["type"])


def _described(body: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind in reversed(body.__mro__):
        if dataclasses.is_dataclass(kind):
            found |= {name: _text(text) for name, text in described(kind).items()}
    return found


def _object(body: type) -> dict[str, Any]:
    hints, said = get_type_hints(body, include_extras=True), _described(body)
    members = {}
    for field in dataclasses.fields(body):
        found = _schema_of(hints[field.name])
        if field.default is not dataclasses.MISSING:
            found = {"const": field.default}
        members[field.name] = {**found, "description": said[field.name]}
    return {"type": "object", "required": list(members), "properties": members}


def _schema_of(hint: Any) -> dict[str, Any]:  # noqa: PLR0911  one line a type
    if isinstance(hint, UnionType) or type(None) in get_args(hint):
        return {"anyOf": [_schema_of(part) for part in get_args(hint)]}
    if hint is type(None):
        return {"type": "null"}
    if get_origin(hint) is Annotated:
        return {"type": "string", "format": get_args(hint)[1]}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        most = {"maxItems": bodies.MAX_BANDS} if get_args(hint)[0] is bodies.BandBody else {}
        return {"type": "array", "items": _schema_of(get_args(hint)[0]), **most}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _schema_of(get_args(hint)[1])}
    if issubclass(hint, StrEnum):
        return {"enum": [str(item) for item in hint]}
    return {"type": _PLAIN[hint]} if hint in _PLAIN else _object(hint)


def _text(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
