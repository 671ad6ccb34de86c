"""Parts of the demos: a machine with a sensor on it, which goes on with what it was last told to do."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from edge_runtime.sensors import Signal, SimulatedSensor, signal_frames, signal_hello

SENSOR: Final = SimulatedSensor()


@dataclass(frozen=True, slots=True)
class _Told:
    """What the machine was told to do."""

    signals: tuple[Signal, ...]
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when the first frame of it has been sent."""


class Machine:
    """Plays what it was last told to, over and over."""

    def __init__(self, *signals: Signal) -> None:
        self._now, self._over = _Told(signals), threading.Event()

    def play(self, *signals: Signal) -> float:
        """Play these from the next frame on; return when the first of them left, seconds since 1970."""
        told = self._now = _Told(signals)
        told.begun.wait()
        return time.time()

    def stop(self) -> None:
        """Send nothing more."""
        self._over.set()

    def send(self, write: Callable[[bytes], None]) -> None:
        """Send frames at the recordings' rate until it is stopped.

        A frame is missing before whatever begins anew: two stretches that never followed each other are no
        vibration, and a gap is what a line would have there.
        """
        begin_s, begin_us, sent_s = time.monotonic(), time.time_ns() // 1000, 0.0
        sequence = itertools.count()
        for told, signal in self._stretches():
            next(sequence)
            sent_s += SENSOR.frame_samples / signal.rate_hz
            write(signal_hello(signal, SENSOR))
            for frame in signal_frames(signal, SENSOR):
                due_s = sent_s + len(frame.samples) / signal.rate_hz
                time.sleep(max(0.0, begin_s + due_s - time.monotonic()))
                if self._over.is_set() or self._now is not told:
                    break
                time_us, sent_s = begin_us + round(sent_s * 1e6), due_s
                write(SENSOR.encode(frame._replace(sequence=next(sequence), time_us=time_us)))
                told.begun.set()

    def _stretches(self) -> Iterator[tuple[_Told, Signal]]:
        while not self._over.is_set():
            told = self._now
            for signal in told.signals:
                if self._now is told and not self._over.is_set():
                    yield told, signal


STOP_S: Final = 5.0
"""Longer than it takes to send a frame."""


@contextlib.contextmanager
def running_machine(write: Callable[[bytes], None], *signals: Signal) -> Iterator[Machine]:
    """Let a machine with a sensor run for the length of the block; it sends by `write`."""
    machine = Machine(*signals)
    # A line that nobody reads any more takes no more bytes: the write waits, and must not keep the program.
    thread = threading.Thread(target=machine.send, args=(write,), daemon=True)
    thread.start()
    try:
        yield machine
    finally:
        machine.stop()
        thread.join(timeout=STOP_S)
