"""Tells systemd how the service is, by sd_notify(3).

The watchdog is fed by end-to-end progress and nothing else: whoever has taken a window from the line through
its score to the spool says `progress`, and so does whoever knows that the sensor is absent and is looking for
it. A thread that is alive and does nothing lets systemd restart the service.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping


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


def _line(text: str) -> str:
    return text.replace("\n", " ")


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
