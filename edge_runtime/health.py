"""How the service is: `Health` counts, `Notifier` tells systemd, `prometheus` writes metrics as text.

The watchdog is fed by end-to-end progress and nothing else: whoever has taken a window from the line through
its score to the spool says `progress`, and so does whoever knows that the sensor is absent and is looking for
it. A thread that is alive and does nothing lets systemd restart the service.
"""

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

MAX_NAMES: Final = 500
"""Counters and gauges a `Health` takes; further names are counted together as `names_refused`."""
Figures = Mapping[str, float | None]
_NOT_IN_METRIC = re.compile(r"[^a-zA-Z0-9_:]")


class Health:
    """Counters, gauges and sources of both; safe to use from several threads."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._mutex = threading.Lock()
        self._figures: dict[str, float | None] = {}
        self._texts: dict[str, str] = {}
        self._sources: dict[str, Callable[[], Figures]] = {}
        self._refused = 0

    def add(self, name: str, amount: float = 1) -> None:
        """Count."""
        with self._mutex:
            if self._takes(name):
                self._figures[name] = (self._figures.get(name) or 0) + amount

    def set(self, name: str, value: float | None) -> None:
        """Set a gauge; None when there is nothing to say."""
        with self._mutex:
            if self._takes(name):
                self._figures[name] = value

    def tell(self, name: str, text: str) -> None:
        """Say in words what is wrong with `name`; an empty text clears it."""
        with self._mutex:
            if not text:
                self._texts.pop(name, None)
            elif len(self._texts) < MAX_NAMES or name in self._texts:
                self._texts[name] = text

    def source(self, prefix: str, figures: Callable[[], Figures]) -> None:
        """Ask `figures` at every snapshot and show them under `prefix`."""
        with self._mutex:
            self._sources[prefix] = figures

    def figures(self) -> dict[str, float | None]:
        """Every number by its name, sources included."""
        with self._mutex:
            found, sources = dict(self._figures), dict(self._sources)
            found["names_refused"] = self._refused
        for prefix, source in sources.items():  # outside the lock: sources take their own
            found |= {f"{prefix}.{name}": value for name, value in source().items()}
        return found

    def troubles(self) -> dict[str, str]:
        """What is wrong just now, in words, by name; empty when all is well."""
        with self._mutex:
            return dict(self._texts)

    def snapshot(self) -> dict[str, object]:
        """For the health message: `status`, `troubles`, `figures`."""
        troubles = self.troubles()
        return {"status": "degraded" if troubles else "ok", "troubles": troubles, "figures": self.figures()}

    def _takes(self, name: str) -> bool:
        if name in self._figures or len(self._figures) < MAX_NAMES:
            return True
        self._refused += 1
        return False


class Notifier:
    """Tells systemd by sd_notify(3); does nothing where systemd did not ask."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._clock, self._fed_s = clock, float("-inf")
        self._status = ""
        self.watchdog_s = _watchdog_s(environ)
        """Seconds without progress after which systemd restarts us; None when it does not watch."""

    def ready(self, status: str) -> None:
        """Started, and everything that start depends on is there."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        """What `systemctl status` shows; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={_line(text)}")

    def stopping(self) -> None:
        """The clean stop has begun."""
        self._send("STOPPING=1")

    def progress(self) -> None:
        """Feed the watchdog; as often as you like, it is passed on four times in its interval."""
        if self.watchdog_s is not None and self._clock() - self._fed_s >= self.watchdog_s / 4:
            self._fed_s = self._clock()
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of Linux's abstract names.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect(address)
            sender.send(text.encode())


def prometheus(figures: Figures, prefix: str = "steadyhum") -> str:
    """Figures as Prometheus text, format 0.0.4; None is left out."""
    lines = []
    for name, value in sorted(figures.items()):
        if value is not None:
            metric = _NOT_IN_METRIC.sub("_", f"{prefix}_{name}")
            lines += [f"# TYPE {metric} untyped", f"{metric} {float(value)!r}"]
    return "".join(f"{line}\n" for line in lines)


def _line(text: str) -> str:
    return text.replace("\n", " ")


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
