"""One capture that is being taken: what the ring holds, and what comes until it is over: `Taking`."""

import time
from dataclasses import dataclass, replace
from typing import Final

from edge_runtime.book import AlarmMoment
from edge_runtime.core import AlarmKind, Hello
from edge_runtime.gateway.evidence.record import EvidenceRecord
from edge_runtime.gateway.evidence.ring import Ring
from edge_runtime.gateway.evidence.store import Store
from edge_runtime.gateway.evidence.whole_frames import WholeFrames
from edge_runtime.sensors import CaptureFile, CaptureNote, Chunk, SensorSettings, stated_hello
from edge_runtime.sensors.protocols import encode_hello

_OF_VIBRATION: Final = (AlarmKind.ANOMALY, AlarmKind.VELOCITY, AlarmKind.LEVEL)
"""Alarms about what is diagnosed."""
UNJUDGED: Final = "alarm"
"""The label of evidence: neither normal nor the name of a fault before it is judged."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be taken. Times are monotonic seconds."""

    record: EvidenceRecord
    settings: SensorSettings
    ring: Ring
    from_s: float
    until_s: float
    hello: Hello | None
    """The latest of the sensor; None before its first."""
    condition: str
    """The state of the machine, where it is known."""


class Taking:
    """Used by one thread. The file begins with the first whole frame: none is made of a silent line."""

    def __init__(self, wanted: Wanted, store: Store, *, goes_on: bool = False) -> None:
        """Take what is wanted; `goes_on` says that the capture is there already, cut by a stop of the
        program."""
        self._wanted, self._store, self._goes_on = wanted, store, goes_on
        self.record = wanted.record
        self._file: CaptureFile | None = None
        self._last: Chunk | None = None
        self._frames = WholeFrames(wanted.settings.protocol, wanted.settings.line)
        self._newest_s = float("-inf")

    @property
    def until_s(self) -> float:
        """When it is over, monotonic seconds."""
        return self._wanted.until_s

    def advance(self) -> None:
        """Write what has come. Raises UnavailableError or AccessError where that cannot be."""
        fresh = self._fresh()
        whole = self._frames.feed(fresh)
        if not whole:
            return
        if self._file is None:
            self._file = self._begin()
        self._newest_s = fresh[-1].at_s
        self._store.make_room(len(whole))
        self._file.write(whole, time.monotonic())

    def end(self) -> EvidenceRecord | None:
        """End it; None where nothing came. Raises as `advance` does."""
        if self._file is None:
            if not self._goes_on:
                return None
            self._file = self._begin()
        reached = self._newest_s >= self._wanted.until_s - self._wanted.settings.silence_s
        return self._store.end(replace(self.record, whole=self.record.whole and reached))

    def diagnosed(self, sealed: EvidenceRecord) -> EvidenceRecord:
        """With what it says of the machine, where it is of that. Raises OSError where that is not kept."""
        if sealed.kind not in _OF_VIBRATION or sealed.moment is AlarmMoment.END:
            return sealed
        from edge_runtime.gateway.evidence.diagnosis import findings  # noqa: PLC0415  memory, before an alarm

        found = findings(self._store.capture_path(sealed), self._wanted.settings)
        said = replace(sealed, findings=found)
        self._store.write(said)
        return said

    def _fresh(self) -> list[Chunk]:
        """What is in the ring and was not taken yet."""
        held, fresh = self._wanted.ring.chunks(), list[Chunk]()
        if self._file is None and not self._goes_on and held:
            # Where the ring goes back further, nothing of the time before is missing.
            self.record = replace(self.record, whole=held[0].at_s <= self._wanted.from_s)
        for chunk in reversed(held):
            if chunk is self._last or chunk.at_s < self._wanted.from_s:
                break
            fresh.append(chunk)
        fresh.reverse()
        self._last = fresh[-1] if fresh else self._last
        return fresh

    def _begin(self) -> CaptureFile:
        record, settings, hello = self.record, self._wanted.settings, self._wanted.hello
        note = CaptureNote(
            sensor=record.sensor,
            machine=settings.machine,
            label=UNJUDGED,
            condition=self._wanted.condition,
            started_by=f"alarm {record.alarm}",
            time=record.time,
            clock_ok=record.clock_ok,
            recording=record.id,
            part=1 + self._goes_on,
        )
        if self._goes_on:
            return self._store.go_on(record, note)
        stated = stated_hello(settings.channels, settings.unit, settings.range)
        return self._store.begin(record, note, stated if hello is None else encode_hello(hello))
