"""Proves from a subscriber's side that nothing was lost: `SequenceAudit` accounts for sequence numbers. Pure.

Every stored message carries `epoch` and `seq`; within an epoch the numbers of one kind of message of one
device have no holes. A hole that stays is a loss. A number below the highest may still come, because new
alarms overtake stored ones after an outage: such a message is late, not lost. The same number again is a
duplicate, as QoS 1 allows; the same number with another body must never be.

What came before the first number received is unknown. But a device already known that begins another epoch
begins it with 1.
"""

import json
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from edge_runtime.audit.device_accounts import CLAIMING, MAX_NAME

MAX_STREAMS: Final = 10_000
"""Above the devices of any plant; a hostile publisher must not fill the memory with topics."""
MAX_RUNS: Final = 100_000
"""Runs of numbers without a hole, of all streams, measured 15 MB. Then holes count as lost for good."""
MAX_BODIES: Final = 100_000
"""Checksums kept to compare duplicates, measured 24 MB; what is older counts as a duplicate."""
_MAX_SEQ: Final = 2**62
"""No spool gives a number from here: SQLite's integers end at 2^63."""
_REPLAYED: Final = (b',"replayed":true}', b',"replayed":false}')
"""How the publisher ends a body."""


class Discrepancy(StrEnum):
    """What a message turned out to be."""

    ON_TIME = "on_time"
    """The next number, or the first."""
    AHEAD = "ahead"
    """Numbers before it are still missing."""
    LATE = "late"
    """Fills a hole."""
    DUPLICATE = "duplicate"
    """Received before, with the same body."""
    CONFLICT = "conflict"
    """The number was received before with another body."""
    UNNUMBERED = "unnumbered"
    """Carries no number: state, availability, live telemetry, or not ours."""


@dataclass(frozen=True, slots=True)
class SequencedMessage:
    """One message and what the audit found about it."""

    topic: str
    discrepancy: Discrepancy
    members: dict[str, Any]
    """The body's members; empty when it is no JSON object."""
    missing: int = 0
    """Numbers of its stream that are missing after it."""
    disordered: bool = False
    """Received first after a later number of its kind, new or replayed."""


