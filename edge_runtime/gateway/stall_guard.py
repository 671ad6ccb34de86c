"""Ends a model that does not come back, by a thread that watches the one that scores: `StallGuard`.

onnxruntime runs a model in our process, where a run cannot be interrupted. A model that does not end would
silence every sensor until systemd's watchdog acts. The guard sees it by the processor time that one run has
taken, which a busy machine does not change, and has the process replace itself by a fresh one that leaves
this model alone. That costs the other sensors less than a second, once; docs/decisions/0012 has what a
process of its own for scoring would cost on every window instead.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

LOOK_S: Final = 0.05
"""Between two looks: twenty a second cost nothing, and a quarter of LIMIT_S is added to it at most."""
LIMIT_S: Final = 0.2
"""Processor time of one run, at least: forty times what the slowest model that ships takes of a Raspberry
Pi's core. Where windows come less often a run may take longer, up to the time from one to the next."""


class Watched(Protocol):
    """What the guard looks at: a sensor that scores its windows on the watched thread."""

    @property
    def run(self) -> int:
        """Counts the runs of this sensor's model; 0 while none is under way."""

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""


class StallGuard(threading.Thread):
    """Watches one thread. `stalled` is called from the guard's thread with what does not come back; it does
    not return."""

    def __init__(
        self,
        thread_id: int,
        stop: threading.Event,
        stalled: Callable[[Watched], None],
    ) -> None:
        super().__init__(name="stall-guard", daemon=True)
        self._stop_asked, self._stalled = stop, stalled
        self.sensors: Iterable[Watched] = ()
        """Whom to look at; replaced as a whole, by any thread."""
        self._clock = time.pthread_getcpuclockid(thread_id)
        self._seen: tuple[Watched, int] | None = None
        self._since_s = 0.0

    def run(self) -> None:
        """Look until asked to stop."""
        while not self._stop_asked.wait(LOOK_S):
            under_way = ((sensor, sensor.run) for sensor in self.sensors)
            seen = next((pair for pair in under_way if pair[1]), None)
            now_s = time.clock_gettime(self._clock)
            if seen is None or seen != self._seen:
                self._seen, self._since_s = seen, now_s
            elif now_s - self._since_s > max(LIMIT_S, seen[0].hop_s):
                self._stalled(seen[0])
