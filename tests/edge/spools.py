"""What the tests of the durable queue share: a clock, and what goes in and what waits."""

import json
from typing import Any

from edge_runtime.spool.queue import MessageClass, Spool
from tests.faults.alarm_account import body_of


class Clock:
    """Monotonic seconds that pass when a test sets them."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def put(
    spool: Spool, name: str = "a", klass: MessageClass = MessageClass.ALARM, size: int = 0, **more: Any
) -> int:
    """Store one row; returns its number."""
    return spool.put(klass, "p/s/d/x/event", body_of(name, size), **more)


def names(spool: Spool, klass: MessageClass = MessageClass.ALARM, **span: Any) -> list[str]:
    """The names that wait, in order."""
    return [json.loads(row.body)["id"] for row in spool.peek(klass, 1000, **span)]


def rows_of(spool: Spool) -> dict[tuple[MessageClass, int], bytes]:
    """Every row that waits: the body by class and id."""
    return {(klass, row.id): row.body for klass in MessageClass for row in spool.peek(klass, 10**6)}
