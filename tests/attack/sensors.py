"""Sensors that send as fast as TCP takes it, and what becomes of the honest ones beside them.

    python -m tests.attack.sensors [tiny|garbage|flap|hellos] ...

For each kind: the 99th percentile and the longest time from a window's last frame, as it is sent, to its
score at a subscriber; the same for alarms, of which each kind sees a hundred; windows lost; whether an honest
sensor was ever called silent.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.artefacts import write_artefact
from tests.attack.senders import HOP, KINDS, PERIOD_S, RATE_HZ, Flood, Honest, Neighbours
from tests.broker import Broker, Subscriber, until
from tests.priority import come_first

NEIGHBOURS, SECONDS = 20, 6 * PERIOD_S
"""Each has an alarm a period: together 120, whose 99th percentile is not the longest one alone."""


class Timed(Subscriber):
    """A subscriber that knows when each message came."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "timed")
        self._timed: dict[str, list[tuple[float, bytes]]] = {}
        self._client.on_message = lambda _c, _d, message: self._timed.setdefault(message.topic, []).append(
            (time.monotonic(), bytes(message.payload))
        )

    def bodies(self, end: str) -> list[tuple[float, dict[str, Any]]]:
        """Messages of the topic with this end."""
        topic = f"steadyhum/plant/gateway{end}"
        return [(at_s, json.loads(body)) for at_s, body in list(self._timed.get(topic, ()))]


def configure(folder: Path, port: int, flood: int, honest: Sequence[int]) -> Path:
    """Write the model and a configuration of all sensors."""
    write_artefact(folder / "rms.onnx", samples=2 * HOP, hop=HOP)
    text = f'state_folder = "state"\n[site]\nsite = "plant"\ndevice = "gateway"\n[broker]\nport = {port}\n'
    text += 'host = "127.0.0.1"\n[report]\nscores = true\nhealth_s = 1.0\n'
    for name, at in (("flood", flood), *((f"honest{index}", at) for index, at in enumerate(honest))):
        text += f'[[sensor]]\nname = "{name}"\nport = "socket://127.0.0.1:{at}"\nmodel = "rms.onnx"\n'
        text += f'rate_hz = {RATE_HZ:.0f}\nchannels = ["x"]\nunit = "g"\n'
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def attack(kind: str, folder: Path, seconds: float, neighbours: int = 1) -> dict[str, object]:
    """Flood the service beside honest sensors for so long; returns what was measured of the honest ones."""
    flood, honest, broker = Flood(kind), Neighbours(neighbours), Broker(folder)
    broker.start()
    subscriber = Timed(broker.port)
    command = [sys.executable, "-m", "edge_runtime", "run", "--config"]
    with (folder / "log").open("w") as log:
        config = configure(folder, broker.port, flood.port, [sensor.port for sensor in honest.sensors])
        service = subprocess.Popen([*command, str(config)], stderr=log)
    found = [Found(f"honest{index}", sensor, subscriber) for index, sensor in enumerate(honest.sensors)]
    try:
        until(lambda: all(one.scores() for one in found), 60, "first scores")
        flood.go.set()
        begun_s = time.monotonic()
        time.sleep(seconds)
        for one in found:
            one.end()
        until(lambda: all(one.whole() for one in found), 60, "every window and alarm of the honest sensors")
        rows = {"kind": kind, "sent_mb_s": flood.sent / 1e6 / seconds, **measured(found, begun_s)}
        return {**rows, "flood_events": len(subscriber.bodies("/flood/event")), "log": _lines(folder)}
    finally:
        service.terminate()
        service.wait(30)
        subscriber.close()
        honest.close()
        flood.close()
        broker.stop()


class Found:
    """What a subscriber got of one honest sensor."""

    def __init__(self, name: str, sensor: Honest, subscriber: Timed) -> None:
        self._name, self._sensor, self._subscriber = name, sensor, subscriber
        self._frames = self._loud = 0
        self._ended_s = float("inf")

    def _bodies(self, end: str) -> list[tuple[float, dict[str, Any]]]:
        return self._subscriber.bodies(f"/{self._name}/{end}")

    def scores(self) -> list[tuple[float, dict[str, Any]]]:
        """Every score and when it came."""
        return self._bodies("score")

    def end(self) -> None:
        """Measure what was sent until now."""
        self._frames, self._loud = len(self._sensor.sent_s), len(self._sensor.loud_s)
        self._ended_s = time.monotonic()

    def whole(self) -> bool:
        """Whether every window was scored and every alarm came, of what was sent before the end."""
        seen = max((body["sensor"]["windows"] for _, body in self._bodies("health")), default=0)
        return bool(seen >= self._frames - 1) and len(self._begun()) >= self._loud

    def windows_ms(self, begun_s: float) -> list[float]:
        """From a window's last frame to its score: two frames make the first, each further one the next."""
        sent_s = self._sensor.sent_s
        return [1e3 * (at_s - sent_s[body["window"]]) for at_s, body in self.scores() if at_s > begun_s]

    def alarms_ms(self, begun_s: float) -> list[float]:
        """From the frame that completes an alarm to its event."""
        new = self._begun()
        return [
            1e3 * (min((at_s for at_s in new if at_s >= loud_s), default=float("inf")) - loud_s)
            for loud_s in self._sensor.loud_s
            if begun_s < loud_s <= self._ended_s
        ]

    def lost(self) -> float:
        """Frames and bytes that were missed."""
        last = self._bodies("health")[-1][1]["sensor"]
        return float(sum(last[name] for name in ("faults.gap", "dropped_bytes")))

    def said(self) -> tuple[list[str], set[str]]:
        """Faults of this sensor, which has none, and troubles of the gateway."""
        health = [body for _, body in self._bodies("health")]
        faults = [body["reason"] for _, body in self._bodies("event") if body["kind"] != "anomaly"]
        false = [*faults, *(body["trouble"] for body in health if body["trouble"])]
        return false, {name for body in health for name in body["troubles"]}

    def _begun(self) -> list[float]:
        return [
            at_s for at_s, body in self._bodies("event") if (body["type"], body["kind"]) == ("new", "anomaly")
        ]


def measured(found: Sequence[Found], begun_s: float) -> dict[str, object]:
    """Latencies in ms, losses, and what was said of the honest sensors."""
    windows_ms = [value for one in found for value in one.windows_ms(begun_s)]
    alarms_ms = [value for one in found for value in one.alarms_ms(begun_s)]
    said = [one.said() for one in found]
    return {
        "window_p99_ms": float(np.percentile(windows_ms, 99)),
        "window_max_ms": max(windows_ms),
        "alarm_p99_ms": float(np.percentile(alarms_ms, 99)) if alarms_ms else None,
        "alarm_max_ms": max(alarms_ms, default=None),
        "alarms": len(alarms_ms),
        "lost": sum(one.lost() for one in found),
        "false_faults": [fault for false, _ in said for fault in false],
        "troubles": sorted({name for _, troubles in said for name in troubles}),
    }


def _lines(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def main(kinds: list[str]) -> None:
    """Attack with each kind and print what was measured."""
    come_first()
    for kind in kinds or KINDS:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(attack(kind, Path(folder), SECONDS, NEIGHBOURS)))


if __name__ == "__main__":
    main(sys.argv[1:])
