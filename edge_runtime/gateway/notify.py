"""Events for the process that sends e-mails and webhooks, where a site has any: `NotifyPart`.

It asks for what came after the last event it has, however long it was away, and says with it what keeps it
from sending. A process that does not ask is a trouble: an alarm that nobody is told of looks like calm.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import DataError, Health, printable
from edge_runtime.door import Access, Asker, Method
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.spool import MessageClass, Spool

KEPT: Final = 4096
"""Events that wait to be fetched: a week of one in two and a half minutes, 8 MB of usual ones."""
PAGE: Final = 16
"""Events of an answer, 8 KiB each at most: to read and encode them takes a millisecond or two of scoring."""
SILENT_S: Final = 60.0
"""Without a question: the process asks every second, and takes some to start again."""
_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class FetchParams:
    """Where the last question ended."""

    after: int = 0
    """Number of the last event that is known; 0 for none."""
    epoch: str = ""
    """The numbering that it is of; empty for none."""
    problem: str = ""
    """What keeps who asks from sending; empty for nothing."""


class NotifyPart(Part):
    """Answers it."""

    def __init__(self, prepared: PreparedService, spool: Spool, health: Health) -> None:
        """Prepare; nothing is kept before `start`."""
        self._wanted, self._spool, self._health = bool(prepared.config.notify), spool, health
        self._asked_s, self._problem = time.monotonic(), ""

    def start(self) -> None:
        """Keep events, where they are wanted."""
        self._spool.events.keep(KEPT if self._wanted else 0)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Begin to keep them, or to keep none."""
        if changes.notify and self._wanted != bool(prepared.config.notify):
            self._wanted = bool(prepared.config.notify)
            self._asked_s, self._problem = time.monotonic(), ""
            self.start()

    def tick(self, now_s: float) -> None:
        """Say what is wrong with it."""
        self._spool.events.flush()
        problem = self._problem
        if now_s - self._asked_s > SILENT_S:
            problem = "nobody fetches events: `edge-runtime notify` does not run"
        self._health.set_trouble("notify", problem if self._wanted else "")

    def stop(self) -> None:
        """What is kept stays; what waits for the disk is written, if it takes it now."""
        self._spool.events.flush()

    def fetch(self, params: FetchParams, asker: Asker) -> dict[str, object]:
        """The next events. Raises DataError where none are kept."""
        if not self._wanted:
            remedy = "Add a [[notify]] to the configuration that the service runs with"
            raise DataError("no events are kept here", remedy=remedy)
        if asker.may_change:  # who may only look says nothing of the service
            self._asked_s, self._problem = time.monotonic(), printable(params.problem, _WORDS)
        epoch = self._spool.epoch
        after = max(params.after, 0) if params.epoch == epoch else 0
        found = self._spool.events.read(after, PAGE)
        gone = self._spool.last_id(MessageClass.ALARM) - KEPT - after
        return {
            "epoch": epoch,
            "missed": max(gone, 0) if after else 0,
            "events": [
                {"number": each.id, "sensor": each.topic.split("/")[-2], "event": json.loads(each.body)}
                for each in found
            ],
        }


def notify_methods(fetch: Callable[[FetchParams, Asker], object]) -> list[Method]:
    """What can be asked through the door."""
    about = "Give the events that were stored after one, whether or not the broker has them."
    return [Method("events.fetch", Access.READ, about, FetchParams, fetch)]
