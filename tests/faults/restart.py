"""The service hangs or dies, and this plays systemd: `python -m tests.faults.restart hang|crash TIMES`.

By the unit's own figures: a process that hangs is ended WatchdogSec later, which is the longest that systemd
would wait; RestartSec after its end it is started again. Counted are the seconds from the hang or the death
to the first window that is scored and published afterwards. All is compiled before, as in the package.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.broker import Broker, Subscriber
from tests.faults.killed_gateway import ROOT
from tests.faults.steady import Steady
from tests.waiting import HANG_S, scaled, until

End = Callable[[Steady, socket.socket], None]
UNIT = ROOT / "deploy" / "debian" / "edge-runtime.service"


def unit_s(name: str) -> float:
    """Seconds that the unit gives for a setting."""
    found = re.search(rf"^{name}=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None, f"{UNIT} says no {name}"
    return float(found[1])


def listen(ear: socket.socket, timeout_s: float) -> list[str]:
    """What was said until nothing was for so long."""
    said: list[str] = []
    ear.settimeout(timeout_s)
    with contextlib.suppress(TimeoutError):
        while True:
            said.append(ear.recv(1000).decode())
    return said


def hang(gateway: Steady, ear: socket.socket) -> None:
    """Stop it, wait as long as systemd would, end it."""
    gateway.process.send_signal(signal.SIGSTOP)
    assert "WATCHDOG=1" in listen(ear, 0.5), "it was fed while all was well"
    assert listen(ear, unit_s("WatchdogSec") - 0.5) == [], "and is not fed now"
    for number in (signal.SIGABRT, signal.SIGCONT):
        gateway.process.send_signal(number)


def crash(gateway: Steady, ear: socket.socket) -> None:
    """End it without a word; what it said before is of no interest."""
    gateway.process.kill()
    listen(ear, 0.01)


def once(gateway: Steady, subscriber: Subscriber, ear: socket.socket, end: End) -> float:
    """Hang or crash once; return the seconds until scores flow again."""
    until(lambda: subscriber.latest("score"), what="a score")
    begun_s = time.monotonic()
    end(gateway, ear)
    gateway.process.wait(scaled(HANG_S))
    time.sleep(unit_s("RestartSec"))
    subscriber.seen.clear()
    gateway.start()
    until(lambda: subscriber.latest("score"), what="a score")
    return time.monotonic() - begun_s


def main() -> None:
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        folder = Path(name)
        ear.bind(str(folder / "notify"))
        watchdog_us = str(round(unit_s("WatchdogSec") * 1e6))
        environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": watchdog_us}
        environ |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        compiling = [sys.executable, "-c", "import edge_runtime.gateway"]
        subprocess.run(compiling, cwd=ROOT, env={**os.environ, **environ}, check=True)
        end = {"hang": hang, "crash": crash}[sys.argv[1]]
        with (
            Broker(folder) as broker,
            Subscriber(broker.port) as subscriber,
            Steady(folder / "gateway", broker.port, 1, sensors=1, environ=environ) as gateway,
        ):
            took_s = [once(gateway, subscriber, ear, end) for _ in range(int(sys.argv[2]))]
            gateway.finish()
    print(f"{sys.argv[1]}, {len(took_s)} times: scoring again within {max(took_s):.1f} s")


if __name__ == "__main__":
    main()
