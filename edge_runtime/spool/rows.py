"""What the spool holds: `StoredMessage` and its class, `OpenAlarm`, `DeadLetter`."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edge_runtime.core import Alarm, AlarmKind

ROW_OVERHEAD_BYTES: Final = 64
"""What a row takes beside topic and body: its six numbers and its share of the pages' headers, about."""
OPEN_ALARM: Final = "alarm/"
"""Begins the names of the records that are open alarms."""
NOTES: Final = "notes/"
"""Begins the names of the records of their notes, apart from them since earlier versions know no notes."""


class MessageClass(StrEnum):
    """Priority of a row: alarms are the last to be dropped and the first to be sent."""

    ALARM = "alarm"
    TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in the queue, one row of the file."""

    klass: MessageClass
    id: int
    """Place in its class's queue; unique and rising for as long as the queue exists."""
    seq: int
    """Counts the class's messages within an epoch, without holes; it is in the body too."""
    topic: str
    body: bytes
    created_us: int
    """Wall time when it was stored, microseconds since 1970; for people only."""
    clock_s: float
    """Seconds the spool had been in service when it was stored: ages survive a clock that jumps."""

    @property
    def cost_bytes(self) -> int:
        """What it counts against the spool's limit."""
        return len(self.topic.encode()) + len(self.body) + ROW_OVERHEAD_BYTES

    @property
    def crc(self) -> int:
        """CRC-32 over everything in the row."""
        head = f"{self.klass}|{self.id}|{self.seq}|{self.created_us}|{self.clock_s!r}|{self.topic}|"
        return zlib.crc32(self.body, zlib.crc32(head.encode()))


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """What a transaction does to the table of open alarms."""

    key: str
    """What the alarm is about, for example "sensor/kind"; each key has at most one open alarm."""
    alarm: Alarm | None
    """The alarm as it stands; None once it has ended."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was taken out of the queue because it could not be sent."""

    row: StoredMessage
    reason: str


def stored_message_of(record: Sequence[object]) -> StoredMessage | None:
    """A row from its columns (class, id, seq, topic, body, created_us, clock_s, crc).

    None when types or checksum disagree.
    """
    klass, row_id, seq, topic, body, created_us, clock_s, crc = record
    if not (isinstance(topic, str) and isinstance(body, bytes) and isinstance(clock_s, float)):
        return None
    if not (isinstance(row_id, int) and isinstance(seq, int) and isinstance(created_us, int)):
        return None
    if klass not in set(MessageClass):
        return None
    row = StoredMessage(MessageClass(str(klass)), row_id, seq, topic, body, created_us, clock_s)
    return row if row.crc == crc else None


def alarm_of(body: str) -> Alarm:
    """An open alarm from its JSON; raises ValueError, KeyError or TypeError for any other text."""
    fields = json.loads(body)
    return Alarm(**{**fields, "kind": AlarmKind(fields["kind"])})


def alarms_of(records: Iterable[tuple[str, str, object]]) -> dict[str, Alarm]:
    """Open alarms by key, from (name, body, checksum); what is damaged or no alarm is left out."""
    whole = {name: body for name, body, crc in records if record_crc(name, body) == crc}
    found = {
        name.removeprefix(OPEN_ALARM): body for name, body in whole.items() if name.startswith(OPEN_ALARM)
    }
    return {key: replace(alarm_of(body), notes=whole.get(NOTES + key, "")) for key, body in found.items()}


def record_crc(name: str, body: str) -> int:
    """Checksum of a record."""
    return zlib.crc32(f"{name}|{body}".encode())
