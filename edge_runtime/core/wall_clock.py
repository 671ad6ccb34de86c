"""Whether the wall clock has been set: a board without a battery starts with some time in the past."""

import time
from typing import Final

FLOOR_S: Final = 1_767_225_600
"""Start of 2026, before this program's first release: an earlier clock has not been set since boot."""
CLOCK_REMEDY: Final = (
    "Connect the network or set a time server: `timedatectl set-ntp true`, then `timedatectl`"
)


def clock_doubt(now_s: float) -> str:
    """What is wrong with a wall clock that shows `now_s`, seconds since 1970; empty when it may be right."""
    if now_s >= FLOOR_S:
        return ""
    today = time.strftime("%Y-%m-%d", time.gmtime(now_s))
    return f"the clock says {today}, so it has not been set since this device started"
