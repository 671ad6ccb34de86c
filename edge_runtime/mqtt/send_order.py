"""Which stored message goes next: `SendOrder`.

Two aims conflict after an outage: that messages arrive in order, and that a new alarm does not wait behind an
hour of old ones. So what was stored before the connection began is sent oldest first and marked `replayed`;
what is stored since is sent also oldest first, and before it. Within (class, replayed) the order is that of
`seq`; across the two, a gap in `seq` shows a subscriber that more is to come: an `end` may arrive before its
replayed `new`, and carries all that the `new` said. A site that wants one order instead sets
`live_first = false`, and new alarms wait their turn.

Alarms go before telemetry in any case. A message that is set aside for a while (see `retries`) is sent when
that is over, whatever its number.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from edge_runtime.spool import MAX_ID, MessageClass, Spool, StoredMessage

_CHUNK: Final = 64
"""Rows read at a time: a few times what may be in flight by default, and little memory."""
_MAX_SKIPPED: Final = 512
"""Rows passed over in one call: some milliseconds of work, so that acknowledgements do not wait for long."""


class _Span:
    """Rows of one class with after < id <= upto, read in chunks; `after` rises with each row taken."""

    def __init__(self, spool: Spool, klass: MessageClass, after: int, upto: int) -> None:
        self._spool, self._klass, self._after, self._upto = spool, klass, after, upto
        self._rows: deque[StoredMessage] = deque()

    def take(self) -> StoredMessage | None:
        """The next row; None when there is none for now."""
        if not self._rows and self._after < min(self._upto, self._spool.last_id(self._klass)):
            self._rows.extend(self._spool.peek(self._klass, _CHUNK, self._after, self._upto))
        if not self._rows:
            return None
        row = self._rows.popleft()
        self._after = row.id
        return row


class SendOrder:
    """Reads ahead in the spool; a row is given once per connection unless `rewind` is called."""

    def __init__(self, spool: Spool, *, live_first: bool) -> None:
        """Nothing is read before `begin`."""
        self._spool, self._live_first = spool, live_first
        self._last_replayed = dict.fromkeys(MessageClass, 0)
        self._spans: list[_Span] = []
        self.unfinished = False
        """Whether `next` stopped before it had seen everything: call it again soon."""

    def begin(self) -> None:
        """Start a connection: all that is stored by now will be replayed."""
        self._last_replayed = {klass: self._spool.last_id(klass) for klass in MessageClass}
        self.rewind()

    def rewind(self) -> None:
        """Look at everything again, because something that was skipped may be sent now."""
        self._spans = []
        for klass, last in self._last_replayed.items():
            bounds = [(last, MAX_ID), (0, last)] if self._live_first else [(0, MAX_ID)]
            self._spans += [_Span(self._spool, klass, *each) for each in bounds]

    def is_replayed(self, row: StoredMessage) -> bool:
        """Whether the row was stored before the connection began."""
        return row.id <= self._last_replayed[row.klass]

    def next(self, skip: Callable[[StoredMessage], bool], *, urgent: bool = False) -> StoredMessage | None:
        """The row to send now, passing over those for which `skip` is true; None when there is none.

        `urgent` asks for new alarms only.
        """
        self.unfinished = False
        skipped = 0
        for span in self._spans[: (1 if self._live_first else 0) if urgent else None]:
            while row := span.take():
                if not skip(row):
                    return row
                skipped += 1
                if skipped == _MAX_SKIPPED:
                    self.unfinished = True
                    return None
        return None
