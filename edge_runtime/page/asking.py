"""The service, asked from the page's loop by a few threads: `Service`."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import BusyError, EdgeError, printable
from edge_runtime.door import DoorClient

THREADS: Final = 4
"""Questions at a time, of the door's 24 connections for one user."""
MOST_WAITING: Final = 32
"""Questions that wait for a thread; further ones are refused."""
ANSWER_S: Final = 10.0
"""For the service to answer: it gives up after 5 s what it does not come to."""
NAME: Final = "page"


class Service:
    """Each question opens the door anew, in the name of whom it is for."""

    def __init__(self, sockets: tuple[str, ...]) -> None:
        """Its socket is the first of these that somebody listens at."""
        self._sockets = tuple(map(Path, sockets))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ask")
        self._waiting = 0

    async def ask(self, method: str, params: Mapping[str, object] | None = None, who: str = "") -> Any:
        """What it answers. Raises EdgeError in its words, and BusyError where too much is asked."""
        return (await self.ask_all([(method, params or {})], who))[0]

    async def ask_all(self, wanted: list[tuple[str, Mapping[str, object]]], who: str = "") -> list[Any]:
        """What it answers to several questions over one connection; then what it says of itself."""

        def answers() -> list[Any]:
            with self.connect(who) as client:
                return [*(client.call(method, **params) for method, params in wanted), client.about]

        if self._waiting >= MOST_WAITING:
            raise BusyError("too much is asked of the page at a time", remedy="Ask again in some seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, answers)
        finally:
            self._waiting -= 1

    def connect(self, who: str = "") -> DoorClient:
        """A connection, for whoever waits on a thread of their own. Raises EdgeError."""
        name = f"{printable(who, 40)} ({NAME})" if who else NAME
        return DoorClient(*self._sockets, timeout_s=ANSWER_S, name=name)

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def error_body(error: EdgeError) -> dict[str, str]:
    """What a refusal is to browsers."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return {"what": printable(what, 1000), "remedy": printable(error.remedy, 1000)}
