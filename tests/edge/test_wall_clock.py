"""Whether the clock can be trusted: what the kernel, the time service and the time itself say of it."""

import ctypes
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.core import wall_clock
from edge_runtime.core.chrony import ask_chrony, most_error_s
from edge_runtime.core.wall_clock import (
    FLOOR_S,
    TIMESYNC,
    TimeService,
    ask_time_service,
    clock_doubt,
    unset_clock,
)
from tests.broker import until
from tests.processes import running

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
    until_s = wall_clock._LatestAnswer.until_s  # noqa: SLF001 - what is counted here has no other sign
    begun_s = time.monotonic()
    questions = 0
    while time.monotonic() - begun_s < 0.2:
        clock_doubt(FLOOR_S)
        questions += 1
    assert questions > 1000
    assert wall_clock._LatestAnswer.until_s - until_s in (0.0, pytest.approx(1.0, abs=0.3))  # noqa: SLF001


SEQUENCE = 0x12345678
LOST = bytes.fromhex(
    "06020000002100050000000000000000123456780000000000000000000000000000000000000000000000000000000000000000"
    "00000003000000000000000000000000000000000000000000000000000000000000000000000000048000000480000000000000"
)
SYNCHRONISED = bytes.fromhex(
    "060200000021000500000000000000001234567800000000000000007f7f01010000000000000000000000000000000000000000"
    "00080000000000006b0853e72180a0d6000000000000000000000000000000000000000000000000000000000000000000000000"
)
"""What chronyd 4.3 replied without a server, and with its own clock as one."""


def with_numbers(*numbers: tuple[int, int]) -> bytes:
    """The reply of a synchronised clock with other numbers at these places."""
    reply = bytearray(SYNCHRONISED)
    for place, number in numbers:
        reply[68 + 4 * place : 72 + 4 * place] = number.to_bytes(4, "big")
    return bytes(reply)


ONE_S = 0x04800000
"""A second as chrony writes it: root delay and dispersion of the reply above."""


@pytest.mark.parametrize(
    ("reply", "error_s"),
    [
        (LOST, math.inf),
        (SYNCHRONISED, 0.0),
        (with_numbers((6, ONE_S), (7, ONE_S)), 1.5),
        (with_numbers((0, 0x05000000)), 2.0),  # minus two seconds are as wrong as two
        (SYNCHRONISED[:-1], None),
        (SYNCHRONISED + b"\0", None),
        (b"\5" + SYNCHRONISED[1:], None),
        (SYNCHRONISED[:7] + b"\6" + SYNCHRONISED[8:], None),
        (b"", None),
    ],
)
def test_a_reply_of_chrony(reply: bytes, error_s: float | None) -> None:
    assert most_error_s(reply, SEQUENCE) == error_s
    assert most_error_s(reply, SEQUENCE + 1) is None


def test_whatever_answers_in_chronys_place_is_believed_only_as_chrony() -> None:
    """A program that returns what it is sent, and nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]

        def echo() -> None:
            data, asker = other.recvfrom(4096)
            other.sendto(data, asker)

        thread = threading.Thread(target=echo)
        thread.start()
        assert ask_chrony(port) is None
        thread.join()
    assert ask_chrony(port) is None


CHRONYD = shutil.which("chronyd", path=f"{os.environ['PATH']}:/usr/sbin")
needs_chrony = pytest.mark.skipif(CHRONYD is None, reason="chronyd is not installed: apt install chrony")


@pytest.fixture(params=["", "local stratum 8"], ids=["without a server", "synchronised"])
def chrony(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, bool]]:
    """The command port of a chronyd that leaves this clock alone, and whether it is synchronised."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = tmp_path / "chrony.conf"
    conf.write_text(
        f"cmdport {port}\nport 0\nuser root\nbindcmdaddress 127.0.0.1\nbindcmdaddress {tmp_path}/sock\n"
        f"pidfile {tmp_path}/pid\n{request.param}\n"
    )
    with running([CHRONYD, "-x", "-d", "-F", "0", "-f", conf], stderr=subprocess.DEVNULL):
        until(lambda: ask_chrony(port) is not None, what="chronyd's answer")
        yield port, bool(request.param)


UNDER_PROTECT_CLOCK = """
import errno, sys
import pyseccomp
filter = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in ("adjtimex", "clock_adjtime", "clock_settime", "settimeofday"):
    filter.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
filter.load()
from edge_runtime.core.wall_clock import ask_time_service
said = ask_time_service(chrony_port=int(sys.argv[1]))
print(said.kernel, said.most_error_us, said.doubt)
"""


def under_protect_clock(port: int) -> str:
    """What is known of the clock where systemd denies the system calls of `ProtectClock`."""
    pytest.importorskip("pyseccomp")
    command = [sys.executable, "-c", UNDER_PROTECT_CLOCK, str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@needs_chrony
def test_chrony_is_asked_where_the_kernel_may_not_be(chrony: tuple[int, bool]) -> None:
    port, synchronised = chrony
    assert under_protect_clock(port) == ("False 0" if synchronised else f"False 16000000 {NOT}")


def test_where_nobody_may_be_asked_a_clock_that_was_ever_set_counts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        assert under_protect_clock(deaf.getsockname()[1]) in ("False None", f"False None {NOT}")
