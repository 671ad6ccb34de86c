"""JSON Schemas of commands and answers, chunks of evidence, the bridge's word, Home Assistant's messages.

They are no bodies of `edge_runtime.messages`: written by hand, held against the real thing by tests, and
written to schema/ by `python -m docs.asyncapi`.
"""

from typing import Any, Final, NamedTuple

from edge_runtime.door.envelope import LONGEST_S
from edge_runtime.door.protocol import VERSIONS, Code

_TIME: Final = {"type": "string", "format": "date-time"}
_VERSION: Final = {"enum": list(VERSIONS), "description": "Version of the protocol of commands."}
_DEVICE: Final = {"type": "string", "description": "The device that is meant, as `site/device`."}
_BY: Final = {"type": "string", "minLength": 1, "maxLength": 64, "description": "Who gives the command."}
_COUNTER: Final = {
    "type": "integer",
    "minimum": 0,
    "maximum": 2**53,
    "description": "Larger than in any command of `by` that the device took.",
}
_WHOLE: Final = {"type": "integer", "minimum": 0}
_DIGEST: Final = {"type": "string", "description": "SHA-256 of the whole file, hexadecimal."}


class Exchange(NamedTuple):
    """A message that is no body of the dialect: its topic below the device's, and its schema."""

    address: str
    """Topic, with parameters in braces."""
    receives: bool
    """Whether the device subscribes to it."""
    qos: int
    retained: bool
    content_type: str
    schema: dict[str, Any]


def _object(about: str, required: list[str], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "description": about,
        "type": "object",
        "required": required,
        "properties": properties,
        **more,
    }


_BASE: Final = "{prefix}/{site}/{device}"
_JSON: Final = "application/json"
EXCHANGES: Final[dict[str, Exchange]] = {
    "command": Exchange(
        f"{_BASE}/cmd/{{verb}}",
        True,
        0,
        False,
        _JSON,
        _object(
            "A command to the device, where the site allows them; never retained.",
            ["v", "device", "by", "counter", "sent"],
            {
                "v": _VERSION,
                "device": _DEVICE,
                "by": _BY,
                "counter": _COUNTER,
                "sent": {**_TIME, "description": "When it was given, with a time zone."},
                "expires": {
                    **_TIME,
                    "description": f"Until when it is good: {LONGEST_S:g} s after `sent` at most; without"
                    " it, a minute.",
                },
                "params": {
                    "type": ["object", "null"],
                    "description": "What the verb takes: reference/methods.md.",
                },
            },
            additionalProperties=False,
        ),
    ),
    "answer": Exchange(
        f"{_BASE}/reply/{{asker}}",
        False,
        1,
        False,
        _JSON,
        _object(
            "What came of a command, to the response topic that it names.",
            ["v", "device", "verb"],
            {
                "v": _VERSION,
                "device": _DEVICE,
                "verb": {"type": "string", "description": "The command's."},
                "by": _BY,
                "counter": _COUNTER,
                "result": {"description": "What the verb gives: reference/methods.md."},
                "error": _object(
                    "Why it was not done.",
                    ["code", "what", "remedy"],
                    {
                        "code": {"enum": [str(code) for code in Code]},
                        "what": {"type": "string"},
                        "remedy": {"type": "string"},
                    },
                ),
            },
            oneOf=[{"required": ["result"]}, {"required": ["error"]}],
        ),
    ),
    "evidence chunk": Exchange(
        "{prefix}-transfer/{site}/{device}/evidence/{asker}",
        False,
        1,
        False,
        "application/octet-stream",
        _object(
            "The line before a chunk's bytes, up to the first line feed.",
            ["v", "id"],
            {
                "v": {"const": 1, "description": "Version of this format."},
                "id": {"type": "string", "description": "Names the evidence."},
                "index": {**_WHOLE, "description": "Number of the chunk, from 0."},
                "count": {**_WHOLE, "description": "How many the capture has."},
                "at": {**_WHOLE, "description": "Where in the file its first byte is."},
                "bytes": {**_WHOLE, "description": "Size of the whole file."},
                "sha256": _DIGEST,
                "error": {"type": "string", "description": "Why there are no bytes."},
            },
            oneOf=[{"required": ["index", "count", "at", "bytes", "sha256"]}, {"required": ["error"]}],
        ),
    ),
    "bridge": Exchange(
        f"{_BASE}/bridge",
        False,
        1,
        True,
        "text/plain",
        {
            "description": "Whether the bridge of the gateway's own broker is connected, where it has one.",
            "enum": ["1", "0"],
        },
    ),
    "discovery": Exchange(
        "{discovery}/device/{node}/{name}/config",
        False,
        1,
        True,
        _JSON,
        _object(
            "What Home Assistant makes devices and entities of, where the site wants it: its MQTT device"
            " discovery, abbreviated. An empty body removes the device.",
            ["dev", "o", "cmps"],
            {
                "dev": _object("The device.", ["ids"], {"ids": {"type": "array", "minItems": 1}}),
                "o": _object("Who tells of it.", ["name"], {"name": {"type": "string"}}),
                "cmps": {
                    "description": "Its entities by name.",
                    "type": "object",
                    "additionalProperties": _object("An entity.", ["p"], {"p": {"type": "string"}}),
                },
            },
        ),
    ),
    "birth": Exchange(
        "{discovery}/status",
        True,
        0,
        False,
        "text/plain",
        {
            "description": "Whether Home Assistant is there; at `online` all that is retained is sent again.",
            "enum": ["online", "offline"],
        },
    ),
}
"""By the name of the schema."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one of them."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "title": name, **EXCHANGES[name].schema}
