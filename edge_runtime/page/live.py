"""A sensor's bytes for those who look at it: `Live`. Browsers decode them; the page needs no numpy for it."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Final

from edge_runtime.core import BusyError, EdgeError
from edge_runtime.page.asking import Service

EVERY_S: Final = 0.4
"""Between two pictures of the vibration: faster than an eye follows a spectrum costs phones their battery."""
MOST_SENSORS: Final = 8
"""Looked at at a time, each with a connection to the door."""
KEPT_BYTES: Final = 96 * 1024
"""Of a sensor: what a reader that is late is given; what is older is skipped."""


class Line(threading.Thread):
    """The latest bytes of one sensor, on a thread of its own."""

    def __init__(self, service: Service, sensor: str) -> None:
        """Subscribe, and begin. Raises EdgeError; called on a thread that may wait."""
        super().__init__(name="live", daemon=True)
        self.readers = 0
        self._client = service.connect()
        try:
            self._client.call("subscribe", to="frames", sensor=sensor, raw=True)
        except BaseException:
            self._client.close()
            raise
        self._mutex, self._held, self.end = threading.Lock(), bytearray(), 0
        self.over = False
        self.start()

    def since(self, at: int) -> tuple[bytes, int]:
        """What came after position `at` of the stream, the latest of it, and the position now."""
        with self._mutex:
            fresh = min(self.end - at, len(self._held))
            return bytes(self._held[len(self._held) - fresh :]), self.end

    def close(self) -> None:
        """Ask for nothing more."""
        self._client.close()

    def run(self) -> None:
        """Take what comes until the end."""
        with contextlib.suppress(EdgeError, OSError):
            for data in self._client.raw():
                with self._mutex:
                    self._held += data
                    self.end += len(data)
                    del self._held[:-KEPT_BYTES]
        self.over = True


class Live:
    """Lines that somebody looks at."""

    def __init__(self, service: Service) -> None:
        """Nobody does yet."""
        self._service = service
        self._lines: dict[str, Line] = {}
        self._opening = asyncio.Lock()

    async def pieces(self, sensor: str) -> AsyncIterator[str]:
        """Base64 of what came, several times a second. Raises EdgeError before the first."""
        line = await self.line(sensor)
        line.readers += 1
        try:
            _, at = line.since(0)
            while not line.over:
                data, at = line.since(at)
                yield base64.b64encode(data).decode()
                await asyncio.sleep(EVERY_S)
        finally:
            line.readers -= 1
            if not line.readers and self._lines.get(sensor) is line:
                del self._lines[sensor]
                line.close()

    async def line(self, sensor: str) -> Line:
        """The sensor's, begun where nobody looks at it yet. Raises EdgeError where it cannot be."""

        def close_late(opening: "asyncio.Future[Line]") -> None:
            if not opening.cancelled() and opening.exception() is None:
                opening.result().close()

        async with self._opening:
            line = self._lines.get(sensor)
            if line is not None and not line.over:
                return line
            if len(self._lines) >= MOST_SENSORS:
                what = f"{MOST_SENSORS} sensors are looked at live already"
                raise BusyError(what, remedy="Close one of the pages that do, or try again later")
            opening = asyncio.ensure_future(asyncio.to_thread(Line, self._service, sensor))
            try:
                self._lines[sensor] = line = await asyncio.shield(opening)
            except asyncio.CancelledError:  # who asked has gone, and the thread knows nothing of it
                opening.add_done_callback(close_late)
                raise
            return line
