"""Between a discovery message as it is written here, in whole words, and as it is sent, abbreviated. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from edge_runtime.messages import encode_json
from edge_runtime.messages.homeassistant.keys import (
    ABBREVIATIONS,
    DEVICE_ABBREVIATIONS,
    ORIGIN_ABBREVIATIONS,
)

Tables = tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]
_LONG: Final[Tables] = ABBREVIATIONS, DEVICE_ABBREVIATIONS, ORIGIN_ABBREVIATIONS
_SHORT: Final[Tables] = (
    {long: short for short, long in ABBREVIATIONS.items()},
    {long: short for short, long in DEVICE_ABBREVIATIONS.items()},
    {long: short for short, long in ORIGIN_ABBREVIATIONS.items()},
)


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as it is sent: half as long."""
    return encode_json(_renamed(message, _SHORT, _LONG))


def expanded(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it was sent, in whole words."""
    return _renamed(message, _LONG, _LONG)


def _renamed(message: Mapping[str, Any], tables: Tables, long: Tables) -> dict[str, Any]:
    """With the keys that the tables name renamed, at every place where Home Assistant takes both forms."""
    keys, device_keys, origin_keys = tables
    renamed = {}
    for key, value in message.items():
        whole = long[0].get(key, key)
        changed = value
        if isinstance(value, Mapping) and whole in ("device", "origin"):
            changed = _keys(value, device_keys if whole == "device" else origin_keys)
        elif isinstance(value, Mapping) and whole == "components":
            changed = {
                name: _renamed(entity, tables, long) if isinstance(entity, Mapping) else entity
                for name, entity in value.items()
            }
        elif isinstance(value, (list, tuple)) and whole == "availability":
            changed = [_keys(entry, keys) if isinstance(entry, Mapping) else entry for entry in value]
        renamed[keys.get(key, key)] = changed
    return renamed


def _keys(value: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    return {table.get(key, key): inner for key, inner in value.items()}
