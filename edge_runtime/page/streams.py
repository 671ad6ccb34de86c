"""Answers that go on: server-sent events (WHATWG HTML, section 9.2), each reader at its own pace."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.types import Receive, Scope, Send

from edge_runtime.core import BusyError, EdgeError
from edge_runtime.page.answers import SAFE, refusal_of

MOST_READERS: Final = 32
"""Streams at a time; a person has two."""
_log: Final = logging.getLogger("edge_runtime.page")
HEAD: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


class Streams:
    """Counts those that go on."""

    def __init__(self) -> None:
        """None does."""
        self.readers = 0

    def check_room(self) -> None:
        """Raise BusyError where there is none for one more."""
        if self.readers >= MOST_READERS:
            remedy = "Close a page that nobody looks at, or try again later"
            raise BusyError("too many look at the page at a time", remedy=remedy)


class EventStream:
    """One of them, as an ASGI application."""

    def __init__(self, items: AsyncIterator[str], streams: Streams, goes_on: Callable[[float], bool]) -> None:
        """Send what comes while `goes_on` at that monotonic time."""
        self._items, self._streams, self._goes_on = items, streams, goes_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader goes, or may stay no longer."""

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        sending = asyncio.ensure_future(self._send_all(scope, receive, send))
        leaving = asyncio.ensure_future(left())
        self._streams.readers += 1
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.readers -= 1
            for task in (sending, leaving):
                task.cancel()
            ends = await asyncio.gather(sending, leaving, return_exceptions=True)
            for end in ends:  # whoever goes away at any moment is nobody's fault
                if isinstance(end, Exception) and not isinstance(end, (OSError, EdgeError)):
                    _log.error("a stream of %s failed", scope["path"], exc_info=end)

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._items) as items:  # type: ignore[type-var]  # a generator
            try:
                first = await anext(items)
            except EdgeError as error:
                await refusal_of(error)(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": [*HEAD, *SAFE]})
            await _event(send, first)
            async for item in items:
                if not self._goes_on(time.monotonic()):
                    break
                await _event(send, item)
            await send({"type": "http.response.body", "body": b""})


async def _event(send: Send, data: str) -> None:
    await send({"type": "http.response.body", "body": f"data:{data}\n\n".encode(), "more_body": True})