@dataclass(slots=True)
class Stream:
    """One device's messages of one kind within one epoch."""

    device: str
    kind: str
    epoch: str
    runs: list[list[int]] = field(default_factory=list)
    """Numbers received, as rising runs [first, last]."""
    before: int = -1
    """Up to this number all is accounted for: by an earlier run, or because there is none below 1."""
    held: int = 0
    """Numbers in the runs."""
    given_up: int = 0
    """Numbers missing in holes that are no longer followed."""
    last: dict[bool, int] = field(default_factory=dict)
    """Highest number received, by `replayed`."""
    received: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    replayed: int = 0
    disordered: int = 0

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Holes, as (first, last), without those given up."""
        return [(a[1] + 1, b[0] - 1) for a, b in zip(self.runs, self.runs[1:], strict=False)]

    @property
    def lost(self) -> int:
        """How many numbers are missing just now."""
        inside = self.runs[-1][1] - self.runs[0][0] + 1 - self.held if self.runs else 0
        return self.given_up + inside

    def add(self, seq: int) -> bool:
        """Note a number; False when it was there, or belongs to what is accounted for."""
        if seq <= self.before:
            return False
        at = bisect_right(self.runs, [seq, _MAX_SEQ])
        if at and self.runs[at - 1][1] >= seq:
            return False
        self.runs.insert(at, [seq, seq])
        if at + 1 < len(self.runs) and self.runs[at + 1][0] == seq + 1:
            self.runs[at][1] = self.runs.pop(at + 1)[1]
        if at and self.runs[at - 1][1] == seq - 1:
            self.runs[at - 1][1] = self.runs.pop(at)[1]
        self.held += 1
        return True

    def give_up(self) -> None:
        """Count the oldest hole as lost for good."""
        (first, last), (next_first, next_last) = self.runs[:2]
        self.given_up += next_first - last - 1
        self.held -= last - first + 1 + next_last - next_first
        self.runs[:2], self.before = [[next_last, next_last]], next_last


class SequenceAudit:
    """Accounts for every message received."""

    def __init__(self) -> None:
        """Start with nothing received."""
        self.streams: dict[tuple[str, str, str], Stream] = {}
        self.unnumbered = 0
        """Messages that are no JSON object with a number."""
        self._runs = 0
        self._epochs: dict[tuple[str, str], list[str]] = {}
        self._known: set[tuple[str, str]] = set()
        self._checksums: OrderedDict[tuple[str, str, str, int], int] = OrderedDict()

    def add(self, topic: str, body: bytes) -> SequencedMessage:
        """Account for a message; any topic and body will do."""
        try:
            members = json.loads(body)
        except (ValueError, RecursionError):
            members = {}
        members = members if isinstance(members, dict) else {}
        seq, epoch = members.get("seq"), members.get("epoch")
        levels = topic.split("/")
        claims = levels[-1] in CLAIMING
        if claims or type(seq) is not int or not isinstance(epoch, str) or not 0 < seq < _MAX_SEQ:
            self.unnumbered += 1
            return SequencedMessage(topic, Discrepancy.UNNUMBERED, members)
        # The last two levels are sensor and kind; a device numbers all its sensors' messages together.
        device, kind = "/".join(levels[:-2]), levels[-1]
        key = (device, kind, epoch)
        too_long = max(map(len, key)) > MAX_NAME
        if key not in self.streams and (too_long or len(self.streams) >= MAX_STREAMS):
            key = ("", "", "")  # all others together: counted, but not kept apart
        stream = self._stream(key, 0 if key[:2] in self._known else None)
        discrepancy = self._compare(stream, seq, body)
        new = discrepancy in (Discrepancy.ON_TIME, Discrepancy.AHEAD, Discrepancy.LATE)
        replayed = members.get("replayed") is True
        disordered = new and seq < stream.last.get(replayed, 0)
        if new:
            stream.last[replayed] = max(seq, stream.last.get(replayed, 0))
            stream.replayed += replayed
            stream.disordered += disordered
        return SequencedMessage(topic, discrepancy, members, stream.lost, disordered)

    def resume(self, device: str, kind: str, epoch: str, last: int) -> None:
        """Go on where an earlier run ended: numbers up to `last` are accounted for."""
        self._stream((device, kind, epoch), last)

    def heard(self, device: str, kind: str = "event") -> dict[str, int]:
        """The highest number received of a device's messages of this kind, by epoch."""
        found = {}
        for epoch in self._epochs.get((device, kind), ()):
            if runs := self.streams[device, kind, epoch].runs:
                found[epoch] = runs[-1][1]
        return found

    def _stream(self, key: tuple[str, str, str], before: int | None) -> Stream:
        if key not in self.streams:
            stream = Stream(*key)
            if before is not None:
                stream.runs, stream.before, stream.held = [[before, before]], before, 1
            self.streams[key] = stream
            self._known.add(key[:2])
            self._epochs.setdefault(key[:2], []).append(key[2])
        return self.streams[key]

    def lost(self) -> int:
        """Numbers that are missing just now."""
        return sum(stream.lost for stream in self.streams.values())

    def summary(self) -> list[dict[str, Any]]:
        """One dictionary for each stream, in order of device, kind and epoch."""
        return [
            {
                "device": stream.device,
                "kind": stream.kind,
                "epoch": stream.epoch,
                "first": stream.runs[0][0] + 1 if stream.before >= 0 else stream.runs[0][0],
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

    def _compare(self, stream: Stream, seq: int, body: bytes) -> Discrepancy:
        key = (stream.device, stream.kind, stream.epoch, seq)
        # The same message may be sent as new and, after a lost acknowledgement, again as replayed.
        ending = next((ending for ending in _REPLAYED if body.endswith(ending)), b"")
        checksum = zlib.crc32(body[: len(body) - len(ending)])
        highest = stream.runs[-1][1] if stream.runs else seq - 1
        runs = len(stream.runs)
        is_new = stream.add(seq)
        self._runs += len(stream.runs) - runs
        if self._runs > MAX_RUNS and len(stream.runs) > 1:
            stream.give_up()
            self._runs -= 1
        if not is_new:
            same = self._checksums.get(key, checksum) == checksum
            stream.duplicates += same
            stream.conflicts += not same
            return Discrepancy.DUPLICATE if same else Discrepancy.CONFLICT
        self._checksums[key] = checksum
        if len(self._checksums) > MAX_BODIES:
            self._checksums.popitem(last=False)
        stream.received += 1
        stream.late += seq < highest
        if seq < highest:
            return Discrepancy.LATE
        return Discrepancy.ON_TIME if seq == highest + 1 else Discrepancy.AHEAD
