"""Whether what a device published fits the schemas that are shipped in docs/schema."""

import functools
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schema"
MOST_EVENT_BYTES = 8 * 1024
"""Some libraries for subscribers connect again and again at messages above 10 KiB."""
OF_SENSORS = {
    "availability": "sensor-availability",
    **{leaf: leaf for leaf in ("state", "condition", "event", "shadow", "health", "score")},
}
OF_THE_DEVICE = {leaf: leaf for leaf in ("availability", "info", "bridge")}
PLAIN = ("availability", "sensor-availability", "bridge")
FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time", ValueError)  # type: ignore[untyped-decorator]  # it ships no types
def _is_moment(value: object) -> bool:
    """By itself jsonschema knows no times."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def wrong(seen: Iterable[tuple[str, bytes]], base: str) -> list[str]:
    """What of these messages below `base` fits no schema, or is too large for an event.

    Nothing is asked of an empty body, which clears a topic, nor of commands, which others give.
    """
    found = []
    for topic, body in dict.fromkeys(seen):
        if not (topic.startswith(base) and body) or topic.startswith(f"{base}cmd/"):
            continue
        levels = topic.removeprefix(base).split("/")
        if levels[0] == "reply":
            name: str | None = "answer"
        else:
            names = {1: OF_THE_DEVICE, 2: OF_SENSORS}.get(len(levels), {})
            name = names.get(levels[-1])
        problem = "no such topic is described" if name is None else problem_of(name, body)
        if name == "event" and len(body) >= MOST_EVENT_BYTES:
            problem = f"{len(body)} bytes"
        if problem:
            found.append(f"{topic}: {problem}: {body[:300]!r}")
    return found


def problem_of(name: str, body: bytes) -> str:
    """Why a body does not fit the schema of this name; empty where it does."""
    try:
        value = body.decode() if name in PLAIN else json.loads(body)
    except ValueError as error:
        return str(error)
    if name == "health" and isinstance(value, dict) and value.get("doctor"):
        name = "probe"
    if name == "state" and isinstance(value, dict) and value.get("schema") == 1:
        value = {**value, "schema": 2}  # what a site asks for that still reads the one before
    errors = sorted(validator(name).iter_errors(value), key=str)
    return errors[0].message if errors else ""


@functools.cache
def validator(name: str) -> Any:
    """That of one schema, with its formats."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
