"""Reader threads: they bring the bytes of ports into the inbox.

A port must never wait, so a thread that reads does nothing else. Ports that have a descriptor are all read
by one thread, the `Poller`: with a thread a port, each would be woken for every frame, and 64 of them compete
for the interpreter. Opening a port can take seconds, so each port has a thread for that; it sleeps while the
port is open.

A port is not read while its sensor has sent more than its allowance, or half of its share of the inbox waits.
One that says nothing for longer than its patience is closed and opened again.
"""

import random
import threading
import time
from typing import Final

from edge_runtime.core import EdgeError, printable
from edge_runtime.sensors.allowance import Allowance
from edge_runtime.sensors.inbox import Chunk, Inbox
from edge_runtime.sensors.patience import Patience
from edge_runtime.sensors.poller import PAUSE_S, Poller
from edge_runtime.sensors.port import Port

RETRY_S: Final = (0.1, 1.5)
"""Bounds of the wait before a lost port is tried again; it doubles from one to the other. A judgement: a plug
that was jerked is back at once, and a sensor plugged in again is read within two seconds."""
HELD_S: Final = 2.0
"""A sensor held back for longer than this without a pause sends too fast; shorter is a burst. A judgement."""
PULSE_S: Final = 0.1
"""Between closing a silent port and opening it again. A judgement: DTR and RTS are low meanwhile, ten times
as long as a board with a capacitor at its reset needs."""
_JITTER: Final = (0.5, 1.0)
"""Share of the wait that is waited: many ports of one hub that went away together are not tried together."""


class PortReader(threading.Thread):
    """Keeps one port open for ever, opening it again whenever it went away."""

    def __init__(
        self,
        share: int,
        source: Port,
        inbox: Inbox,
        stop: threading.Event,
        poller: Poller | None = None,
        *,
        allowance: Allowance | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Put the bytes into a share of the inbox. Leave the reading to `poller` where there is one and the
        port has a descriptor.

        Without an `allowance` the port is read as fast as its bytes come; without `patience` a silent one
        stays as it is.
        """
        super().__init__(name=f"reader-{share}", daemon=True)
        self.share, self._source, self._inbox, self._stop_asked = share, source, inbox, stop
        self._poller = poller
        self._allowance, self._patience = allowance or Allowance(), patience or Patience()
        self._held_s = self._let_s = float("-inf")
        self._ended = threading.Event()
        self._failure: EdgeError | None = None
        self.problem = "not opened yet"
        """Why nothing can be read now; empty while the port is open."""
        self.opened = 0
        """How often the port was opened."""

    def run(self) -> None:
        """Read until asked to stop."""
        wait_s = RETRY_S[0]
        while not self._stop_asked.is_set():
            try:
                with self._source:
                    self.opened += 1
                    self.problem, wait_s = "", RETRY_S[0]
                    self._patience.excuse(time.monotonic())
                    self._read()
                self._stop_asked.wait(PULSE_S)
            except EdgeError as error:
                self.problem = printable(error, 500)  # a port of pyserial quotes what the far end answers
                self._stop_asked.wait(wait_s * random.uniform(*_JITTER))  # noqa: S311  jitter, no secret
                wait_s = min(2 * wait_s, RETRY_S[1])

    def stop(self) -> None:
        """Let go of the port, soon; does not wait for it."""
        self._stop_asked.set()
        if self._poller is not None:
            self._poller.release(self)

    def be_patient(self, patience: Patience) -> None:
        """Wait by this for bytes, from now on."""
        patience.excuse(time.monotonic())
        self._patience = patience

    def drain(self) -> Chunk | None:
        """Take what is there, for the poller; None when that is nothing.

        Raises UnavailableError when the port went away.
        """
        data = self._source.drain()
        return self._chunk(data) if data else None

    def has_fallen_silent(self, now_s: float) -> bool:
        """Whether nothing came for so long that the port is to be opened again."""
        return self._patience.is_over(now_s)

    def pause_s(self) -> float:
        """Seconds for which the port is not to be read; 0 when it may be read now."""
        now_s = time.monotonic()
        wait_s = self._allowance.wait_s(now_s)
        if self._inbox.is_full(self.share):
            wait_s = max(wait_s, PAUSE_S)
        if not wait_s:
            return 0.0
        self._patience.excuse(now_s + wait_s)
        if now_s - self._held_s > HELD_S / 2:  # not held back for a while: it begins again
            self._let_s = now_s
        self._held_s = now_s
        return max(wait_s, PAUSE_S)

    @property
    def dropped_bytes(self) -> int:
        """Bytes of this sensor that the inbox dropped since start."""
        return self._inbox.losses(self.share)[0]

    def dropped_s(self) -> float:
        """When the newest of the dropped bytes had arrived, monotonic seconds."""
        return self._inbox.losses(self.share)[1]

    def seen_until_s(self, now_s: float) -> float:
        """Until when the bytes that arrived have been taken from the inbox."""
        return self._inbox.seen_until_s(self.share, now_s)

    def too_fast(self, now_s: float) -> bool:
        """Whether the sensor sends faster than it is read: held back for HELD_S and up to now."""
        return now_s - self._held_s < HELD_S / 2 and self._held_s - self._let_s > HELD_S

    def end(self, failure: EdgeError | None) -> None:
        """Let the reader go on: the poller has left its port, for a failure, for silence, or to stop."""
        self._failure = failure
        self._ended.set()

    def _read(self) -> None:
        if self._poller is not None and (descriptor := self._source.descriptor) is not None:
            self._ended.clear()
            self._poller.add(descriptor, self)
            if self._stop_asked.is_set():  # perhaps before the port was open: then nobody released it
                self._poller.release(self)
            self._ended.wait()
            if self._failure is not None:
                raise self._failure
            return
        while not self._stop_asked.is_set():
            begun_s = time.monotonic()  # not after the read: the process may have stood still since
            if pause_s := self.pause_s():
                self._stop_asked.wait(pause_s)
            elif data := self._source.read():
                self._inbox.put(self._chunk(data))
            elif self.has_fallen_silent(begun_s):
                return

    def _chunk(self, data: bytes) -> Chunk:
        now_s = time.monotonic()
        self._allowance.spend(len(data), now_s)
        self._patience.hear(now_s)
        return Chunk(self.share, data, now_s, self.opened)
