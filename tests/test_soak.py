"""The soak's own failure: a broker that cannot be started again ends it, with all that it had started."""

import contextlib
import socket
import subprocess
import sys

import psutil

from tests.broker import needs_mosquitto
from tests.faults.soak import BROKEN
from tests.processes import running
from tests.waiting import HANG_S, scaled, until

STOPS_THE_BROKER_FIRST = 106
"""A seed by which the first fault is the broker's absence, and lasts 5.9 s."""


def broker_of(soak: "subprocess.Popen[str]") -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(soak.pid).children():
            if child.name() == "mosquitto" and child.net_connections("tcp"):
                return child
    return None


@needs_mosquitto
def test_a_soak_that_fails_ends_with_all_that_it_started() -> None:
    command = [sys.executable, "-m", "tests.faults.soak", "--only", "chaos", "--minutes", 1]
    command += ["--seed", STOPS_THE_BROKER_FIRST]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as soak:
        broker = until(lambda: broker_of(soak), what="the soak's broker")
        (port,) = {each.laddr.port for each in broker.net_connections("tcp") if not each.raddr}
        until(lambda: len(psutil.Process(soak.pid).children()) == 4, what="the gateways and the sensors")
        started = psutil.Process(soak.pid).children(recursive=True)
        until(
            lambda: not broker.is_running() or broker.status() == psutil.STATUS_ZOMBIE, 5, "the first fault"
        )
        with socket.create_server(("127.0.0.1", port)):  # somebody else has the port now
            _, said = soak.communicate(timeout=scaled(2 * HANG_S))
    assert soak.returncode == BROKEN
    assert "Mosquitto ended with 1" in said
    assert not [process for process in started if process.is_running()]
