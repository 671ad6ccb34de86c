"""The service's local door: `Door`.

Nothing that a client does makes the service wait. Requests are done by the service's own thread when it calls
`pump`, a few at a time; what is subscribed to is handed over by `feed` and dropped where nobody takes it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edge_runtime.core import EdgeError
from edge_runtime.door.conversation import Conversation
from edge_runtime.door.registry import Registry
from edge_runtime.door.server import Server
from edge_runtime.door.settings import DoorSettings
from edge_runtime.door.socket_file import SocketFile
from edge_runtime.door.subscriptions import Feed
from edge_runtime.door.work import WorkQueue

AGAIN_S: Final = 5.0
"""Between looks whether the socket is still there, and between attempts where it could not be made."""
_LOG: Final = logging.getLogger("edge_runtime")


class Door:
    """Open between `open` and `close`. `pump` is called by the service's thread, `feed` is for it."""

    def __init__(self, about: Callable[[], Mapping[str, object]]) -> None:
        """`about` says in the answer to `hello` what this service is; it is called on the door's thread."""
        self.work, self.feed = WorkQueue(), Feed()
        self._about = about
        self._server: Server | None = None
        self._wanted: tuple[DoorSettings, Path] | None = None
        self._counts: Counter[str] = Counter()
        self._looked_s = 0.0
        self._logged = ""
        self.trouble = ""
        """Why there is no socket, or not the one that was wanted; empty when all is well."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, settings: DoorSettings, path: Path) -> None:
        """Open the socket; one that is open with these settings stays so, with its clients.

        Where there can be no socket `trouble` says why, since alarms do not depend on it, and `pump` tries
        again.
        """
        if self._server is None or self._wanted != (settings, path) or self.trouble:
            self.close()
            self._wanted = settings, path
            self._open(settings, path)

    def close(self) -> None:
        """Close every connection and the socket, where it is open."""
        server, self._server, self._wanted = self._server, None, None
        if server is not None:
            server.stop()

    def serve(self, registry: Registry, wake: Callable[[], None]) -> None:
        """Answer by these methods from now on; `wake` ends the service's waiting. Called by its thread."""
        self.work.registry, self.work.wake = registry, wake

    def pump(self) -> None:
        """Do what is asked, for a bounded time; called by the service's thread once a turn."""
        self.work.pump()
        now_s = time.monotonic()
        if now_s - self._looked_s >= AGAIN_S:
            self._looked_s = now_s
            if self._wanted is not None and (self._server is None or not self._server.usable):
                wanted = self._wanted
                self.close()
                self.open(*wanted)

    def figures(self) -> Mapping[str, float | None]:
        """Gauges and counters for health."""
        return {
            "clients": float(0 if self._server is None else len(self._server.clients)),
            "requests": float(self._counts["requests"]),
            "refused": float(self._counts["refused"]),
            "turned_away": float(self._counts["turned_away"]),
            "lagged": float(self._counts["lagged"]),
        }

    def _open(self, settings: DoorSettings, path: Path) -> None:
        try:
            file = SocketFile(path, settings)
        except EdgeError as error:
            self.trouble = str(error)
        else:
            self.trouble = file.trouble
            conversation = Conversation(self.work, self.feed, self._about, settings)
            self._server = Server(file, conversation, self.feed, self._counts)
            self._server.start()
        if self.trouble != self._logged:
            self._logged = self.trouble
            _LOG.log(logging.ERROR if self.trouble else logging.INFO, "%s", self.trouble or f"open at {path}")
