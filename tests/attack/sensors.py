"""Sensors that send as fast as TCP takes it, and what becomes of the honest one beside them.

    python -m tests.attack.sensors [tiny|garbage|flap] ...

For each kind: the 99th percentile and the longest time from a window's last frame, as it is sent, to its
score at a subscriber; the same for alarms; windows lost; whether the honest sensor was ever called silent.
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.core import Frame
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from tests.artefacts import write_artefact
from tests.broker import Broker, Subscriber, until

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


KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {"tiny": tiny, "garbage": garbage, "flap": flap}


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
    """A sensor behind `socket://` that sends frames of one hop in time, loud for one second of twelve."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent_s: list[float] = []
        """When each frame was sent, monotonic seconds."""
        self.loud_s: list[float] = []
        """When each loud second's second frame was sent: with it two windows of three are loud."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        self.sent_s.clear()  # the service opens the port once to try it, and again to read it
        rng, begun_s, period = np.random.default_rng(2), time.monotonic(), round(12 * RATE_HZ / HOP)
        while not self._stop.is_set():
            number = len(self.sent_s)
            phase = number % period - period // 2
            data = frame(1, number, 8.0 if 0 <= phase < RATE_HZ / HOP else 0.3, HOP, rng)
            time.sleep(max(0.0, begun_s + number * HOP / RATE_HZ - time.monotonic()))
            self.sent_s.append(time.monotonic())
            connection.sendall(data)
            if phase == 1:
                self.loud_s.append(self.sent_s[-1])

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._thread.join(5)


class Timed(Subscriber):
    """A subscriber that knows when each message came."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "timed")
        self.timed: list[tuple[float, str, bytes]] = []
        self._client.on_message = lambda _c, _d, message: self.timed.append(
            (time.monotonic(), message.topic, bytes(message.payload))
        )

    def bodies(self, end: str) -> list[tuple[float, dict[str, object]]]:
        """Messages of topics with this end."""
        return [(at_s, json.loads(body)) for at_s, topic, body in list(self.timed) if topic.endswith(end)]


def configure(folder: Path, port: int, flood: int, honest: int) -> Path:
    """Write the model and a configuration of both sensors."""
    write_artefact(folder / "rms.onnx", samples=2 * HOP, hop=HOP)
    text = f'state_folder = "state"\n[site]\nsite = "plant"\ndevice = "gateway"\n[broker]\nport = {port}\n'
    text += 'host = "127.0.0.1"\n[report]\nscores = true\nhealth_s = 1.0\n'
    for name, at in (("flood", flood), ("honest", honest)):
        text += f'[[sensor]]\nname = "{name}"\nport = "socket://127.0.0.1:{at}"\nmodel = "rms.onnx"\n'
        text += f'rate_hz = {RATE_HZ:.0f}\nchannels = ["x"]\nunit = "g"\n'
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def attack(kind: str, folder: Path, seconds: float) -> dict[str, object]:
    """Flood the service beside an honest sensor for so long; returns what was measured of the honest one."""
    flood, honest, broker = Flood(kind), Honest(), Broker(folder)
    broker.start()
    subscriber = Timed(broker.port)
    command = [sys.executable, "-m", "edge_runtime", "run", "--config"]
    with (folder / "log").open("w") as log:
        config = configure(folder, broker.port, flood.port, honest.port)
        service = subprocess.Popen([*command, str(config)], stderr=log)
    try:
        until(lambda: subscriber.bodies("/honest/score"), 60, "a first score")
        flood.go.set()
        begun_s = time.monotonic()
        time.sleep(seconds)
        frames, loud, ended_s = len(honest.sent_s), len(honest.loud_s), time.monotonic()
        until(
            lambda: any(_windows(body) >= frames - 1 for _, body in subscriber.bodies("/honest/health")),
            60,
            "every window of the honest sensor",
        )
        until(lambda: len(_begun(subscriber)) >= loud, 60, "every alarm of the honest sensor")
        found = measured(subscriber, honest, begun_s, ended_s)
        return {"kind": kind, "sent_mb_s": flood.sent / 1e6 / seconds, **found, "log": _lines(folder)}
    finally:
        service.terminate()
        service.wait(30)
        subscriber.close()
        honest.close()
        flood.close()
        broker.stop()


def measured(subscriber: Timed, honest: Honest, begun_s: float, ended_s: float) -> dict[str, object]:
    """Latencies in ms, losses, and what was said of both."""
    scores = subscriber.bodies("/honest/score")
    # Window n is complete with frame n: two frames make the first, each further one the next.
    windows_ms = [
        1e3 * (at_s - honest.sent_s[int(str(body["window"]))]) for at_s, body in scores if at_s > begun_s
    ]
    new = _begun(subscriber)
    alarms_ms = [
        1e3 * (min((at_s for at_s in new if at_s >= loud_s), default=float("inf")) - loud_s)
        for loud_s in honest.loud_s
        if begun_s < loud_s <= ended_s
    ]
    health: list[Any] = [body for _, body in subscriber.bodies("/honest/health")]
    faults = [body["reason"] for _, body in subscriber.bodies("/honest/event") if body["kind"] != "anomaly"]
    lost = sum(health[-1]["sensor"][name] for name in ("faults.gap", "dropped_bytes"))
    return {
        "window_p99_ms": float(np.percentile(windows_ms, 99)),
        "window_max_ms": max(windows_ms),
        "alarm_max_ms": max(alarms_ms, default=None),
        "alarms": len(alarms_ms),
        "lost": lost,
        "false_faults": [*faults, *(body["trouble"] for body in health if body["trouble"])],
        "troubles": sorted({name for body in health for name in body["troubles"]}),
        "flood_events": len(subscriber.bodies("/flood/event")),
    }


def _begun(subscriber: Timed) -> list[float]:
    events = subscriber.bodies("/honest/event")
    return [at_s for at_s, body in events if (body["type"], body["kind"]) == ("new", "anomaly")]


def _windows(body: dict[str, object]) -> float:
    return float(body["sensor"]["windows"])


def _lines(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def main(kinds: list[str]) -> None:
    """Attack with each kind for half a minute and print what was measured."""
    for kind in kinds or KINDS:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(attack(kind, Path(folder), 30.0)))


if __name__ == "__main__":
    main(sys.argv[1:])
