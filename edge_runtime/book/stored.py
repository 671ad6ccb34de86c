"""An open alarm as the spool keeps it: the `Alarm` that it always kept, and notes with the rest. And as JSON,
in a backup and through the door."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from edge_runtime.book.entries import OpenAlarm, Record, Shelving
from edge_runtime.book.evidence import Evidence, Judgement
from edge_runtime.core import Alarm, AlarmKind, ModelSummary

NO_MODEL: Final = ModelSummary("", "", "", "", supported=False, bands={})
"""Of an alarm whose model is not known: it was stored before models were."""
_OF_ALARM: Final = ("sensor", "kind", "start_us", "reason")


def key_of(alarm: OpenAlarm) -> str:
    """Under which an open alarm is kept: a sensor has one of each kind at most."""
    return f"{alarm.sensor}/{alarm.kind}"


def stored_entry(alarm: OpenAlarm) -> Alarm:
    """What to keep of an open alarm: what earlier versions read, and notes with all the rest."""
    rest = asdict(replace(alarm, model=replace(alarm.model, bands={})))
    for name in _OF_ALARM:
        del rest[name]
    notes = json.dumps(rest)
    return Alarm(alarm.id, alarm.kind, alarm.start_us, alarm.peak, alarm.reason, notes)


def entry_of(key: str, alarm: Alarm) -> OpenAlarm:
    """The open alarm that was kept under a key. Without notes, or with those of another alarm or version,
    what the `Alarm` itself does not say is empty."""
    sensor = key.rpartition("/")[0]
    plain = OpenAlarm(
        alarm.id,
        sensor,
        alarm.kind,
        machine="",
        incident=alarm.id,
        reason=alarm.reason,
        start_us=alarm.start_us,
        peak=alarm.peak_score,
        score=None,
        threshold=None,
        model=NO_MODEL,
    )
    try:
        rest = json.loads(alarm.notes)
        known = {field.name for field in fields(OpenAlarm)} - set(_OF_ALARM)
        values: dict[str, Any] = {name: value for name, value in rest.items() if name in known}
        values["model"] = ModelSummary(**values["model"])
        if values.get("acknowledged") is not None:
            values["acknowledged"] = Record(**values["acknowledged"])
        if values.get("shelved") is not None:
            values["shelved"] = Shelving(**values["shelved"])
        values["evidence"] = tuple(map(Evidence.of, values.get("evidence", ())))
        if values.get("judgement") is not None:
            values["judgement"] = Judgement.of(values["judgement"])
        return replace(plain, **values) if rest["id"] == alarm.id else plain
    except (ValueError, TypeError, KeyError, AttributeError):
        return plain


def kept_alarms(alarms: Mapping[str, Alarm]) -> list[dict[str, object]]:
    """Open alarms by their keys, as JSON has them."""
    return [
        {
            "key": key,
            "id": alarm.id,
            "kind": alarm.kind,
            "start_us": alarm.start_us,
            "peak": alarm.peak_score if math.isfinite(alarm.peak_score) else None,
            "reason": alarm.reason,
            "notes": alarm.notes,
        }
        for key, alarm in alarms.items()
    ]


def read_kept(entry: Mapping[str, Any]) -> tuple[str, OpenAlarm]:
    """The key and the alarm of one of these. Raises ValueError, TypeError or KeyError for anything else."""
    key, peak = str(entry["key"]), math.nan if entry["peak"] is None else float(entry["peak"])
    texts = str(entry["reason"]), str(entry["notes"])
    kept = Alarm(str(entry["id"]), AlarmKind(entry["kind"]), int(entry["start_us"]), peak, *texts)
    return key, entry_of(key, kept)
