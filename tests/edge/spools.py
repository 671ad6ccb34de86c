"""What the tests of the durable queue share: a clock, and what goes in and what waits."""

import json

from edge_runtime.spool.queue import MessageClass
from tests.faults.alarm_account import body_of


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def put(spool, name="a", klass=MessageClass.ALARM, size=0, **more):
    """Store one row; returns its number."""
    return spool.put(klass, "p/s/d/x/event", body_of(name, size), **more)


def names(spool, klass=MessageClass.ALARM, **span):
    """The names that wait, in order."""
    return [json.loads(row.body)["id"] for row in spool.peek(klass, 1000, **span)]


def rows_of(spool):
    """Every row that waits: the body by class and id."""
    return {(klass, row.id): row.body for klass in MessageClass for row in spool.peek(klass, 10**6)}
