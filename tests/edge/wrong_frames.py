"""An honest sensor's line, and one wrong frame of each kind that may come into it."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from edge_runtime.analysis import Identity
from edge_runtime.core.records import AlarmKind, Frame, Hello
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from edge_runtime.sensors.simulator import HELLO_S

RATE_HZ: Final = 1000.0
FRAME: Final = 50
FRAME_S: Final = FRAME / RATE_HZ
MEND_S: Final = 10.0
CALM, LOUD, CLIPPED = 0.3, 3.0, 300.0
HONEST = Hello(1, 7, ("x",), "g", 16.0, "SN-1", "1.0")
Wrong = Callable[["Line"], bytes]


class Line:
    """An honest sensor, and the pipeline that reads it."""

    def __init__(self, artefact: Any, number: int = 0) -> None:
        ids = iter(range(1000))
        identity = Identity("g", ("x",), "SN-1", 16.0)
        watch = Watch(artefact, artefact.manifest.threshold, artefact.manifest.policy, identity)
        self.pipeline = SensorPipeline(watch, FrameDecoder(), lambda: f"id-{next(ids)}")
        self.number = self.first = number
        self.now_s = 0.0
        self.verdicts: list[Any] = []
        self.rng = np.random.default_rng(3)

    def frame(self, level: float = CALM, form: SampleFormat = SampleFormat.FLOAT32, **changes: Any) -> bytes:
        noise = level * self.rng.standard_normal((FRAME, 1))
        fields: dict[str, Any] = {
            "sensor_id": 1,
            "boot_id": 7,
            "sequence": self.number % 2**32,
            "time_us": round((self.number - self.first) * FRAME_S * 1e6),
            "rate_hz": RATE_HZ,
            "scale": 1.0,
            "overruns": 0,
            "samples": np.clip(noise, -16, 16).astype(np.float32),
        } | changes
        return encode_data(Frame(**fields), form)

    def play(self, seconds: float, level: float = CALM, lost: Callable[[], bool] = lambda: False) -> None:
        for _ in range(round(seconds / FRAME_S)):
            data = self.frame(level)
            if self.number % round(HELLO_S / FRAME_S) == 0:
                data += encode_hello(HONEST)
            self.number += 1
            self.now_s += FRAME_S
            if not lost():
                self.feed(data)

    def feed(self, data: bytes) -> None:
        self.verdicts += self.pipeline.feed(data, self.now_s)

    @property
    def kinds(self) -> list[AlarmKind]:
        return [alarm.kind for alarm in self.pipeline.active]


def data(**changes: Any) -> Wrong:
    return lambda line: line.frame(**changes)


def hello(**changes: Any) -> Wrong:
    def wrong(_line: Line) -> bytes:
        fields = {name: getattr(HONEST, name) for name in HONEST.__slots__} | changes
        return encode_hello(Hello(**fields))

    return wrong


def ahead(frames: int) -> Wrong:
    return lambda line: line.frame(sequence=(line.number + frames) % 2**32)


def later(seconds: float) -> Wrong:
    def wrong(line: Line) -> bytes:
        at_us = round(((line.number - line.first) * FRAME_S + seconds) * 1e6)
        return line.frame(time_us=at_us % 2**64)

    return wrong


LONG = np.zeros((2000, 1), np.float32)
KINDS: Final[dict[str, Wrong]] = {
    "hello: a tiny range": hello(range=1e-30),
    "hello: a range below the signal": hello(range=2.0),
    "hello: a huge range": hello(range=1e30),
    "hello: another unit": hello(unit="m/s2"),
    "hello: more channels": hello(channels=("x", "y", "z")),
    "hello: another channel": hello(channels=("FE",)),
    "hello: another serial number": hello(serial_number="SN-2"),
    "hello: another firmware": hello(firmware="9"),
    "hello: another boot": hello(boot_id=8, range=1e-30),
    "hello: another sensor": hello(sensor_id=9, unit="m/s2", range=1e-30),
    "sequence: just ahead": ahead(3),
    "sequence: an hour ahead": ahead(72000),
    "sequence: half way round": ahead(2**31 - 2),
    "sequence: behind": ahead(-5),
    "sequence: far behind": ahead(-(2**31) + 2),
    "time: the end of all times": data(time_us=2**64 - 1),
    "time: the beginning": data(time_us=0),
    "time: four seconds ahead": later(4),
    "time: four seconds back": later(-4),
    "time: a day ahead": later(86400),
    "boot": data(boot_id=8),
    "boot, from the start": data(boot_id=8, sequence=0, time_us=0),
    "sensor id": data(sensor_id=9),
    "rate: 1 mHz": data(rate_hz=0.001),
    "rate: 4 MHz": data(rate_hz=4e6),
    "rate: just off": data(rate_hz=1009.0),
    "channels": data(samples=np.zeros((FRAME, 3), np.float32)),
    "scale: tiny": data(scale=1e-38),
    "scale: huge": data(scale=3e38),
    "overruns": data(overruns=65535),
    "samples: no numbers": data(samples=np.full((FRAME, 1), np.nan, np.float32)),
    "samples: infinite": data(samples=np.full((FRAME, 1), np.inf, np.float32)),
    "samples: too many": data(samples=LONG),
    "samples: too many, and loud": data(
        samples=LONG + 8 * np.random.default_rng(1).standard_normal(LONG.shape).astype(np.float32)
    ),
    "format: int16": data(samples=np.full((FRAME, 1), 2**15 - 1, np.float32), form=SampleFormat.INT16),
    "format: int24": data(samples=np.full((FRAME, 1), -(2**23), np.float32), form=SampleFormat.INT24),
}
