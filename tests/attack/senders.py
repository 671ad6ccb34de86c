"""Sensors behind `socket://`: one that sends as fast as TCP takes it, and honest ones beside it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from edge_runtime.core import Frame, Hello
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data, encode_hello

PERIOD_S = 12.0
"""An honest sensor is loud for one second of each: five alarms a minute, and six may begin in one."""
RATE_HZ, HOP, CHUNK = 1000.0, 32, 1 << 16


def frame(boot: int, sequence: int, level: float, samples: int, rng: np.random.Generator) -> bytes:
    """A frame of noise; its time follows from its number."""
    noise = (level * rng.standard_normal((samples, 1))).astype(np.float32)
    time_us = round(sequence * samples * 1e6 / RATE_HZ)
    return encode_data(Frame(1, boot, sequence, time_us, RATE_HZ, 1.0, 0, noise), SampleFormat.FLOAT32)


def tiny(seed: int) -> Iterator[bytes]:
    """Frames of one sample, the same again and again."""
    rng = np.random.default_rng(seed)
    data = b"".join(frame(1, number, 1.0, 1, rng) for number in range(4000))
    while True:
        yield data


def garbage(seed: int) -> Iterator[bytes]:
    """Random bytes."""
    data = np.random.default_rng(seed).bytes(1 << 20)
    while True:
        yield data


def flap(seed: int) -> Iterator[bytes]:
    """Valid frames, six seconds of them loud and six calm by the sensor's own clock, then a gap: no rate is
    measured."""
    rng, sequence = np.random.default_rng(seed), 0
    while True:
        data = [frame(1, sequence + part, 8.0 if part < 6 else 0.3, 1000, rng) for part in range(12)]
        sequence += 13
        yield b"".join(data)


def hellos(seed: int) -> Iterator[bytes]:
    """Hellos of ever other sensors, none of them the right one."""
    numbers = np.random.default_rng(seed).integers(2**32, size=(4000, 2)).tolist()
    data = b"".join(
        encode_hello(Hello(1, boot, ("x",), "m", 1.0, str(serial), "")) for boot, serial in numbers
    )
    while True:
        yield data


KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "tiny": tiny,
    "garbage": garbage,
    "flap": flap,
    "hellos": hellos,
}


class Flood:
    """A sensor behind `socket://` that begins to send when `go` is set."""

    def __init__(self, kind: str, seed: int = 1) -> None:
        self._make, self._seed = KINDS[kind], seed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.go, self._stop, self.sent = threading.Event(), threading.Event(), 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
                with connection:
                    self._send(connection)
            except OSError:
                self._stop.wait(0.05)

    def _send(self, connection: socket.socket) -> None:
        connection.settimeout(0.2)
        self.go.wait()
        for data in self._make(self._seed):
            view = memoryview(data)
            while view:
                if self._stop.is_set():
                    return
                try:
                    count = connection.send(view[:CHUNK])
                except TimeoutError:
                    continue
                view, self.sent = view[count:], self.sent + count

    def close(self) -> None:
        """End the thread."""
        self.go.set()
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._thread.join(5)


class Honest:
    """An honest sensor: frames of one hop in time, loud for one second of each period."""

    def __init__(self, seed: int, shift_s: float = 0.0) -> None:
        self._rng, self._shift = np.random.default_rng(seed), round(shift_s * RATE_HZ / HOP)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent_s: list[float] = []
        """When each frame was sent, monotonic seconds."""
        self.loud_s: list[float] = []
        """When each loud second's second frame was sent: with it two windows of three are loud."""
        self._begun_s = float("inf")
        self._connection: socket.socket | None = None
        self._mutex = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._mutex:  # the service opens the port once to try it, and again to read it
                    self._leave()
                    self.sent_s.clear()
                    self.loud_s.clear()
                    self._connection, self._begun_s = connection, time.monotonic()

    @property
    def due_s(self) -> float:
        """When the next frame is to be sent, monotonic; infinite while nobody reads."""
        return self._begun_s + len(self.sent_s) * HOP / RATE_HZ

    def send(self) -> None:
        """Send the next frame."""
        with self._mutex:
            if self._connection is None:
                return
            number, period = len(self.sent_s), round(PERIOD_S * RATE_HZ / HOP)
            phase = (number + self._shift) % period - period // 2
            level = 8.0 if 0 <= phase < RATE_HZ / HOP else 0.3
            data = frame(1, number, level, HOP, self._rng)
            self.sent_s.append(time.monotonic())
            try:
                self._connection.sendall(data)
            except OSError:
                self._leave()
            if phase == 1:
                self.loud_s.append(self.sent_s[-1])

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._begun_s = None, float("inf")

    def close(self) -> None:
        """End the thread."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._thread.join(5)
        self._leave()


class Neighbours:
    """Honest sensors, loud in turn; one thread sends for all of them."""

    def __init__(self, count: int) -> None:
        self.sensors = [Honest(2 + index, index * PERIOD_S / count) for index in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            first = min(self.sensors, key=lambda sensor: sensor.due_s)
            wait_s = first.due_s - time.monotonic()
            if wait_s > _LOOK_S:  # another may have been opened meanwhile
                self._stop.wait(_LOOK_S)
                continue
            time.sleep(max(0.0, wait_s))
            first.send()

    def close(self) -> None:
        """End the threads."""
        self._stop.set()
        self._thread.join(5)
        for sensor in self.sensors:
            sensor.close()


_LOOK_S = 0.01
"""A third of the time between two frames of one sensor."""
