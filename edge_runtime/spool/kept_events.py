"""What others may fetch of the events that were stored, whether or not the broker has them: `KeptEvents`."""

import threading

from edge_runtime.spool.disk import Disk
from edge_runtime.spool.journal import KeptEvent
from edge_runtime.spool.store import MAX_ID, Store


class KeptEvents:
    """The newest events of a spool, safe to use from several threads. Nothing is kept before `keep`."""

    def __init__(self, mutex: "threading.RLock", disk: Disk) -> None:
        """Those of this spool."""
        self._mutex, self._disk = mutex, disk

    @property
    def most(self) -> int:
        """How many are kept."""
        return self._disk.journal.keep

    def keep(self, most: int) -> None:
        """Keep so many from now on; 0 removes them."""
        with self._mutex:
            self._disk.journal.keep = most
            if not most:
                self._disk.journal.held.clear()
                self._disk.run(lambda store: store.forget_events(MAX_ID))

    def flush(self) -> None:
        """Write what waited for a full disk, where it has room again; quick where nothing did."""

        def write(store: Store) -> bool:
            with store.transaction(durable=True):
                store.keep_events(tuple(held.values()))
            return True

        held = self._disk.journal.held
        if not held:
            return
        with self._mutex:
            if not self._disk.full and self._disk.run(write):
                held.clear()

    def read(self, after: int, limit: int) -> list[KeptEvent]:
        """Events with a higher id, oldest first, at most `limit`."""
        with self._mutex:
            found = self._disk.run(lambda store: store.events(after, limit)) or []
            events = {event.id: event for event in found}
            held = self._disk.journal.held
            events |= {number: event for number, event in held.items() if number > after}
            return [events[number] for number in sorted(events)[:limit]]
