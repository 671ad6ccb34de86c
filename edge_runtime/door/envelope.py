"""What a command over MQTT must say of itself, and when it is obeyed: `read_envelope`, `check_time`. Pure.

    {"v":1,"device":"plant-1/gateway-7","by":"panel-3","counter":1764129600123,
     "sent":"2026-11-26T04:00:00Z","params":{"alarm":"...","note":"..."}}

The broker says who may send commands and to which device; it does not say that a command is new, nor that it
was not recorded and played again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from edge_runtime.core import printable
from edge_runtime.door.protocol import VERSIONS, Code, RequestError, parse_object

GOOD_FOR_S: Final = 60.0
"""Without `expires`: a person waits for the answer, and a bridge that was away brings what is older."""
LONGEST_S: Final = 3600.0
"""Between `sent` and `expires` at most: then even a sender that was forgotten cannot be played again."""
AHEAD_S: Final = 300.0
"""A sender's clock may be ahead of ours by so much."""
_MAX_NAME_CHARS: Final = 64
"""A judgement: a person's name, or a program's and its host's (64 in Linux)."""
_MAX_COUNTER: Final = 2**53
"""Integers up to here are whole in every language that keeps numbers as IEEE 754 doubles."""
_MEMBERS: Final = {"v", "device", "by", "counter", "sent", "expires", "params"}
_REMEDY: Final = "See docs/protocol.md, Commands"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command's members beside its verb."""

    device: str
    """`site/device`."""
    by: str
    """What the sender calls itself."""
    counter: int
    """Larger than that of the sender's command before."""
    sent_s: float
    """Seconds since 1970, by the sender's clock."""
    expires_s: float
    params: Mapping[str, Any]


def read_envelope(body: bytes) -> Envelope:
    """Read a command's body. Raises RequestError for whatever does not fit."""
    found = parse_object(body)
    if found.get("v") not in VERSIONS or type(found["v"]) is not int:
        known = ", ".join(map(str, VERSIONS))
        what = f"version {printable(found.get('v'), 20)} of commands is not spoken here"
        raise RequestError(Code.VERSION, what, f'Send "v" as one of: {known}')
    if unknown := sorted(set(found) - _MEMBERS):
        raise _bad(f"a command has no member {printable(unknown[0], 60)!r}")
    device, by, counter, params = (found.get(name) for name in ("device", "by", "counter", "params"))
    if not isinstance(device, str):
        raise _bad('"device" must be text, as site/device')
    if not (isinstance(by, str) and by.isprintable() and 0 < len(by.strip()) <= _MAX_NAME_CHARS):
        raise _bad(f'"by" must be the sender\'s name, at most {_MAX_NAME_CHARS} printable characters')
    if type(counter) is not int or not 0 <= counter <= _MAX_COUNTER:
        raise _bad('"counter" must be a whole number from 0 to 2^53')
    if params is not None and not isinstance(params, dict):
        raise _bad('"params" must be an object')
    sent_s = _moment("sent", found.get("sent"))
    expires_s = _moment("expires", found["expires"]) if "expires" in found else sent_s + GOOD_FOR_S
    if not 0 <= expires_s - sent_s <= LONGEST_S:
        raise _bad(f'"expires" must be within {LONGEST_S:g} s after "sent"')
    return Envelope(device, by.strip(), counter, sent_s, expires_s, params or {})


def check_time(envelope: Envelope, now_s: float) -> None:
    """Raise RequestError for a command that is too old, or from a time to come, by a clock that is right."""
    if now_s > envelope.expires_s:
        what = f"the command is {now_s - envelope.sent_s:.0f} s old and was good for "
        what += f"{envelope.expires_s - envelope.sent_s:.0f} s"
        raise RequestError(Code.EXPIRED, what, "Send a new one, with a larger counter")
    if envelope.sent_s > now_s + AHEAD_S:
        what = f"the command is from {envelope.sent_s - now_s:.0f} s to come"
        raise RequestError(Code.EXPIRED, what, "Set the sender's clock")


def _moment(name: str, value: object) -> float:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _bad(f'"{name}" must be a time as RFC 3339 writes it, such as 2026-11-26T04:00:00Z')
    return moment.timestamp()


def _bad(what: str) -> RequestError:
    return RequestError(Code.BAD_REQUEST, what, _REMEDY)
