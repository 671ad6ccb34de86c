"""Lines of the door's protocol, version 1: JSON objects, one a line, UTF-8. Pure.

    -> {"v":1,"id":7,"method":"alarms.list","params":{}}
    <- {"v":1,"id":7,"result":...}
    <- {"v":1,"id":7,"error":{"code":"unknown_method","what":"...","remedy":"..."}}

docs/protocol.md has the whole of it. What arrives was written by anybody who may connect: a line that is no
request is answered like one that is, and an answer is all that comes of it.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from edge_runtime.core import EdgeError, printable, read_json

VERSIONS: Final = (1,)
"""What is spoken here, oldest first."""
MAX_LINE_BYTES: Final = 64 * 1024
"""Of a request, line feed included: a note of 500 characters takes 2 kB."""
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Of an answer: a list of all alarms of 1,000 sensors takes a third of it."""
MAX_ID_CHARS: Final = 128
"""Of a request's id: three UUIDs of 36 characters, with what joins them."""
_LARGEST_ID: Final = 2**53
"""Integers up to here are whole in every language that keeps numbers as IEEE 754 doubles."""

Id = str | int | None


class Code(StrEnum):
    """What is wrong with a request, for programs."""

    BAD_JSON = "bad_json"
    """The line is no JSON object in UTF-8."""
    BAD_REQUEST = "bad_request"
    """A member is missing, of another type or not known."""
    TOO_LONG = "too_long"
    """The line is longer than a request may be; the connection is closed."""
    VERSION = "version"
    """None of the versions that were asked for is spoken here."""
    UNKNOWN_METHOD = "unknown_method"
    """There is no such method."""
    BAD_PARAMS = "bad_params"
    """The method has other parameters."""
    NOT_ALLOWED = "not_allowed"
    """Who asks may not do this."""
    REFUSED = "refused"
    """It cannot be done, such as acknowledging an alarm that has ended."""
    OTHER_DEVICE = "other_device"
    """A command for another device."""
    EXPIRED = "expired"
    """A command that is too old, was kept by the broker, or comes from a time to come."""
    REPLAYED = "replayed"
    """A command whose counter was used already."""
    BUSY = "busy"
    """Not done: too much is asked at a time, or the service does not come to it. It may be asked again."""
    IDLE = "idle"
    """The connection is closed, since nothing was asked for a while."""
    INTERNAL = "internal"
    """A fault of the service."""


class RequestError(EdgeError):
    """A request that is answered with an error."""

    exit_code = 69

    def __init__(self, code: Code, what: str, remedy: str, *, request_id: Id = None) -> None:
        """`request_id` is the request's own, where it has one."""
        super().__init__(what, remedy=remedy)
        self.code, self.request_id = code, request_id


@dataclass(frozen=True, slots=True)
class Request:
    """A line that is a request."""

    id: Id
    """Whatever the asker chose to know the answer by."""
    method: str
    params: Mapping[str, Any]


def parse_request(line: bytes) -> Request:
    """Read one line without its line feed. Raises RequestError with what is wrong with it."""
    body = parse_object(line)
    request_id = body.get("id")
    named = isinstance(request_id, str) and len(request_id) <= MAX_ID_CHARS
    numbered = type(request_id) is int and abs(request_id) <= _LARGEST_ID
    if not (named or numbered or request_id is None):
        what = f'"id" must be text of at most {MAX_ID_CHARS} characters or an integer'
        raise RequestError(Code.BAD_REQUEST, what, "Number the requests of a connection from 1")
    remedy = 'Send {"v":1,"id":1,"method":"hello","params":{}}'
    version = body.get("v")
    if type(version) is not int or version not in VERSIONS:
        what = f"version {printable(version, 20)} of the protocol is not spoken here"
        known = ", ".join(map(str, VERSIONS))
        raise RequestError(Code.VERSION, what, f'Send "v" as one of: {known}', request_id=request_id)
    if unknown := sorted(set(body) - {"v", "id", "method", "params"}):
        what = f"a request has no member {printable(unknown[0])!r}"
        raise RequestError(Code.BAD_REQUEST, what, remedy, request_id=request_id)
    method, params = body.get("method"), body.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        what = '"method" must be text and "params" an object'
        raise RequestError(Code.BAD_REQUEST, what, remedy, request_id=request_id)
    return Request(request_id, method, params)


def parse_object(text: bytes) -> dict[str, Any]:
    """Read a JSON object in UTF-8 whose numbers are finite and whose names are there once.

    Raises RequestError for anything else.
    """
    try:
        body = read_json(text.decode("utf-8"))
    except ValueError as error:  # no UTF-8, endless digits or brackets among them
        what = f"no JSON in UTF-8: {printable(error)}"
        raise RequestError(Code.BAD_JSON, what, "Send one JSON object a line") from None
    if not isinstance(body, dict):
        raise RequestError(Code.BAD_JSON, "no JSON object", "Send one JSON object a line")
    return body


def encode_result(request_id: Id, result: object) -> bytes:
    """The answer's line; dataclasses become objects. Raises ValueError for what JSON cannot carry."""
    return _line({"v": VERSIONS[-1], "id": request_id, "result": plain(result)})


def encode_error(request_id: Id, error: EdgeError) -> bytes:
    """The line that refuses a request."""
    return _line({"v": VERSIONS[-1], "id": request_id, "error": error_members(error)})


def error_members(error: EdgeError) -> dict[str, str]:
    """`code`, `what` and `remedy` of an error, those of other rooms as refusals."""
    code = error.code if isinstance(error, RequestError) else Code.REFUSED
    what = f"{error.where}: {error.what}" if error.where else error.what
    return {"code": str(code), "what": printable(what, 1000), "remedy": printable(error.remedy, 1000)}


def encode_item(subscription: str, sensor: str, body: bytes) -> bytes:
    """The line that brings what was subscribed to; `body` is JSON already."""
    head = f'{{"v":{VERSIONS[-1]},"event":{json.dumps(subscription)},"sensor":{json.dumps(sensor)},"data":'
    return head.encode() + body + b"}\n"


def encode_end(missed: int, unit: str) -> bytes:
    """The last line to a reader that lagged: so many lines or bytes were not sent."""
    remedy = "Read faster, or subscribe to less"
    end = {"code": "lagged", "missed": missed, "unit": unit, "remedy": remedy}
    return _line({"v": VERSIONS[-1], "end": end})


def plain(value: object) -> Any:
    """Dataclasses, enumerations and tuples as JSON has them; a number that is not finite is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or type(value) in (str, bool, int, float) else str(value)


def _line(body: Mapping[str, object]) -> bytes:
    # ASCII: a lone surrogate of a request's text, which has no UTF-8, goes back as it came.
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode() + b"\n"
