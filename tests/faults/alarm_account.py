"""Keeps a ledger of what was raised and checks after every fault that nothing of it was lost.

The six invariants: conservation, integrity, order, liveness, bounds, truth. Liveness, bounds and truth are
asserted where the fault is made; the other three are the same everywhere and are here.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from edge_runtime.spool.queue import Spool
from edge_runtime.spool.rows import MessageClass

Encode = Callable[[int, str], bytes]


def body_of(message_id: str, size: int = 0) -> Encode:
    """What a test stores: an id, the numbers, and as much padding as asked for."""
    padding = "x" * size

    def encode(seq: int, epoch: str) -> bytes:
        members = {"id": message_id, "seq": seq, "epoch": epoch, "padding": padding}
        return json.dumps(members, separators=(",", ":")).encode()

    return encode


class AlarmAccount:
    """What was raised, in order, and what a subscriber got of it."""

    def __init__(self) -> None:
        self.raised: list[str] = []
        self._bodies: dict[str, list[bytes]] = {}

    def raise_alarm(self, spool: Spool, topic: str = "p/s/d/x/event", size: int = 0) -> str:
        """Put one alarm and enter it in the ledger once `put` has returned."""
        message_id = f"a{len(self.raised)}"
        seen: list[bytes] = []

        def encode(seq: int, epoch: str) -> bytes:
            seen.append(body_of(message_id, size)(seq, epoch))
            return seen[-1]

        spool.put(MessageClass.ALARM, topic, encode)
        self.raised.append(message_id)
        self._bodies[message_id] = seen
        return message_id

    def check(
        self,
        received: Sequence[bytes],
        spool: Spool | None = None,
        *,
        duplicates: int | None = None,
        ordered: bool = True,
    ) -> None:
        """Every id raised was received, or waits in the spool; none is unknown, altered or out of order.

        `ordered=False` where the fault may look as if a message caused it: then that one is set aside.
        """
        pending = (
            {json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 10**6)} if spool else set()
        )
        got = [json.loads(body) for body in received]
        unknown = {event["id"] for event in got} - set(self.raised)
        assert not unknown, f"never raised: {sorted(unknown)[:5]}"
        missing = set(self.raised) - {event["id"] for event in got} - pending
        assert not missing, f"{len(missing)} of {len(self.raised)} lost, for example {sorted(missing)[:5]}"
        self._check_bodies(received)
        if ordered:
            check_order(got)
        extra = sum(Counter((event["epoch"], event["seq"]) for event in got).values()) - len(
            {(event["epoch"], event["seq"]) for event in got}
        )
        if duplicates is not None:
            assert extra <= duplicates, f"{extra} duplicates, {duplicates} may be"

    def _check_bodies(self, received: Iterable[bytes]) -> None:
        for body in received:
            bare = body.replace(b',"replayed":true}', b"}").replace(b',"replayed":false}', b"}")
            seen = self._bodies.get(json.loads(body)["id"])
            assert seen is None or bare in seen


def check_order(events: Iterable[dict[str, Any]]) -> None:
    """After duplicates are removed, numbers rise within (epoch, replayed)."""
    highest: dict[tuple[str, bool], int] = {}
    seen: set[tuple[str, int]] = set()
    for event in events:
        key, seq = (event["epoch"], event["replayed"]), event["seq"]
        if (event["epoch"], seq) in seen:
            continue
        seen.add((event["epoch"], seq))
        assert seq > highest.get(key, 0), f"{seq} came after {highest[key]} with replayed={event['replayed']}"
        highest[key] = seq
