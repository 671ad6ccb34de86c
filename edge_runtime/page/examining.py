"""The doctor, asked by the page: a process of its own, one at a time: `Doctor`."""

import asyncio
import json
import sys
import time
from typing import Any, Final

from edge_runtime.core import UnavailableError

LONGEST_S: Final = 60.0
"""It listens a second to each sensor and asks broker and clock; then it is ended."""
FRESH_S: Final = 20.0
"""For so long its findings are given to everybody: it costs a second of processor time."""
MOST_BYTES: Final = 512 * 1024
"""Of its report; a finding has some hundred."""


class Doctor:
    """Its findings, in its own order."""

    def __init__(self, config: str) -> None:
        """It examines by this file."""
        self._config, self._turn = config, asyncio.Lock()
        self._findings: list[dict[str, Any]] = []
        self._at_s = float("-inf")

    async def findings(self) -> list[dict[str, Any]]:
        """What it finds now. Raises UnavailableError where it comes to no end."""
        async with self._turn:
            if time.monotonic() - self._at_s >= FRESH_S:
                self._findings = await examined(self._config)
                self._at_s = time.monotonic()
            return self._findings


async def examined(config: str) -> list[dict[str, Any]]:
    """What the doctor finds by this file. Raises UnavailableError where it comes to no end."""
    doctor = ("-P", "-m", "edge_runtime", "doctor", "--config", config, "--json", "--listen", "1")
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(
        sys.executable, *doctor, stdin=null, stdout=pipe, stderr=null, limit=MOST_BYTES
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            assert child.stdout is not None  # noqa: S101  it was asked for
            found = [json.loads(line) async for line in child.stdout]
            await child.wait()
    except (TimeoutError, ValueError) as error:
        remedy = "Ask it on the gateway: edge-runtime doctor"
        raise UnavailableError("the doctor came to no end", remedy=remedy) from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return found
