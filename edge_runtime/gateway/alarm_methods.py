"""What people ask of the book through the door: see what is open, acknowledge, shelve, unshelve, reset."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.book import Book, Change, OpenAlarm, kept_alarms, key_of, stored_entry
from edge_runtime.door import Access, Asker, Method, NoParams
from edge_runtime.messages import rfc3339

Enter = Callable[[Sequence[Change]], None]
"""Stores and publishes what has changed."""


@dataclass(frozen=True, slots=True)
class ListParams:
    """Which alarms."""

    sensor: str = ""
    """Empty for those of all sensors."""


@dataclass(frozen=True, slots=True)
class AlarmParams:
    """Which alarm."""

    alarm: str
    """Its id."""


@dataclass(frozen=True, slots=True)
class NoteParams:
    """Which alarm, and what to keep with the record."""

    alarm: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShelveParams:
    """Which alarm, for how long and why."""

    alarm: str
    for_s: float
    """Seconds from now."""
    why: str


class AlarmRequests:
    """What people ask, as the door calls it. Each change raises what the book raises of it."""

    def __init__(self, book: Book, enter: Enter) -> None:
        """Ask this book; `enter` takes what changes in it."""
        self._book, self._enter = book, enter

    def kept(self, _params: NoParams, _asker: Asker) -> list[dict[str, object]]:
        """The open alarms as they are kept."""
        return kept_alarms({key_of(alarm): stored_entry(alarm) for alarm in self._book.open_alarms()})

    def listed(self, params: ListParams, _asker: Asker) -> list[dict[str, object]]:
        """The open alarms as people see them."""
        return [alarm_view(alarm) for alarm in self._book.open_alarms(params.sensor or None)]

    def acknowledge(self, params: NoteParams, asker: Asker) -> dict[str, object]:
        """Note that it was seen."""
        return self._changed(self._book.acknowledge(params.alarm, str(asker), params.note, _now_us()))

    def shelve(self, params: ShelveParams, asker: Asker) -> dict[str, object]:
        """Put it aside."""
        now_us = _now_us()
        until_us = now_us + round(params.for_s * 1e6)
        return self._changed(self._book.shelve(params.alarm, until_us, str(asker), params.why, now_us))

    def unshelve(self, params: AlarmParams, asker: Asker) -> dict[str, object]:
        """Take it back."""
        return self._changed(self._book.unshelve(params.alarm, str(asker), _now_us()))

    def reset(self, params: NoteParams, asker: Asker) -> dict[str, object]:
        """End it."""
        return self._changed(self._book.reset(params.alarm, str(asker), params.note, _now_us()))

    def _changed(self, changes: Sequence[Change]) -> dict[str, object]:
        self._enter(changes)
        (change,) = changes
        return alarm_view(change.alarm)


def alarm_methods(asked: AlarmRequests) -> list[Method]:
    """What can be asked through the door."""
    rows: list[tuple[str, Access, str, Any, Any]] = [
        ("book", Access.READ, "Give the open alarms as they are kept, for a backup.", NoParams, asked.kept),
        ("list", Access.READ, "Show the alarms that are open.", ListParams, asked.listed),
        ("acknowledge", Access.CHANGE, "Note that an alarm was seen.", NoteParams, asked.acknowledge),
        ("shelve", Access.CHANGE, "Put an alarm aside for a while.", ShelveParams, asked.shelve),
        ("unshelve", Access.CHANGE, "Take an alarm back before its time.", AlarmParams, asked.unshelve),
        ("reset", Access.CHANGE, "End a latched alarm whose cause is over.", NoteParams, asked.reset),
    ]
    return [
        Method(f"alarms.{name}", access, about, params, call, mqtt=name != "book")
        for name, access, about, params, call in rows
    ]


def alarm_view(alarm: OpenAlarm) -> dict[str, object]:
    """An open alarm as commands and pages get it; times as messages have them."""
    acknowledged, shelved = alarm.acknowledged, alarm.shelved
    return {
        "id": alarm.id,
        "sensor": alarm.sensor,
        "kind": alarm.kind,
        "machine": alarm.machine,
        "incident": alarm.incident,
        "reason": alarm.reason,
        "start_time": rfc3339(alarm.start_us),
        "peak": alarm.peak,
        "score": alarm.score,
        "threshold": alarm.threshold,
        "model": alarm.model.name,
        "acknowledged": acknowledged
        and {"time": rfc3339(acknowledged.at_us), "who": acknowledged.who, "note": acknowledged.note},
        "shelved": shelved
        and {
            "until": rfc3339(shelved.until_us),
            "time": rfc3339(shelved.at_us),
            "who": shelved.who,
            "why": shelved.why,
        },
        "suppressed": alarm.suppressed,
        "latched": alarm.latched,
        "active": alarm.active,
    }


def _now_us() -> int:
    return time.time_ns() // 1000
