"""Whether the wall clock can be trusted: set since boot, and synchronised where the system knows of it.

A board without a battery starts with some time in the past, which may look plausible: with the time of its
last shutdown. So the kernel is asked, to which every time service (systemd-timesyncd, chrony, ntpd) states
how far off the clock may be. Where it does not answer, as under the `ProtectClock` of our own unit, the file
that systemd-timesyncd leaves counts; where there is neither, a clock that was ever set.
"""

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FLOOR_S: Final = 1_767_225_600
"""Start of 2026, before this program's first release: an earlier clock has not been set since boot."""
CLOCK_REMEDY: Final = (
    "Connect the network or set a time server: `timedatectl set-ntp true`, then `timedatectl`"
)
MOST_ERROR_US: Final = 16_000_000
"""NTP_PHASE_LIMIT of the kernel's timex.h: what it states at boot, after the clock was set by hand, and hours
after the last time service was heard. `timedatectl` draws the same line, and not the flag STA_UNSYNC, which
time services also set to keep the kernel from writing the battery's clock."""
TIMESYNC: Final = Path("run/systemd/timesync")
"""Of systemd-timesyncd, below the root; `synchronized` is there once it has set the clock since boot."""
_FRESH_S: Final = 1.0
"""How long an answer is used: every message asks."""
_TIMEX_BYTES: Final = 512
"""More than struct timex has on any processor."""


class _Timex(ctypes.Structure):
    """The beginning of struct timex, adjtimex(2); `modes` 0 reads and changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * _TIMEX_BYTES),
    )


@dataclass(frozen=True, slots=True)
class TimeService:
    """What the system knows of its clock."""

    most_error_us: int | None
    """How far off the clock may be by the kernel, microseconds; None where it does not say."""
    timesyncd: bool | None
    """Whether systemd-timesyncd has set it since boot; None where that does not run."""

    @property
    def known(self) -> bool:
        """Whether anybody knows."""
        return self.most_error_us is not None or self.timesyncd is not None

    @property
    def doubt(self) -> str:
        """Why the clock may be wrong; empty when it may be right, or nobody knows."""
        if self.most_error_us is not None:
            synchronised = self.most_error_us < MOST_ERROR_US
        else:
            synchronised = self.timesyncd is not False
        return "" if synchronised else "the clock is not synchronised with a time server"


def ask_time_service(root: Path = Path("/")) -> TimeService:
    """Ask the kernel, for the running system only, and look for what systemd-timesyncd leaves."""
    folder = root / TIMESYNC
    timesyncd = (folder / "synchronized").exists() if folder.is_dir() else None
    return TimeService(_kernels_error_us() if root == Path("/") else None, timesyncd)


def _kernels_error_us() -> int | None:
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError, TypeError):  # another operating system
        return None
    return None if state < 0 else int(timex.maxerror)


class _LatestAnswer:
    asked_s = float("-inf")
    doubt = ""


def unset_clock(now_s: float) -> str:
    """What is wrong with a wall clock that shows `now_s`, seconds since 1970, by itself; else empty."""
    if now_s >= FLOOR_S:
        return ""
    today = time.strftime("%Y-%m-%d", time.gmtime(now_s))
    return f"the clock says {today}, so it has not been set since this device started"


def clock_doubt(now_s: float) -> str:
    """What is wrong with the wall clock, which shows `now_s`, also by what the system knows; empty when it
    may be right. Cheap: the system is asked once a second."""
    if doubt := unset_clock(now_s):
        return doubt
    asked_s = time.monotonic()
    if asked_s - _LatestAnswer.asked_s >= _FRESH_S:
        _LatestAnswer.asked_s, _LatestAnswer.doubt = asked_s, ask_time_service().doubt
    return _LatestAnswer.doubt
