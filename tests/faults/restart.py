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
from pathlib import Path

from tests.broker import Broker, Subscriber, until
from tests.faults.killed_gateway import ROOT
from tests.faults.steady import Steady

UNIT = ROOT / "deploy" / "debian" / "edge-runtime.service"


def unit_s(name):
    """Seconds that the unit gives for a setting."""
    return float(re.search(rf"^{name}=(\d+)$", UNIT.read_text(), re.MULTILINE)[1])


def listen(ear, timeout_s):
    """What was said until nothing was for so long."""
    said = []
    ear.settimeout(timeout_s)
    with contextlib.suppress(TimeoutError):
        while True:
            said.append(ear.recv(1000).decode())
    return said


def hang(gateway, ear):
    """Stop it, wait as long as systemd would, end it."""
    gateway.process.send_signal(signal.SIGSTOP)
    assert "WATCHDOG=1" in listen(ear, 0.5), "it was fed while all was well"
    assert listen(ear, unit_s("WatchdogSec") - 0.5) == [], "and is not fed now"
    for number in (signal.SIGABRT, signal.SIGCONT):
        gateway.process.send_signal(number)


def crash(gateway, ear):
    """End it without a word; what it said before is of no interest."""
    gateway.process.kill()
    listen(ear, 0.01)


def once(gateway, subscriber, ear, end):
    """Hang or crash once; return the seconds until scores flow again."""
    until(lambda: subscriber.latest("score"), 30, "a score")
    begun_s = time.monotonic()
    end(gateway, ear)
    gateway.process.wait(10)
    time.sleep(unit_s("RestartSec"))
    subscriber.seen.clear()
    gateway.start()
    until(lambda: subscriber.latest("score"), 30, "a score")
    return time.monotonic() - begun_s


def main():
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        folder = Path(name)
        ear.bind(str(folder / "notify"))
        watchdog_us = str(round(unit_s("WatchdogSec") * 1e6))
        environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": watchdog_us}
        environ |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        broker = Broker(folder).start()
        subscriber = Subscriber(broker.port)
        compiling = [sys.executable, "-c", "import edge_runtime.gateway"]
        subprocess.run(compiling, cwd=ROOT, env={**os.environ, **environ}, check=True)
        gateway = Steady(folder / "gateway", broker.port, 1, sensors=1, environ=environ)
        end = {"hang": hang, "crash": crash}[sys.argv[1]]
        took_s = [once(gateway, subscriber, ear, end) for _ in range(int(sys.argv[2]))]
        gateway.finish()
        subscriber.close()
        broker.stop()
    print(f"{sys.argv[1]}, {len(took_s)} times: scoring again within {max(took_s):.1f} s")


if __name__ == "__main__":
    main()
