"""A network of its own for the broker, whose one cable can be cut without a word, made lossy or slow.

Needs root: a network namespace, a pair of virtual Ethernet devices, nftables and tc.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.broker import MOSQUITTO, Subscriber, free_port
from tests.processes import end, start
from tests.waiting import until

# A network of its own for every process, so that two runs, or what a killed one left behind, do not meet.
_NUMBER = os.getpid() % 2**14
HERE, THERE = (f"10.213.{_NUMBER >> 6}.{(_NUMBER & 63) * 4 + end}" for end in (1, 2))
CLONE_NEWNET = 0x40000000


def _missing() -> str:
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool, package in (("ip", "iproute2"), ("nft", "nftables"), ("tc", "iproute2")):
        if shutil.which(tool) is None:
            return f"{tool} is not installed: apt install {package}"
    name = f"steadyhum-try{os.getpid()}"  # several test processes may ask at once
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "network namespaces are not allowed here" if done.returncode else ""


_MISSING = _missing()
needs_island = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)


class CutNetwork:
    """The broker listens at THERE; `cut`, `lose` and `slow` change the cable, `mend` makes it whole."""

    def __init__(self, folder: Path) -> None:
        self.name, self.port = f"sh{os.getpid()}", free_port()
        self._folder = folder
        self._broker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def _set_up(self) -> None:
        self._run("ip", "netns", "add", self.name)
        self._run("ip", "link", "add", f"{self.name}a", "type", "veth", "peer", "name", f"{self.name}b")
        self._run("ip", "link", "set", f"{self.name}b", "netns", self.name)
        self._run("ip", "addr", "add", f"{HERE}/30", "dev", f"{self.name}a")
        self._run("ip", "link", "set", f"{self.name}a", "up")
        self._inside("ip", "addr", "add", f"{THERE}/30", "dev", f"{self.name}b")
        for device in (f"{self.name}b", "lo"):
            self._inside("ip", "link", "set", device, "up")
        config = self._folder / "network.conf"
        config.write_text(
            f"listener {self.port} 0.0.0.0\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n"
        )
        command = ["ip", "netns", "exec", self.name, MOSQUITTO, "-c", config]
        self._broker = start(command, stderr=subprocess.DEVNULL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the broker and take the network away."""
        if self._broker is not None:
            end(self._broker, signal.SIGTERM)
        for command in (("ip", "link", "del", f"{self.name}a"), ("ip", "netns", "del", self.name)):
            subprocess.run(command, capture_output=True, check=False)

    def subscriber(self) -> Subscriber:
        """A subscriber on the broker's side of the cable."""
        made: list[Subscriber] = []

        def enter() -> None:
            with open(f"/run/netns/{self.name}") as space:
                assert ctypes.CDLL(None).setns(space.fileno(), CLONE_NEWNET) == 0
            with contextlib.suppress(OSError):
                made.append(Subscriber(self.port))

        def tried() -> list[Subscriber]:
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join()
            return made

        return until(tried, what="a connection on the broker's side")[0]

    def cut(self) -> None:
        """Whatever the broker sends goes nowhere: no FIN, no RST, no answer."""
        self._inside("ip", "route", "add", "blackhole", f"{HERE}/32")

    def lose(self, percent: int) -> None:
        """Throw away so much of what comes in."""
        self._inside("nft", "add", "table", "ip", "lossy")
        self._inside("nft", "add", "chain", "ip", "lossy", "in", "{ type filter hook input priority 0 ; }")
        rule = f"add rule ip lossy in iifname {self.name}b numgen random mod 100 < {percent} drop"
        self._inside("nft", *rule.split())

    def slow(self, rate: str) -> None:
        """Let no more than `rate`, as tc writes it, out of here."""
        limit = f"qdisc add dev {self.name}a root tbf rate {rate} burst 2kb latency 2s"
        self._run("tc", *limit.split())

    def mend(self) -> None:
        """Make the cable whole again."""
        for command in (
            ("ip", "netns", "exec", self.name, "ip", "route", "del", "blackhole", f"{HERE}/32"),
            ("ip", "netns", "exec", self.name, "nft", "delete", "table", "ip", "lossy"),
            ("tc", "qdisc", "del", "dev", f"{self.name}a", "root"),
        ):
            subprocess.run(command, capture_output=True, check=False)

    def _inside(self, *command: str) -> None:
        self._run("ip", "netns", "exec", self.name, *command)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)
