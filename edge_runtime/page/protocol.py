"""Connections of browsers, and of whoever else comes: bounded in number, time and what they leave unread.

uvicorn waits for ever for a request that does not come, and for a reader that does not read.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 96
"""At a time; further ones are closed. A browser opens six."""
LOOK_S: Final = 5.0
IDLE_S: Final = 20.0
"""Without a whole request, and without taking anything of an answer: phones sleep and walk out of reach."""


class BoundedProtocol(H11Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        """Take it, unless there are too many."""
        super().connection_made(transport)
        self._idle_s, self._unread = 0.0, 0
        self._look: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._look = self.loop.call_later(LOOK_S, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look at it no more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        unread, before = self.transport.get_write_buffer_size(), self._unread
        cycle: Any = self.cycle  # None before the first request
        waits = cycle is None or cycle.response_complete
        self._idle_s = self._idle_s + LOOK_S if waits or (unread and unread == before) else 0.0
        self._unread = unread
        if self._idle_s >= IDLE_S:
            self.transport.abort()
            return
        self._look = self.loop.call_later(LOOK_S, self._check)
