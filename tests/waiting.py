"""Waiting for what happens by itself, until a deadline that only a hang can reach.

How long anything takes depends on what else the machine does. `slowness` measures that by a fixed piece of
work; deadlines, pytest's own limit and the bounds of promises that are times are stretched by it.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

HANG_S: Final = 60.0
"""On a quiet machine nothing that is waited for takes nearly as long: the slowest, the start of the service,
takes 1 to 2 s."""
REFERENCE_S: Final = 0.03
"""What `_work` takes on the reference machine when it is quiet: 0.0293 to 0.0299 s in eight runs on a
core of a virtual x86-64 machine, Python 3.11."""
_PIECES: Final = 5
"""Long enough to lose the processor several times where others want it: the scheduler's slices are some
milliseconds."""
_FRESH_S: Final = 15.0
"""How long a measurement is used: load changes within minutes, and one takes a sixth of a second."""
_last: tuple[float, float] | None = None


def slowness() -> float:
    """How many times longer than on the quiet reference machine work takes now; at least 1."""
    if _last is None or time.monotonic() - _last[0] > _FRESH_S:
        return measure_slowness()
    return _last[1]


def measure_slowness() -> float:
    """The same, measured now."""
    global _last  # noqa: PLW0603 - the load is a property of the machine, and one measurement serves all
    begun_s = time.monotonic()
    for _ in range(_PIECES):
        _work()
    now_s = time.monotonic()
    _last = now_s, max(1.0, (now_s - begun_s) / (_PIECES * REFERENCE_S))
    return _last[1]


def _work() -> int:
    total = 0
    for number in range(400_000):
        total = (total * 31 + number) & 0xFFFFFFFF
    return total


def scaled(seconds: float) -> float:
    """So many seconds of the quiet reference machine, in seconds of this machine as busy as it is now."""
    return seconds * slowness()


def in_time(took_s: float, promised_s: float) -> bool:
    """Whether a promise that is a time was kept, by this machine's measure."""
    return took_s <= scaled(promised_s) or took_s <= promised_s * measure_slowness()


def until(
    happened: Callable[[], T | None], seconds: float = 0.0, what: str = "it", *, poll_s: float = 0.02
) -> T:
    """Wait until `happened()` is true and return what it gave; fail the test when it must be a hang.

    `seconds` is what it takes by its nature, such as a timeout that has to run out first.
    """
    begun_s = time.monotonic()
    deadline_s = begun_s + scaled(HANG_S + seconds)
    while not (result := happened()):
        if time.monotonic() > deadline_s:
            deadline_s = begun_s + (HANG_S + seconds) * measure_slowness()  # it may have become busy since
            waited_s = time.monotonic() - begun_s
            assert time.monotonic() <= deadline_s, f"{what} did not happen within {waited_s:.0f} s"
        time.sleep(poll_s)
    return result
