"""An open alarm as the spool keeps it: the `Alarm` that it always kept, and a text with the rest."""

import json
from dataclasses import asdict, fields, replace
from typing import Any, Final

from edge_runtime.book.entries import OpenAlarm, Record, Shelving
from edge_runtime.core import Alarm, AlarmKind, ModelSummary

NO_MODEL: Final = ModelSummary("", "", "", "", supported=False, bands={})
"""Of an alarm whose model is not known: it was stored before models were."""
_OF_ALARM: Final = ("sensor", "kind", "start_us", "reason")


def key_of(alarm: OpenAlarm) -> str:
    """Under which an open alarm is kept: a sensor has one of each kind at most."""
    return f"{alarm.sensor}/{alarm.kind}"


def stored_entry(alarm: OpenAlarm) -> tuple[Alarm, str]:
    """What to keep of an open alarm: what earlier versions read, and a text with all the rest."""
    rest = asdict(replace(alarm, model=_bare(alarm.model)))
    for name in _OF_ALARM:
        del rest[name]
    peak = alarm.peak if alarm.peak is not None else 1.0  # a fault has none; earlier versions demand a number
    return Alarm(alarm.id, alarm.kind, alarm.start_us, peak, alarm.reason), json.dumps(rest)


def entry_of(key: str, alarm: Alarm, text: str = "") -> OpenAlarm:
    """The open alarm that was kept under a key. Without its text, or with one of another alarm or version,
    what the `Alarm` does not say is empty."""
    sensor = key.rpartition("/")[0]
    is_anomaly = alarm.kind is AlarmKind.ANOMALY
    plain = OpenAlarm(
        alarm.id,
        sensor,
        alarm.kind,
        machine="",
        incident=alarm.id,
        reason=alarm.reason,
        start_us=alarm.start_us,
        peak=alarm.peak_score if is_anomaly else None,
        score=None,
        threshold=None,
        model=NO_MODEL,
    )
    try:
        rest = json.loads(text)
        return replace(plain, **_read(rest)) if rest["id"] == alarm.id else plain
    except (ValueError, TypeError, KeyError, AttributeError):
        return plain


def _read(rest: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(OpenAlarm)} - set(_OF_ALARM)
    values = {name: value for name, value in rest.items() if name in known}
    values["model"] = ModelSummary(**values["model"])
    if values.get("acknowledged") is not None:
        values["acknowledged"] = Record(**values["acknowledged"])
    if values.get("shelved") is not None:
        values["shelved"] = Shelving(**values["shelved"])
    return values


def _bare(model: ModelSummary) -> ModelSummary:
    return replace(model, bands={})
