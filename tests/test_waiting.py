"""What the other tests wait by: deadlines as long as the machine is busy, ports that nobody else is given."""

import socket
import subprocess
import sys
import time

import pytest

from deploy.held_ports import ephemeral_range, held_port
from tests import waiting
from tests.processes import ROOT, end, running, start


def test_gives_what_it_waited_for() -> None:
    answers = iter(["", "", "there"])
    assert waiting.until(lambda: next(answers), poll_s=0.0) == "there"


def test_a_hang_ends_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "HANG_S", 0.01)
    with pytest.raises(AssertionError, match="a message did not happen within"):
        waiting.until(lambda: False, what="a message")


def test_a_busy_machine_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it became busy only after the deadline had been set."""
    monkeypatch.setattr(waiting, "measure_slowness", lambda: 50.0)
    monkeypatch.setattr(waiting, "slowness", lambda: 1.0)
    monkeypatch.setattr(waiting, "HANG_S", 0.1)
    begun_s = time.monotonic()
    assert waiting.until(lambda: time.monotonic() - begun_s > 0.5)
    assert waiting.in_time(4.9, 0.1)
    assert not waiting.in_time(5.1, 0.1)


def test_work_is_measured_against_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "REFERENCE_S", 1e-6)
    assert waiting.measure_slowness() > 1000
    monkeypatch.setattr(waiting, "REFERENCE_S", 1e6)
    assert waiting.measure_slowness() == 1.0


def test_a_program_that_is_not_waited_for_is_reaped() -> None:
    with pytest.raises(ZeroDivisionError), running(["sleep", "1000"], stdout=subprocess.PIPE) as program:
        raise ZeroDivisionError
    assert program.returncode == -9
    assert program.stdout is not None
    assert program.stdout.closed


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.processes.HANG_S", 0.1)
    ignores = "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    program = start([sys.executable, "-c", ignores], stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    assert end(program) == -9


def test_ports_lie_outside_the_ephemeral_range_and_belong_to_one_process() -> None:
    ours = {held_port() for _ in range(300)}
    command = [
        sys.executable,
        "-c",
        "from deploy.held_ports import held_port as f\nfor _ in range(300): print(f())",
    ]
    theirs = set(map(int, subprocess.check_output(command, cwd=ROOT, text=True).split()))
    assert len(ours) == len(theirs) == 300
    assert not ours & theirs
    first, last = ephemeral_range()
    assert not any(first <= port <= last for port in ours | theirs)


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", held_port() + 1)) as other:
        assert held_port() != other.getsockname()[1]
