"""Keeps a ledger of what was raised and checks after every fault that nothing of it was lost.

The six invariants: conservation, integrity, order, liveness, bounds, truth. Liveness, bounds and truth are
asserted where the fault is made; the other three are the same everywhere and are here.
"""

import json
from collections import Counter

from edge_runtime.spool.rows import MessageClass


def body_of(message_id, size=0):
    """What a test stores: an id, the numbers, and as much padding as asked for."""
    padding = "x" * size

    def encode(seq, epoch):
        members = {"id": message_id, "seq": seq, "epoch": epoch, "padding": padding}
        return json.dumps(members, separators=(",", ":")).encode()

    return encode


class AlarmAccount:
    """What was raised, in order, and what a subscriber got of it."""

    def __init__(self):
        self.raised = []
        self._bodies = {}

    def raise_alarm(self, spool, topic="p/s/d/x/event", size=0):
        """Put one alarm and enter it in the ledger once `put` has returned."""
        message_id = f"a{len(self.raised)}"
        seen = []

        def encode(seq, epoch):
            seen.append(body_of(message_id, size)(seq, epoch))
            return seen[-1]

        spool.put(MessageClass.ALARM, topic, encode)
        self.raised.append(message_id)
        self._bodies[message_id] = seen
        return message_id

    def check(self, received, spool=None, *, duplicates=None, ordered=True):
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

    def _check_bodies(self, received):
        for body in received:
            bare = body.replace(b',"replayed":true}', b"}").replace(b',"replayed":false}', b"}")
            seen = self._bodies.get(json.loads(body)["id"])
            assert seen is None or bare in seen


def check_order(events):
    """After duplicates are removed, numbers rise within (epoch, replayed)."""
    highest, seen = {}, set()
    for event in events:
        key, seq = (event["epoch"], event["replayed"]), event["seq"]
        if (event["epoch"], seq) in seen:
            continue
        seen.add((event["epoch"], seq))
        assert seq > highest.get(key, 0), f"{seq} came after {highest[key]} with replayed={event['replayed']}"
        highest[key] = seq
