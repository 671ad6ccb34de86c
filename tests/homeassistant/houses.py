"""A Home Assistant that runs beside a test: `House`."""

import json
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.processes import ROOT, end, start
from tests.waiting import until

PYTHON = Path(os.environ.get("STEADYHUM_HOMEASSISTANT", ROOT / "build" / "homeassistant" / "bin" / "python"))
"""A Python that has Home Assistant: `make test-homeassistant` makes one."""
CORE = Path(__file__).with_name("core.py")


class House:
    """Asks one Home Assistant; its registries are in the folder, so that a restart knows them."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._process: Any = None

    def start(self) -> Self:
        """Start it, and wait until it has."""
        with (self._folder.parent / "homeassistant.log").open("a") as log:
            command = [PYTHON, CORE, self._folder, self._port]
            self._process = start(command, stdin=-1, stdout=-1, stderr=log, cwd=self._folder.parent)
        self._line()
        return self

    def ask(self, what: str, **more: Any) -> Any:
        """What it answers."""
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()
        return self._line()

    def states(self) -> dict[str, str]:
        """Every entity's state."""
        return {name: each["state"] for name, each in self.ask("states")["states"].items()}

    def attributes(self, entity: str) -> Any:
        """An entity's attributes; empty where there is none."""
        return self.ask("states")["states"].get(entity, {}).get("attributes", {})

    def until(self, entity: str, state: str) -> None:
        """Wait for a state."""
        until(lambda: self.states().get(entity) == state, 10, f"{entity} being {state}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            process, self._process = self._process, None
            end(process, signal.SIGTERM)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _line(self) -> Any:
        line = self._process.stdout.readline()
        log = self._folder.parent / "homeassistant.log"
        assert line, f"Home Assistant ended: {log.read_text()[-2000:]}"
        return json.loads(line)
