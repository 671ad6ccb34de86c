"""Which stored message goes next: `Lanes`.

Two wishes pull apart after an outage: that messages arrive in order, and that a new alarm does not wait
behind an hour of old ones. So what was stored before the connection began is one lane, sent oldest first and
marked `replayed`; what is stored since is another, also oldest first, and ahead of it. Within (class,
replayed) the order is that of `seq`; across the two, `seq` tells a subscriber that more is to come: an `end`
may be heard before its replayed `new`, and carries all that the `new` said. A site that wants one order
instead sets `live_first = false`, and new alarms wait their turn.

Alarms go before telemetry in any case. A message that was set aside (see `setbacks`) comes when it comes.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from edge_runtime.spool import MAX_ID, MessageClass, Spool, StoredMessage

_CHUNK: Final = 64
_PATIENCE: Final = 512


class _Lane:
    def __init__(self, klass: MessageClass, after: int, upto: int) -> None:
        self.klass, self.after, self.upto = klass, after, upto
        self.rows: deque[StoredMessage] = deque()


class Lanes:
    """Reads ahead in the spool; a row is given once per connection unless `rewind` is called."""

    def __init__(self, spool: Spool, *, live_first: bool) -> None:
        """Nothing is read before `begin`."""
        self._spool, self._live_first = spool, live_first
        self._mark = dict.fromkeys(MessageClass, 0)
        self._lanes: list[_Lane] = []
        self.unfinished = False
        """Whether `next` gave up skipping before it had seen everything: call it again soon."""

    def begin(self) -> None:
        """A connection begins: all that is stored by now will be replayed."""
        self._mark = {klass: self._spool.last_id(klass) for klass in MessageClass}
        self.rewind()

    def rewind(self) -> None:
        """Look at everything again, because something that was skipped may be sent now."""
        self._lanes = []
        for klass in MessageClass:
            mark = self._mark[klass]
            spans = [(mark, MAX_ID), (0, mark)] if self._live_first else [(0, MAX_ID)]
            self._lanes += [_Lane(klass, *span) for span in spans]

    def is_replayed(self, row: StoredMessage) -> bool:
        """Whether the row was stored before the connection began."""
        return row.id <= self._mark[row.klass]

    def next(self, skip: Callable[[StoredMessage], bool], *, urgent: bool = False) -> StoredMessage | None:
        """The row to send now, passing over those that `skip` names; None when there is none.

        `urgent` asks for new alarms only.
        """
        self.unfinished = False
        patience = _PATIENCE
        for lane in self._lanes[: (1 if self._live_first else 0) if urgent else None]:
            while row := self._take(lane):
                if not skip(row):
                    return row
                patience -= 1
                if not patience:
                    self.unfinished = True
                    return None
        return None

    def _take(self, lane: _Lane) -> StoredMessage | None:
        if not lane.rows and lane.after < min(lane.upto, self._spool.last_id(lane.klass)):
            lane.rows.extend(self._spool.peek(lane.klass, _CHUNK, lane.after, lane.upto))
        if not lane.rows:
            return None
        row = lane.rows.popleft()
        lane.after = row.id
        return row
