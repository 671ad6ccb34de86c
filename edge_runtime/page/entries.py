"""Everything that can be asked of the page, each with the role that it takes: `entries`.

What is not in this table is not there: a new entry cannot be without its role, and the tests refuse each one
to whoever lacks it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp

from edge_runtime.core import DataError, EdgeError, printable
from edge_runtime.page.answers import answer
from edge_runtime.page.asking import Service
from edge_runtime.page.assets import assets
from edge_runtime.page.downloads import AT_A_TIME, evidence_capture, recorded_capture
from edge_runtime.page.entering import Entering
from edge_runtime.page.examining import Doctor
from edge_runtime.page.live import Live
from edge_runtime.page.picture import Picture
from edge_runtime.page.sessions import Role
from edge_runtime.page.streams import EventStream, Streams
from edge_runtime.page.trend import Trends
from edge_runtime.page.visit import Visit

READ: Final = ("commission.status", "evidence.list", "evidence.record", "recording.status", "recording.list")
"""Methods of the door that whoever may view may ask, with parameters that are text."""
CHANGE: Final = (
    *(f"alarms.{verb}" for verb in ("acknowledge", "shelve", "unshelve", "reset", "judge")),
    *(f"commission.{verb}" for verb in ("learn", "adapt", "accept", "arm", "retire", "after-repair")),
    *("recording.start", "recording.stop", "machine.state"),
)
"""Methods of the door that whoever may operate may ask."""
SHOWN: Final = 100
"""Changes through this page that it shows; the service's log and history have all."""
_log: Final = logging.getLogger("edge_runtime.page")

Handler = Callable[[Visit], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One path."""

    method: str
    path: str
    role: Role
    handle: Handler


class Page:
    """What the entries do."""

    def __init__(self, service: Service, entering: Entering, config: str) -> None:
        """Ask this service; the doctor reads `config`."""
        self._service, self.entering = service, entering
        self._picture, self._live, self._streams = Picture(service), Live(service), Streams()
        self._trends, self._doctor = Trends(service), Doctor(config)
        self._downloads = asyncio.Semaphore(AT_A_TIME)
        self._changes: deque[dict[str, str]] = deque(maxlen=SHOWN)

    def entries(self) -> list[Entry]:
        """The table."""
        anybody, view, operate = Role.ANYBODY, Role.VIEW, Role.OPERATE
        shown = [Entry("GET", path, anybody, asset) for path, asset in assets().items()]
        asked = [Entry("GET", f"/api/ask/{name}", view, self._asker(name)) for name in READ]
        done = [Entry("POST", f"/api/do/{name}", operate, self._changer(name)) for name in CHANGE]
        return [
            *shown,
            Entry("POST", "/api/enter", anybody, self.entering.enter),
            Entry("POST", "/api/leave", view, self.entering.leave),
            Entry("GET", "/api/me", view, self.me),
            Entry("GET", "/api/picture", view, self.look),
            Entry("GET", "/api/live", view, self.watch),
            Entry("GET", "/api/trend", view, self.trend),
            Entry("GET", "/api/gateway", view, self.gateway),
            Entry("GET", "/api/evidence", view, self.evidence),
            Entry("GET", "/api/capture", view, self.capture),
            Entry("POST", "/api/doctor", operate, self.examine),
            *asked,
            *done,
        ]

    async def me(self, visit: Visit) -> ASGIApp:
        """Who this is, and for how long."""
        assert visit.session is not None  # noqa: S101  the guard let nobody else in
        left_s = round(visit.session.until_s - time.monotonic())
        return answer({"who": visit.session.who, "role": visit.session.role.name.lower(), "left_s": left_s})

    async def look(self, visit: Visit) -> ASGIApp:
        """What is true now, and what changes of it."""
        return self._stream(visit, self._picture.changes())

    async def watch(self, visit: Visit) -> ASGIApp:
        """A sensor's bytes as they come."""
        return self._stream(visit, self._live.pieces(visit.asked("sensor")))

    def _stream(self, visit: Visit, items: AsyncIterator[str]) -> ASGIApp:
        self._streams.check_room()
        return EventStream(items, self._streams, lambda now_s: self.entering.is_valid(visit, now_s))

    async def trend(self, visit: Visit) -> ASGIApp:
        """A sensor's history."""
        return answer(await self._trends.of(visit.asked("sensor"), visit.asked("span")))

    async def gateway(self, _visit: Visit) -> ASGIApp:
        """What the gateway is, its figures, and what was changed here."""
        health, about = await self._service.ask_all([("health", {})])
        figures = health["figures"]
        said = {name: health[name] for name in ("status", "connected", "up_s", "troubles")}
        own = {name: about.get(name, "") for name in ("site", "device", "program")}
        return answer({**own, **said, "figures": figures, "changes": list(self._changes)})

    async def evidence(self, visit: Visit) -> ASGIApp:
        """A piece of evidence, to take away."""
        return await evidence_capture(self._service, self._downloads, visit.asked("id"))

    async def capture(self, visit: Visit) -> ASGIApp:
        """A recording, to take away."""
        asked = visit.asked("sensor"), visit.asked("name")
        return await recorded_capture(self._service, self._downloads, *asked)

    async def examine(self, _visit: Visit) -> ASGIApp:
        """What the doctor finds."""
        return answer(await self._doctor.findings())

    def _asker(self, name: str) -> Handler:
        async def ask(visit: Visit) -> ASGIApp:
            return answer(await self._service.ask(name, visit.query))

        return ask

    def _changer(self, name: str) -> Handler:
        async def change(visit: Visit) -> ASGIApp:
            params = await visit.body()
            if "folder" in params:
                what, remedy = "a browser names no folder of the gateway", "Record into the service's own"
                raise DataError(what, remedy=remedy)
            try:
                said = await self._service.ask(name, params, visit.who)
            except EdgeError as error:
                self._note(visit, name, params, f"refused: {error.what}")
                raise
            self._note(visit, name, params, "done")
            return answer(said)

        return change

    def _note(self, visit: Visit, name: str, params: Mapping[str, Any], result: str) -> None:
        about = printable(", ".join(f"{key} {value}" for key, value in params.items()), 200)
        entry = {"who": visit.who, "from": visit.address, "what": name, "about": about, "result": result}
        entry["result"] = printable(result, 200)
        _log.warning("%s from %s: %s (%s): %s", *entry.values())
        self._changes.append({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **entry})
