"""What an earlier device of this name left at the broker: alarms that are called open and nobody here knows.

A new memory card has an empty spool, so that nothing on it would ever end what the old one began. The
retained messages name the alarms: `info`, which does not expire, and the states of versions before it. They
come from a broker, so that nothing in them is trusted.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from edge_runtime.book import NO_MODEL, OpenAlarm
from edge_runtime.core import AlarmKind, is_topic_level, printable

LOST: Final = "the device that raised it is gone: another one, or another memory card, has its name"
MAX_BODY: Final = 256 * 1024
"""What the publisher sends at most by default."""
_LONGEST_ID: Final = 64
"""Characters of an alarm's id that is taken up. A judgement: twice those of a UUID, whoever wrote it."""


def left_open(
    bodies: Mapping[str, bytes], base: str, epochs: Collection[str], *, spool_is_new: bool
) -> Iterator[OpenAlarm]:
    """Alarms that retained messages below `base` call open and that no numbering of ours can have begun.

    `epochs` are our own numberings. Messages of schema 1 name none: they count where our spool is new.
    """
    seen: set[str] = set()
    for topic, body in bodies.items():
        try:
            read = json.loads(body) if len(body) <= MAX_BODY else {}
        except (ValueError, RecursionError):
            read = {}
        members: dict[str, Any] = read if isinstance(read, dict) else {}
        epoch = members.get("epoch")
        if (epoch is None and not spool_is_new) or epoch in epochs:
            continue
        for entry in _entries(topic.removeprefix(base), members):
            alarm = _alarm(entry)
            if alarm is not None and alarm.id not in seen:
                seen.add(alarm.id)
                yield alarm


def _entries(topic: str, members: dict[str, Any]) -> list[Any]:
    """What a message on that topic, which begins with the sensor's name, says of open alarms."""
    sensor, _, leaf = topic.partition("/")
    listed = members.get("alarms")
    entries = listed if isinstance(listed, list) else []
    if topic == "info":
        return entries
    if leaf == "state":
        return [{**members, "id": members.get("alarm_id"), "sensor": sensor}]
    if leaf == "condition":
        return [{**entry, "sensor": sensor} for entry in entries if isinstance(entry, dict)]
    return []


def _alarm(entry: Any) -> OpenAlarm | None:
    """One alarm as a message names it; None where it names none."""
    if not isinstance(entry, dict):
        return None
    name, kind, sensor, peak = (entry.get(member) for member in ("id", "kind", "sensor", "peak"))
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID or printable(name) != name:
        return None
    if kind not in set(AlarmKind) or not isinstance(sensor, str) or not is_topic_level(sensor):
        return None
    return OpenAlarm(
        id=name,
        sensor=sensor,
        kind=AlarmKind(kind),
        machine="",
        incident=name,
        reason=LOST,
        start_us=_time_us(entry.get("start_time")),
        peak=float(peak) if isinstance(peak, (int, float)) else float("nan"),
        score=None,
        threshold=None,
        model=NO_MODEL,
    )


def _time_us(text: Any) -> int:
    """Microseconds since 1970 of a time as we write it; 0 for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return round(moment.timestamp() * 1e6)
    except (ValueError, TypeError, OverflowError):
        return 0
