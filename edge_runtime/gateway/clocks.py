"""The gateway's clocks, read together: `now`."""

import time
from pathlib import Path
from typing import Final

from edge_runtime.book import Instant

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


BOOT: Final = _boot()
"""Names the run of the kernel (proc(5)); empty where that cannot be read."""


def now() -> Instant:
    """This moment by the wall clock and by the one that is never set."""
    return Instant(time.time_ns() // 1000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000, BOOT)
