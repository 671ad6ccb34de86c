"""Whether the wall clock can be trusted: set since boot, and synchronised where the system knows of it.

A board without a battery starts with some time in the past, which may look plausible: with the time of its
last shutdown. So the kernel is asked, to which every time service (systemd-timesyncd, chrony, ntpd) states
how far off the clock may be. Where it does not answer, as under the `ProtectClock` of our own unit, chrony is
asked, and the file that systemd-timesyncd leaves counts; where there is neither, a clock that was ever set.
"""

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core.chrony import PORT, ask_chrony

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
"""How long the kernel's answer is used: every message asks."""
_OTHERS_FRESH_S: Final = 10.0
"""How long that of others is, which takes longer: chrony itself asks its servers once a minute or less."""
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
    """How far off the clock may be by the kernel, or by chrony where that does not say, microseconds; None
    where neither does."""
    timesyncd: bool | None
    """Whether systemd-timesyncd has set it since boot; None where that does not run."""
    kernel: bool = False
    """Whether the kernel has answered."""

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


def ask_time_service(root: Path = Path("/"), chrony_port: int = PORT) -> TimeService:
    """Ask the kernel, or else chrony, of the running system only; look for what systemd-timesyncd leaves."""
    folder = root / TIMESYNC
    timesyncd = (folder / "synchronized").exists() if folder.is_dir() else None
    if root != Path("/"):
        return TimeService(None, timesyncd)
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError, TypeError):  # another operating system
        state = -1
    if state >= 0:
        return TimeService(int(timex.maxerror), timesyncd, kernel=True)
    error_s = ask_chrony(chrony_port)
    most_us = None if error_s is None else round(min(error_s * 1e6, MOST_ERROR_US))
    return TimeService(most_us, timesyncd)


class _LatestAnswer:
    until_s = float("-inf")
    doubt = ""


def unset_clock(now_s: float) -> str:
    """What is wrong with a wall clock that shows `now_s`, seconds since 1970, by itself; else empty."""
    if now_s >= FLOOR_S:
        return ""
    today = time.strftime("%Y-%m-%d", time.gmtime(now_s))
    return f"the clock says {today}, so it has not been set since this device started"


def clock_doubt(now_s: float) -> str:
    """What is wrong with the wall clock, which shows `now_s`, also by what the system knows; empty when it
    may be right. Cheap: an answer of the system is used for seconds."""
    if doubt := unset_clock(now_s):
        return doubt
    asked_s = time.monotonic()
    if asked_s >= _LatestAnswer.until_s:
        said = ask_time_service()
        fresh_s = _FRESH_S if said.kernel else _OTHERS_FRESH_S
        _LatestAnswer.until_s, _LatestAnswer.doubt = asked_s + fresh_s, said.doubt
    return _LatestAnswer.doubt
