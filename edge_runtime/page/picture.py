"""What is true now, for all who look: `Picture`. Asked once a second, whoever looks how often."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from edge_runtime.core import EdgeError
from edge_runtime.page.asking import Service, error_body

EVERY_S: Final = 1.0
"""Between two looks at the service: half of what a dead sensor may take to be shown."""
_ASKED: Final = ("status", "sensors.list", "alarms.list", "recording.status")


class Picture:
    """Parts by name, each as JSON: a reader is sent those that differ from what it has."""

    def __init__(self, service: Service) -> None:
        """Nothing is asked while nobody looks."""
        self._service = service
        self._parts: dict[str, str] = {}
        self._looked_s = float("-inf")
        self._turn = asyncio.Lock()

    async def changes(self) -> AsyncIterator[str]:
        """What is new for one reader: everything first, then something every second, if only the time."""
        had: dict[str, str] = {}
        while True:
            parts = await self.parts()
            changed = [f"{json.dumps(name)}:{part}" for name, part in parts.items() if had.get(name) != part]
            gone = json.dumps([name for name in had if name not in parts])
            had = parts
            yield f'{{"time":{time.time():.3f},"parts":{{{",".join(changed)}}},"gone":{gone}}}'
            await asyncio.sleep(EVERY_S)

    async def parts(self) -> dict[str, str]:
        """Everything, no older than half a second."""
        async with self._turn:
            if time.monotonic() - self._looked_s >= EVERY_S / 2:
                self._parts = await self._asked()
                self._looked_s = time.monotonic()
            return self._parts

    async def _asked(self) -> dict[str, str]:
        try:
            found = await self._service.ask_all([(method, {}) for method in _ASKED])
        except EdgeError as error:
            # What was known before stays, and everybody sees that it is old.
            return self._parts | {"service": _text({"answers": False, **error_body(error)})}
        status, sensors, alarms, recordings, about = found
        about = {name: about.get(name, "") for name in ("site", "device", "program")}
        said = {name: status[name] for name in ("status", "connected", "troubles")}
        return {
            "service": _text({"answers": True, **about, **said}),
            **{f"sensor {each['name']}": _text(each) for each in sensors},
            "alarms": _text(alarms),
            "recordings": _text(recordings),
        }


def _text(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))
