"""What is wrong with a discovery message, before it is sent: `refusals`. Pure.

Home Assistant refuses some of it in its own log, where nobody on the gateway sees it, and ignores the rest
without a word: a key that is misspelt is a feature that is missing for good.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from edge_runtime.core import printable
from edge_runtime.messages import ConditionBody, HealthBody, InfoBody, SentEventBody, StateBody
from edge_runtime.messages.homeassistant import keys
from edge_runtime.messages.homeassistant.wire import expanded

_TOPIC: Final = re.compile(r"[^/+#]+/device/(?:[a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")
_ENTITY_ID: Final = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_MEMBER: Final = re.compile(r"value_json\.(\w+)")
_MARKS: Final = re.compile(r"\{\{|\}\}|\{%|%\}")
_LITERAL: Final = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
"""A text within a template, in which marks are none."""
_PAIRS: Final = {"{{": "}}", "{%": "%}"}
_BODIES: Final = {
    "state": StateBody,
    "condition": ConditionBody,
    "info": InfoBody,
    "event": SentEventBody,
    "health": HealthBody,
}
"""What the messages of a topic hold, by its last level."""
_TEXTS: Final = ("name", "unique_id", "value_template", "json_attributes_template", "command_template")
_WHOLE: Final = ("expire_after", "qos", "suggested_display_precision")
_MAX_QOS: Final = 2


def refusals(topic: str, message: Mapping[str, Any]) -> list[str]:
    """Say everything that is wrong with a message as it is sent; nothing where it is right."""
    whole = expanded(message)
    found = [] if _TOPIC.fullmatch(topic) else [f"{printable(topic, 200)!r} is no topic of device discovery"]
    found += _unknown("the message", whole, keys.MESSAGE)
    found += _device(whole.get("device"))
    if isinstance(origin := whole.get("origin"), Mapping) and origin.get("name"):
        found += _unknown("origin", origin, keys.ORIGIN)
    else:
        found.append("the message has no origin with a name")
    found += list(_availability("the message", whole))
    components = whole.get("components")
    if not isinstance(components, Mapping) or not components:
        return [*found, "the message has no components"]
    for name, entity in components.items():
        found += [f"{printable(name, 60)}: {said}" for said in _entity(entity)]
    ids = [entity.get("unique_id") for entity in components.values() if isinstance(entity, Mapping)]
    given = [each for each in ids if each is not None]
    if len(set(map(str, given))) < len(given):
        found.append("two components have one unique_id")
    return found


def _device(device: object) -> list[str]:
    if not isinstance(device, Mapping):
        return ["the message has no device"]
    found = _unknown("device", device, keys.DEVICE)
    if not device.get("identifiers"):
        found.append("device has no identifiers")
    return found


def _entity(entity: object) -> Iterator[str]:
    platform = entity.get("platform") if isinstance(entity, Mapping) else None
    if not isinstance(entity, Mapping) or platform not in keys.PLATFORMS:
        known = ", ".join(keys.PLATFORMS)
        yield f"platform {printable(platform, 60)!r} is none of {known}"
        return
    if len(entity) == 1:  # it is to be removed
        return
    if "object_id" in entity:
        yield "object_id does nothing any more: use default_entity_id"
    yield from _unknown("it", entity, keys.PLATFORMS[platform] | {"object_id"})
    for key in ("unique_id", *keys.REQUIRED[platform]):
        if not entity.get(key):
            yield f"{key} is missing, which {platform} needs"
    yield from _classes(platform, entity)
    yield from _values(entity)
    yield from _templates(entity)
    yield from _availability("it", entity)
    named = str(entity.get("default_entity_id", f"{platform}.x"))
    domain, _, rest = named.partition(".")
    if domain != platform or not _ENTITY_ID.fullmatch(rest):
        yield f"default_entity_id {printable(named, 100)!r} is not {platform}.<small letters, digits, _>"


def _classes(platform: str, entity: Mapping[str, Any]) -> Iterator[str]:
    for key, known in (
        ("device_class", keys.DEVICE_CLASSES[platform]),
        ("state_class", keys.STATE_CLASSES),
        ("entity_category", keys.ENTITY_CATEGORIES),
    ):
        if key in entity and entity[key] not in known:
            yield f"{key} {printable(entity[key], 60)!r} is none that {platform} knows"


def _values(entity: Mapping[str, Any]) -> Iterator[str]:
    for key in _TEXTS:
        if key in entity and not isinstance(entity[key], str):
            yield f"{key} is no text"
    for key in _WHOLE:
        if key in entity and (type(entity[key]) is not int or entity[key] < 0):
            yield f"{key} is no whole number from 0 up"
    if "qos" in entity and entity["qos"] not in range(_MAX_QOS + 1):
        yield "qos is none of 0, 1, 2"
    for key in ("state_topic", "command_topic", "json_attributes_topic"):
        if key in entity and not _is_topic(entity[key]):
            yield f"{key} is no topic"
    for key in ("event_types", "options"):
        listed = entity.get(key, [])
        if not isinstance(listed, (list, tuple)) or not all(isinstance(each, str) for each in listed):
            yield f"{key} is no list of texts"


def _templates(entity: Mapping[str, Any]) -> Iterator[str]:
    for key, source in (
        ("value_template", "state_topic"),
        ("json_attributes_template", "json_attributes_topic"),
        ("command_template", ""),
    ):
        template = entity.get(key)
        if not isinstance(template, str):
            continue
        opened: list[str] = []
        for mark in _MARKS.findall(_LITERAL.sub("", template)):
            if (mark in _PAIRS) == bool(opened) or (opened and mark != _PAIRS[opened.pop()]):
                yield f"{key} does not open and close its marks in turn"
                break
            if mark in _PAIRS:
                opened.append(mark)
        else:
            if opened:
                yield f"{key} does not close {opened[-1]}"
        body = _BODIES.get(str(entity.get(source, "")).rpartition("/")[2])
        named = {field.name for field in dataclasses.fields(body)} if body is not None else set()
        if wrong := sorted(set(_MEMBER.findall(template)) - named):
            yield f"{key} names {wrong[0]!r}, which the topic's messages do not have"


def _availability(what: str, message: Mapping[str, Any]) -> Iterator[str]:
    if message.get("availability_mode", "latest") not in keys.AVAILABILITY_MODES:
        yield f"{what}: availability_mode is none of {', '.join(sorted(keys.AVAILABILITY_MODES))}"
    entries = message.get("availability", ())
    if not isinstance(entries, (list, tuple)):
        yield f"{what}: availability is no list"
        return
    for entry in entries:
        if not isinstance(entry, Mapping) or not _is_topic(entry.get("topic")):
            yield f"{what}: an entry of availability has no topic"
        else:
            yield from _unknown(f"{what}: availability", entry, keys.AVAILABILITY)


def _unknown(what: str, members: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    return [f"{what} has the unknown key {printable(key, 60)!r}" for key in members if key not in known]


def _is_topic(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any(char in value for char in "+#\0")
