"""Writes asyncapi.json and the schemas of commands, from the table of messages: `python -m docs.asyncapi`.

AsyncAPI 3.0.0, whose schemas are JSON Schema: the payloads are those of schema/*.json.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from docs.command_schemas import EXCHANGES
from docs.command_schemas import schema as exchange_schema
from docs.messages import MESSAGES, OF_THE_DEVICE, PLAIN, Message
from docs.messages import schema as message_schema
from edge_runtime.core import VERSION

HERE: Final = Path(__file__).parent
DOCUMENT: Final = HERE / "asyncapi.json"
PARAMETERS: Final = {
    "prefix": "First level of every topic, `steadyhum` unless the site says otherwise.",
    "site": "Plant or hall.",
    "device": "The gateway.",
    "sensor": "A sensor of it.",
    "verb": "A method that is a command: reference/methods.md.",
    "asker": "Who asked; any levels below.",
    "discovery": "Home Assistant's first level, `homeassistant` unless the site says otherwise.",
    "node": "Site and device as `SITE--DEVICE`; what a topic of Home Assistant may not have is replaced.",
    "name": "A sensor, or `info` for the gateway itself.",
}
"""What stands for the braces of addresses."""
_EXPIRY_S: Final = {"1 h": 3600}
"""Expiries of the table that are a number of seconds; others depend on the site, and are said in words."""


def document() -> dict[str, Any]:
    """Return the whole document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name, message in MESSAGES.items():
        key = _key(address := _address(name, message))
        _add_channel(channels, key, address, _name(name))
        operations[f"send {name}".replace(" ", "_")] = _operation("send", key, name, _binding(message))
    for name, exchange in EXCHANGES.items():
        key = _key(exchange.address)
        _add_channel(channels, key, exchange.address, _name(name))
        action = "receive" if exchange.receives else "send"
        binding = {"qos": exchange.qos, "retain": exchange.retained, "bindingVersion": "0.2.0"}
        operations[f"{action} {name}".replace(" ", "_")] = _operation(action, key, name, binding)
    answers = _key(EXCHANGES["answer"].address)
    operations["receive_command"]["reply"] = {
        "channel": {"$ref": f"#/channels/{answers}"},
        "messages": [{"$ref": f"#/channels/{answers}/messages/answer"}],
    }
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def files() -> Mapping[Path, str]:
    """Return every file this script writes, with its text."""
    written = {HERE / f"schema/{_file(name)}.json": _text(exchange_schema(name)) for name in EXCHANGES}
    return {**written, DOCUMENT: _text(document())}


def _info() -> dict[str, Any]:
    return {
        "title": "steadyhum edge-runtime",
        "version": VERSION,
        "description": "What a gateway says over MQTT, seen from the gateway: it sends, and takes commands"
        " where the site allows them. docs/protocol.md has the rest of it.",
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _address(name: str, message: Message) -> str:
    sensor = "" if name in OF_THE_DEVICE else "{sensor}/"
    return f"{{prefix}}/{{site}}/{{device}}/{sensor}{message.leaf}"


def _add_channel(channels: dict[str, Any], key: str, address: str, message: str) -> None:
    parameters = {
        name: {"description": said} for name, said in PARAMETERS.items() if f"{{{name}}}" in address
    }
    channel = channels.setdefault(key, {"address": address, "messages": {}, "parameters": parameters})
    channel["messages"][message] = {"$ref": f"#/components/messages/{message}"}


def _operation(action: str, channel: str, name: str, binding: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(name)}"}],
        "bindings": {"mqtt": binding},
    }


def _binding(message: Message) -> dict[str, Any]:
    """The highest QoS that the message is sent at; the description has the others."""
    binding = {"qos": 1 if "1" in message.qos else 0, "retain": message.retained}
    expiry = {"messageExpiryInterval": _EXPIRY_S[message.expiry]} if message.expiry in _EXPIRY_S else {}
    return {**binding, **expiry, "bindingVersion": "0.2.0"}


def _messages() -> dict[str, Any]:
    found = {}
    for name, message in MESSAGES.items():
        expiry = "" if message.expiry == "-" else f" Forgotten by brokers after: {message.expiry}."
        remark = f" {message.remark.capitalize()}." if message.remark else ""
        said = f"A subscriber must {message.duty}. QoS {message.qos}.{expiry}{remark}"
        plain = "text/plain" if name in PLAIN else "application/json"
        found[_name(name)] = _message(name, plain, said, message_schema(name)["description"])
    for name, exchange in EXCHANGES.items():
        found[_name(name)] = _message(name, exchange.content_type, "", exchange.schema["description"])
    return found


def _message(name: str, content_type: str, said: str, summary: str) -> dict[str, Any]:
    described = {"description": said} if said else {}
    payload = {"$ref": f"#/components/schemas/{_name(name)}"}
    return {
        "name": _name(name),
        "title": name,
        "summary": summary,
        **described,
        "contentType": content_type,
        "payload": payload,
    }


def _schemas() -> dict[str, Any]:
    # The document itself says which JSON Schema its own schemas are.
    every = {name: message_schema(name) for name in MESSAGES} | {
        name: exchange_schema(name) for name in EXCHANGES
    }
    return {
        _name(name): {key: value for key, value in schema.items() if key != "$schema"}
        for name, schema in every.items()
    }


def _key(address: str) -> str:
    """Name of a channel: its topic's levels that are no parameters of the device, such as `sensor_event`."""
    below = address.rpartition("{device}/")[2]
    return "_".join(level.strip("{}") for level in below.split("/"))


def _name(name: str) -> str:
    first, *rest = name.split()
    return first + "".join(word.capitalize() for word in rest)


def _file(name: str) -> str:
    return name.replace(" ", "-")


def _text(body: object) -> str:
    return json.dumps(body, indent=2) + "\n"


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
