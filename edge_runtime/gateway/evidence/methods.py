"""What people ask of evidence through the door: list, read, have sent over MQTT; and judge alarms."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from edge_runtime.book import Action, Judgement, Verity
from edge_runtime.core import AlarmCommandError, DataError, EdgeError, is_topic_level, printable
from edge_runtime.door import Access, Asker, Later, Method
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.evidence.part import EvidencePart
from edge_runtime.gateway.evidence.record import EvidenceRecord, encode_record
from edge_runtime.messages import evidence_body, finding_bodies, judgement_body, plain_members

PAGE: Final = 10
"""Pieces of evidence that an answer names: with the longest names it stays below 8 KiB."""
READ_BYTES: Final = 64 * 1024
"""Of a capture in one answer: encoding more takes the processor from scoring for too long."""
WORDS: Final = 200
"""Characters of a diagnosis in a list; the record has all of it."""
_KNOWN: Final = "See which is there: edge-runtime evidence list"


@dataclass(frozen=True, slots=True)
class ListParams:
    """Which evidence, the newest first."""

    sensor: str = ""
    """Empty for that of all sensors."""
    alarm: str = ""
    """Empty for that of all alarms."""
    before: str = ""
    """Time of the last one of the answer before; empty for the newest."""


@dataclass(frozen=True, slots=True)
class EvidenceParams:
    """Which evidence."""

    id: str
    """Its own, or its alarm's for what is around the beginning."""


@dataclass(frozen=True, slots=True)
class ReadParams:
    """Which evidence, and from which byte on."""

    id: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class FetchParams:
    """Which evidence, and who wants it."""

    id: str
    to: str
    """Last level of the topic for the chunks."""
    first: int = 0
    """Number of the first chunk."""
    most: int = 0
    """How many; 0 for as many as one request gives."""


@dataclass(frozen=True, slots=True)
class JudgeParams:
    """Which alarm, and what it was."""

    alarm: str
    verity: str
    """`real`, `false` or `maintenance`."""
    note: str = ""


class EvidenceRequests:
    """What people ask, as the door calls it."""

    def __init__(self, part: EvidencePart, delivery: Delivery) -> None:
        """Ask of this part."""
        self._part, self._delivery = part, delivery

    def listed(self, params: ListParams, _asker: Asker) -> list[dict[str, object]]:
        """A page of what there is."""
        found = [
            record
            for record in reversed(self._part.store.records)
            if params.sensor in ("", record.sensor) and params.alarm in ("", record.alarm)
        ]
        older = (record for record in found if not params.before or record.time < params.before)
        return [evidence_view(record) for record in islice(older, PAGE)]

    def record(self, params: EvidenceParams, _asker: Asker) -> Later:
        """All that is known of one, its event included."""
        record, store = self._found(params.id), self._part.store
        return self._later(lambda: json.loads(encode_record(store.read(record))))

    def read(self, params: ReadParams, _asker: Asker) -> Later:
        """Bytes of a capture."""
        record = self._found(params.id)
        path = self._part.store.capture_path(record)

        def read() -> dict[str, object]:
            try:
                with path.open("rb") as file:
                    file.seek(max(0, params.at))
                    data = file.read(READ_BYTES)
            except OSError as error:
                what = f"{record.id} cannot be read ({error.strerror})"
                raise DataError(what, remedy=_KNOWN) from error
            return evidence_view(record) | {"at": params.at, "data": base64.b64encode(data).decode()}

        return self._later(read)

    def fetch(self, params: FetchParams, _asker: Asker) -> dict[str, object]:
        """Have a capture sent over MQTT."""
        record, transfers = self._found(params.id), self._delivery.transfers
        if transfers is None:
            remedy = "Set mqtt = true in [commands], or use `edge-runtime evidence get`"
            raise DataError("nothing is sent over MQTT here", remedy=remedy)
        if not is_topic_level(params.to):
            what = f"{printable(params.to, 60)!r} is no level of a topic"
            raise DataError(what, where="to", remedy="Name who asks, such as panel-3")
        path = self._part.store.capture_path(record)
        return transfers.begin(record, path, params.to, params.first, params.most)

    def judge(self, params: JudgeParams, asker: Asker) -> Later:
        """Keep what a person found an alarm to be."""
        if params.verity not in tuple(Verity):
            what = f"{printable(params.verity, 60)!r} is no judgement"
            raise DataError(what, where="verity", remedy=f"Say one of {', '.join(Verity)}")
        said = Judgement(Verity(params.verity), time.time_ns() // 1000, str(asker), params.note)
        keeper, desk = self._delivery.keeper, self._part.desk
        is_open = any(alarm.id == params.alarm for alarm in keeper.book.open_alarms())
        evidence = [record for record in self._part.store.records if record.alarm == params.alarm]
        if not (is_open or evidence):
            what = f"no alarm {printable(params.alarm, 60)} is open, and no evidence of it is kept"
            raise AlarmCommandError(what, remedy=_KNOWN)
        if is_open:
            keeper.publish(keeper.book.judge(params.alarm, said))
        later, body = Later(), vars(judgement_body(said))

        def kept(event: Mapping[str, Any] | None, error: EdgeError | None) -> None:
            if error is None and event and not is_open:
                known = [each.said() for each in evidence]
                late = {**event, "by": said.who, "note": said.note, "judgement": body}
                late["evidence"] = [vars(evidence_body(each)) for each in known]
                late["diagnosis"] = [plain_members(each) for each in finding_bodies(known)]
                keeper.tell_late(evidence[0].sensor, late, Action.JUDGED)
            later.give({"alarm": params.alarm, **body, "evidence": len(evidence)}, error)

        desk.do(lambda: desk.judge(params.alarm, body), kept)
        return later

    def _found(self, wanted: str) -> EvidenceRecord:
        found = [each for each in self._part.store.records if wanted in (each.id, each.alarm)]
        if not found:
            raise DataError(f"there is no evidence {printable(wanted, 80)!r}", remedy=_KNOWN)
        return min(found, key=lambda each: each.time)

    def _later(self, job: Callable[[], object]) -> Later:
        later = Later()
        self._part.desk.do(job, later.give)
        return later


def evidence_methods(asked: EvidenceRequests) -> list[Method]:
    """What can be asked through the door."""
    read, change = Access.READ, Access.CHANGE
    record = "Show all that is known of a piece of evidence, with the alarm's event."
    fetch = "Send evidence over MQTT, in chunks on a topic of its own."
    judge = "Say what an alarm was: real, false or maintenance; also after its end."
    listed = "List the vibration kept around alarms, the newest first."
    return [
        Method("evidence.list", read, listed, ListParams, asked.listed, mqtt=True),
        Method("evidence.record", read, record, EvidenceParams, asked.record),
        Method("evidence.read", read, "Read bytes of evidence, in base64.", ReadParams, asked.read),
        Method("evidence.fetch", read, fetch, FetchParams, asked.fetch, mqtt=True),
        Method("alarms.judge", change, judge, JudgeParams, asked.judge, mqtt=True),
    ]


def evidence_view(record: EvidenceRecord) -> dict[str, object]:
    """A piece of evidence as commands and pages get it."""
    judgement = record.judgement or {}
    return {
        "id": record.id,
        "alarm": record.alarm,
        "sensor": record.sensor,
        "kind": record.kind,
        "moment": str(record.moment),
        "time": record.time,
        "clock_ok": record.clock_ok,
        "seconds": record.seconds,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "whole": record.whole,
        "diagnosis": printable("; ".join(map(str, record.findings)), WORDS),
        "judged": printable(judgement.get("verity", ""), 20),
    }
