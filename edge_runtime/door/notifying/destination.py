"""Somebody who is told: `Destination`, a thread, so that a server that hangs holds up nobody else's news."""

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Final

from edge_runtime.core import LogShare
from edge_runtime.door.notify_settings import NotifySettings
from edge_runtime.door.notifying.deliveries import Deliveries, Waiting
from edge_runtime.door.notifying.folding import Folding
from edge_runtime.door.notifying.lines import DeliveryError
from edge_runtime.door.notifying.telling import tell
from edge_runtime.messages.notify import Gateway, News

TURN_S: Final = 0.5
"""Between two looks at what is due, while anything waits."""
IDLE_S: Final = 30.0
"""The same while nothing does: then whoever brings something wakes it."""
_BROKEN: Final = "its record cannot be written"
_log: Final = logging.getLogger("edge_runtime")


class Destination(threading.Thread):
    """Tells one of them what waits for it."""

    def __init__(self, settings: NotifySettings, gateway: Gateway, deliveries: Deliveries) -> None:
        """Prepare; nothing is sent before `start`."""
        super().__init__(name=f"notify {settings.name}", daemon=True)
        self.settings, self._gateway, self._deliveries = settings, gateway, deliveries
        self._folding = Folding(settings.fold_s, settings.backoff_s)
        self._wake, self._log = threading.Event(), LogShare(settings.name)
        self.problem = ""
        """What keeps it from being told; empty for nothing."""

    def wants(self, news: News) -> bool:
        """Whether it is to be told of that."""
        return news.kind in self.settings.kinds and (self.settings.ends or news.what != "ended")

    def wake(self) -> None:
        """Something was brought."""
        self._wake.set()

    def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            waits = False
            try:
                waits = self.turn(time.monotonic())
            except sqlite3.Error as error:
                self._trouble(f"{_BROKEN} ({error})")
            except Exception:  # noqa: BLE001  a fault of ours must not end what others are told
                _log.exception("%s: a turn failed", self.settings.name)
                self._trouble("a fault of this program: see its log")
                self._folding.failed(time.monotonic())
            self._wake.wait(TURN_S if waits or self.problem else IDLE_S)
            self._wake.clear()
            self._log.close_minutes(time.monotonic())

    def turn(self, now_s: float) -> bool:
        """Send one message, where one is due; return whether anything waits. Raises sqlite3.Error."""
        name, settings = self.settings.name, self.settings
        self._deliveries.keep_within(name, settings.most_waiting, settings.max_age_h * 3600)
        if now_s < self._folding.free_s:
            return True
        waiting = self._deliveries.waiting(name, settings.most_waiting)
        if batch := self._folding.due(waiting, now_s):
            self._send(batch)
        elif not waiting:
            self.problem = ""
        return bool(waiting)

    def _send(self, batch: Sequence[Waiting]) -> None:
        name, ids = self.settings.name, [each.id for each in batch]
        digest = hashlib.sha256(f"{self._gateway.name}|{name}|{ids}|{batch[0].clock_s}".encode()).hexdigest()
        try:
            said = tell(self.settings, self._gateway, [each.news for each in batch], digest[:32])
        except DeliveryError as error:
            if error.never:
                self._folding.refused(batch, time.monotonic())
            else:
                self._folding.failed(time.monotonic())
            self._trouble(str(error))
            self._deliveries.count(name, "refusals" if error.never else "failures")
            return
        self._folding.sent(batch, time.monotonic())
        self._deliveries.done(name, ids, "told", messages=1)
        if self.problem and not said:
            _log.info("%s: is told again", name)
        self.problem = ""
        if said:
            self._trouble(said)

    def _trouble(self, said: str) -> None:
        self.problem = said
        self._log.warn("problem", said, time.monotonic())
