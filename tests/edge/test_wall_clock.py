"""Whether the clock can be trusted: what the kernel, the time service and the time itself say of it."""

import ctypes
import time
from pathlib import Path

import pytest

from edge_runtime.core import wall_clock
from edge_runtime.core.wall_clock import (
    FLOOR_S,
    TIMESYNC,
    TimeService,
    ask_time_service,
    clock_doubt,
    unset_clock,
)

NOT = "the clock is not synchronised with a time server"


@pytest.mark.parametrize(
    ("error_us", "timesyncd", "doubt"),
    [
        (0, None, ""),
        (15_999_999, None, ""),
        (16_000_000, None, NOT),
        (16_000_000, True, NOT),  # it was set since boot, by hand since then, or the server is long away
        (500, False, ""),  # by another time service
        (None, True, ""),
        (None, False, NOT),
        (None, None, ""),
    ],
)
def test_the_kernel_counts_first_and_then_what_the_time_service_left(
    error_us: int | None, timesyncd: bool | None, doubt: str
) -> None:
    said = TimeService(error_us, timesyncd)
    assert said.doubt == doubt
    assert said.known == ((error_us, timesyncd) != (None, None))


def test_this_kernel_says_what_timex_h_says() -> None:
    """The offset of `maxerror` in struct timex, by the kernel's own reading of it: within a second."""
    said = ask_time_service().most_error_us
    buffer = (ctypes.c_long * 64)()
    if ctypes.CDLL(None).adjtimex(buffer) < 0:
        assert said is None
    else:
        assert said is not None
        assert 0 <= buffer[3] - said < 10_000  # the fourth word: after modes, offset, freq


def test_another_root_is_asked_by_its_files(tmp_path: Path) -> None:
    assert ask_time_service(tmp_path) == TimeService(None, None)
    folder = tmp_path / TIMESYNC
    folder.mkdir(parents=True)
    assert ask_time_service(tmp_path) == TimeService(None, timesyncd=False)
    (folder / "synchronized").touch()
    assert ask_time_service(tmp_path) == TimeService(None, timesyncd=True)


def test_a_clock_before_this_program_was_never_set_whoever_says_otherwise() -> None:
    assert unset_clock(FLOOR_S) == ""
    assert "the clock says 2025-12-31" in unset_clock(FLOOR_S - 1)
    assert clock_doubt(FLOOR_S - 1) == unset_clock(FLOOR_S - 1)
    assert clock_doubt(time.time()) in ("", NOT)


def test_it_is_cheap_enough_for_every_message() -> None:
    """A hundred thousand questions are a few answers of the kernel."""
    clock_doubt(FLOOR_S)
    asked_s = wall_clock._LatestAnswer.asked_s  # noqa: SLF001 - what is counted here has no other sign
    begun_s = time.monotonic()
    questions = 0
    while time.monotonic() - begun_s < 0.2:
        clock_doubt(FLOOR_S)
        questions += 1
    assert questions > 1000
    assert wall_clock._LatestAnswer.asked_s - asked_s in (0.0, pytest.approx(1.0, abs=0.3))  # noqa: SLF001
