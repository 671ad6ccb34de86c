"""Proves from outside that nothing was lost: `Ledger` keeps account of sequence numbers. Pure.

Every stored message carries `epoch` and `seq`; within an epoch the numbers of one kind of message of one
device have no holes. A hole that stays is a loss. A number below the highest may still come, because new
alarms overtake stored ones after an outage: such a message is late, not lost. The same number again is a
duplicate, as QoS 1 allows; the same number with another body must never be.

What came before the first number heard is unknown. But a device already heard that begins another epoch
begins it with 1.
"""

import json
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

MAX_STREAMS: Final = 10_000
MAX_BODIES: Final = 100_000
_REPLAYED: Final = (b',"replayed":true}', b',"replayed":false}')


class Discrepancy(StrEnum):
    """What a message turned out to be."""

    ON_TIME = "on_time"
    """The next number, or the first seen."""
    AHEAD = "ahead"
    """Numbers before it are still missing."""
    LATE = "late"
    """Fills a hole."""
    DUPLICATE = "duplicate"
    """Seen before, body and all."""
    CONFLICT = "conflict"
    """The number was seen before with another body."""
    UNNUMBERED = "unnumbered"
    """Carries no number: state, availability, live telemetry, or not ours."""


@dataclass(frozen=True, slots=True)
class SequencedMessage:
    """One message as the ledger sees it."""

    topic: str
    finding: Discrepancy
    members: dict[str, Any]
    """The body's members; empty when it is no JSON object."""
    missing: int = 0
    """Numbers of its stream that are missing after it."""
    disordered: bool = False
    """A first appearance that came after a later number of its lane: new or replayed."""


@dataclass(slots=True)
class Stream:
    """One device's messages of one kind within one epoch."""

    device: str
    kind: str
    epoch: str
    runs: list[list[int]] = field(default_factory=list)
    """Numbers seen, as rising runs [first, last]."""
    last: dict[bool, int] = field(default_factory=dict)
    received: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    replayed: int = 0
    disordered: int = 0

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Holes, as (first, last)."""
        return [(a[1] + 1, b[0] - 1) for a, b in zip(self.runs, self.runs[1:], strict=False)]

    @property
    def lost(self) -> int:
        """How many numbers are missing just now."""
        if not self.runs:
            return 0
        first = self.runs[0][0]
        return self.runs[-1][1] - max(first, 1) + 1 - self.received

    def take(self, seq: int) -> bool:
        """Note a number; False when it was there."""
        at = bisect_right(self.runs, [seq, 2**63])
        if at and self.runs[at - 1][1] >= seq:
            return False
        self.runs.insert(at, [seq, seq])
        if at + 1 < len(self.runs) and self.runs[at + 1][0] == seq + 1:
            self.runs[at][1] = self.runs.pop(at + 1)[1]
        if at and self.runs[at - 1][1] == seq - 1:
            self.runs[at - 1][1] = self.runs.pop(at)[1]
        return True


class SequenceAudit:
    """Account of everything heard."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self.streams: dict[tuple[str, str, str], Stream] = {}
        self.foreign = 0
        """Messages that are no JSON object with a number."""
        self._known: set[tuple[str, str]] = set()
        self._bodies: OrderedDict[tuple[str, str, str, int], int] = OrderedDict()

    def hear(self, topic: str, body: bytes) -> SequencedMessage:
        """Enter a message."""
        members = _members(body)
        seq, epoch = members.get("seq"), members.get("epoch")
        if type(seq) is not int or not isinstance(epoch, str) or not 0 < seq < 2**62:
            self.foreign += 1
            return SequencedMessage(topic, Discrepancy.UNNUMBERED, members)
        stream = self._stream(topic, epoch)
        finding = self._enter(stream, seq, body)
        fresh = finding in (Discrepancy.ON_TIME, Discrepancy.AHEAD, Discrepancy.LATE)
        replayed = members.get("replayed") is True
        disordered = fresh and seq < stream.last.get(replayed, 0)
        if fresh:
            stream.last[replayed] = max(seq, stream.last.get(replayed, 0))
            stream.replayed += replayed
            stream.disordered += disordered
        return SequencedMessage(topic, finding, members, stream.lost, disordered)

    def lost(self) -> int:
        """Numbers that are missing just now."""
        return sum(stream.lost for stream in self.streams.values())

    def summary(self) -> list[dict[str, object]]:
        """Each stream's account, in order of its topic."""
        return [
            {
                "device": stream.device,
                "kind": stream.kind,
                "epoch": stream.epoch,
                "first": max(stream.runs[0][0], 1),
                "last": stream.runs[-1][1],
                "received": stream.received,
                "missing": stream.missing,
                "duplicates": stream.duplicates,
                "conflicts": stream.conflicts,
                "late": stream.late,
                "replayed": stream.replayed,
                "disordered": stream.disordered,
            }
            for _, stream in sorted(self.streams.items())
        ]

    def _stream(self, topic: str, epoch: str) -> Stream:
        levels = topic.split("/")
        # The last two levels are sensor and kind; a device numbers all its sensors' messages together.
        device, kind = "/".join(levels[:-2]), levels[-1]
        key = (device, kind, epoch)
        if key not in self.streams and len(self.streams) >= MAX_STREAMS:
            key = ("", "", "")  # beyond any sensible plant: counted, not told apart
        if key not in self.streams:
            self.streams[key] = Stream(*key, runs=[[0, 0]] if key[:2] in self._known else [])
            self._known.add(key[:2])
        return self.streams[key]

    def _enter(self, stream: Stream, seq: int, body: bytes) -> Discrepancy:
        key = (stream.device, stream.kind, stream.epoch, seq)
        checksum = zlib.crc32(_bare(body))
        highest = stream.runs[-1][1] if stream.runs else seq - 1
        if not stream.take(seq):
            same = self._bodies.get(key, checksum) == checksum
            stream.duplicates += same
            stream.conflicts += not same
            return Discrepancy.DUPLICATE if same else Discrepancy.CONFLICT
        self._bodies[key] = checksum
        if len(self._bodies) > MAX_BODIES:
            self._bodies.popitem(last=False)
        stream.received += 1
        stream.late += seq < highest
        if seq < highest:
            return Discrepancy.LATE
        return Discrepancy.ON_TIME if seq == highest + 1 else Discrepancy.AHEAD


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _bare(body: bytes) -> bytes:
    # The same message may be sent as new and, after a lost acknowledgement, again as replayed.
    for ending in _REPLAYED:
        if body.endswith(ending):
            return body[: -len(ending)]
    return body
