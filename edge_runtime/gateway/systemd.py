"""Reports to systemd by sd_notify(3).

The watchdog is fed by end-to-end progress alone: `progress` is called after a window was taken from the line
through its score to the spool, or while the sensor is known to be absent and is looked for. A thread that is
alive and does nothing lets systemd restart the service.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

_FEEDS: Final = 4
"""Notifications in one interval: sd_watchdog_enabled(3) advises two; of four, two may be late or lost."""


class Notifier:
    """Reports to systemd by sd_notify(3); does nothing where systemd did not ask."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; `clock` returns monotonic seconds."""
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._clock, self._fed_s = clock, float("-inf")
        self._status = ""
        usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        meant = usec.isdigit() and int(usec) != 0 and (not pid or pid == str(os.getpid()))
        self.watchdog_s = int(usec) / 1e6 if meant else None
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
        """Feed the watchdog; called however often, it is passed on `_FEEDS` times in its interval."""
        if self.watchdog_s is not None and self._clock() - self._fed_s >= self.watchdog_s / _FEEDS:
            self._fed_s = self._clock()
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of Linux's abstract names, unix(7).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect(address)
            sender.send(text.encode())


def _line(text: str) -> str:
    return text.replace("\n", " ")
