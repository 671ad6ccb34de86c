"""What is known of a piece of evidence, kept as JSON beside its capture: `EvidenceRecord`. Pure.

It is written before the first byte of the capture, again when that is whole, and when a person judges the
alarm; an index of evidence is made from these files.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from edge_runtime.book import AlarmMoment, Evidence, Finding
from edge_runtime.core import (
    Check,
    DataError,
    check_fields,
    list_of,
    number,
    object_of,
    or_null,
    read_json,
    text_of,
    whole,
)

SCHEMA: Final = 1
MAX_BYTES: Final = 64 * 1024
"""Of a file: an event has at most 8 KiB."""
ID_CHARS: Final = 80
"""Of an id: an alarm's, and a moment."""
_ALARM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """Of one capture."""

    alarm: str
    """The alarm's id."""
    moment: AlarmMoment
    sensor: str
    kind: str
    """What the alarm is about, such as `anomaly`."""
    time: str
    """The moment by the gateway's clock, RFC 3339 in UTC."""
    clock_ok: bool
    """Whether that clock could be trusted."""
    after_s: float = 0.0
    """Seconds of the capture after the moment, at the most."""
    sequence: int | None = None
    """Of the newest frame when it was asked for; None where there was none."""
    pending: int = 0
    """Samples that the next window had by then: a replay cuts the same windows."""
    sha256: str = ""
    """Of the capture, hexadecimal; empty while it is being written."""
    bytes: int = 0
    seconds: float = 0.0
    """From its first frame to its last, by the sensor's clock."""
    whole: bool = False
    """Whether all that was to be kept is in it, but for what a restart took."""
    told: bool = False
    """Whether an event has said that it is there."""
    findings: tuple[Finding, ...] = ()
    """What it says, channel by channel; empty where that was not asked."""
    judgement: Mapping[str, Any] | None = None
    """What a person found the alarm to be, as in events."""
    event: Mapping[str, Any] = field(default_factory=dict)
    """The alarm's latest event that was not about evidence, as it was published."""

    @property
    def id(self) -> str:
        """Names it."""
        return f"{self.alarm}-{self.moment}"

    @property
    def sealed(self) -> bool:
        """Whether its capture has ended."""
        return bool(self.sha256)

    def said(self) -> Evidence:
        """What the alarm's events say of it."""
        return Evidence(
            self.id, self.moment, self.sha256, self.bytes, self.seconds, self.whole, self.findings
        )


def is_alarm_id(text: str) -> bool:
    """Whether an alarm's id may be part of a file's name; ours are, and others' may be anything."""
    return _ALARM.fullmatch(text) is not None


def encode_record(record: EvidenceRecord) -> bytes:
    """The record's file."""
    members = {name: getattr(record, name) for name in _FIELDS if name != "schema"}
    members["findings"] = list(map(asdict, record.findings))
    return json.dumps({"schema": SCHEMA} | members, indent=1).encode()


def parse_record(data: bytes) -> EvidenceRecord:
    """Read a record's file. Raises DataError for whatever was not written by `encode_record`."""
    try:
        body = read_json(data.decode())
        if not isinstance(body, dict):
            raise ValueError("it is no object")
        check_fields(body, _FIELDS, (), "")
        del body["schema"]
        findings = tuple(Finding.of(each) for each in body["findings"])
        return EvidenceRecord(**{**body, "moment": AlarmMoment(body["moment"]), "findings": findings})
    except (ValueError, RecursionError) as error:
        remedy = "Remove it, with the capture beside it"
        raise DataError(f"it is no record of evidence ({error})", remedy=remedy) from error


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_LINE: Final[Mapping[str, Check]] = {
    "name": text_of(),
    **dict.fromkeys(("hz", "strength"), number(0, 1e30)),
    "velocity_mm_s": or_null(number(0, 1e30)),
}
_FINDING: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("channel", "words"), text_of(1000)),
    "zone": or_null(text_of()),
    **dict.fromkeys(("velocity_mm_s", "rms_m_s2", "crest", "kurtosis"), or_null(number(-1e30, 1e30))),
    "lines": list_of(object_of("lines", _LINE), 0, 64),
}
_FIELDS: Final[Mapping[str, Check]] = {
    "schema": whole(SCHEMA, SCHEMA),
    "alarm": lambda value: isinstance(value, str) and is_alarm_id(value),
    "moment": lambda value: value in tuple(AlarmMoment),
    **dict.fromkeys(("sensor", "kind", "time", "sha256"), text_of()),
    **dict.fromkeys(("clock_ok", "whole", "told"), lambda value: isinstance(value, bool)),
    "bytes": whole(0, 2**50),
    "sequence": or_null(whole(0, 2**32)),
    "pending": whole(-(2**31), 2**31),
    **dict.fromkeys(("seconds", "after_s"), number(0, 1e9)),
    "findings": list_of(object_of("findings", _FINDING, ("lines",)), 0, 256),
    "judgement": or_null(_is_object),
    "event": _is_object,
}
