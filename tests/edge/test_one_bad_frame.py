"""One frame that passes its checksum and is wrong: ten seconds later the picture is the honest one.

Each kind of wrong frame comes into the line of a sensor that says hello every four seconds, whose machine is
calm, becomes loud at that moment, or clips afterwards.
"""

import random
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

from edge_runtime.analysis import Identity
from edge_runtime.core.records import AlarmKind, FaultKind, Frame, Hello
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline, Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from edge_runtime.sensors.simulator import HELLO_S
from tests.artefacts import write_artefact

RATE_HZ: Final = 1000.0
FRAME: Final = 50
FRAME_S: Final = FRAME / RATE_HZ
MEND_S: Final = 10.0
CALM, LOUD, CLIPPED = 0.3, 3.0, 300.0
HONEST = Hello(1, 7, ("x",), "g", 16.0, "SN-1", "1.0")
Wrong = Callable[["Line"], bytes]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return open_trusted(write_artefact(tmp_path_factory.mktemp("model") / "rms.onnx"))


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


STARTS: Final = (0, 2**32 - 160)
"""Numbers of the first frame: with the second the numbers' end is among the honest ones."""


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("name", KINDS)
def test_a_calm_machine_is_calm_again(artefact: Any, name: str, first: int) -> None:
    line = Line(artefact, first)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S)
    assert line.kinds == []
    assert line.pipeline.status.problem is None
    assert line.pipeline.status.faults.total() < 300, "what it counts is what happened, about"
    windows = line.pipeline.status.windows
    line.play(1, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("name", KINDS)
def test_no_alarm_is_missed(artefact: Any, name: str, first: int) -> None:
    line = Line(artefact, first)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    line.play(MEND_S)
    assert line.kinds == []


@pytest.mark.parametrize("name", KINDS)
def test_an_alarm_that_lasts_is_not_ended(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5, LOUD)
    (alarm,) = line.pipeline.active
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert [(other.id, other.kind) for other in line.pipeline.active] == [(alarm.id, AlarmKind.ANOMALY)]


@pytest.mark.parametrize("name", KINDS)
def test_clipping_is_seen(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S, CLIPPED)
    assert line.pipeline.status.problem.reason == "saturated"


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_frame_before_all_others_is_mended_too(artefact: Any, name: str) -> None:
    line = Line(artefact, 1)
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    assert line.pipeline.status.problem is None


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_far_number_on_a_line_that_loses_frames(artefact: Any, share: float) -> None:
    line, chance = Line(artefact), random.Random(5)
    line.play(5)
    line.feed(KINDS["sequence: half way round"](line))
    line.play(MEND_S, LOUD, lost=lambda: chance.random() < share)
    assert AlarmKind.ANOMALY in line.kinds


@pytest.mark.parametrize("name", ["sequence: an hour ahead", "sequence: half way round"])
def test_a_number_far_ahead_costs_nothing_until_the_next_frame_follows_it(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5)
    windows = line.pipeline.status.windows
    line.feed(KINDS[name](line))
    line.play(1)
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1
    assert line.pipeline.status.faults[FaultKind.GAP] == 0
    line.number += 500
    line.play(0.2)
    assert line.pipeline.status.faults[FaultKind.GAP] == 500
    windows = line.pipeline.status.windows
    line.play(1)
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1


def test_a_hello_against_two_that_agree_is_counted_and_not_believed(artefact: Any) -> None:
    line = Line(artefact)
    line.play(5)
    line.feed(hello(unit="m/s2")(line))
    line.play(0.5)
    assert line.pipeline.status.problem is None
    assert line.pipeline.status.faults[FaultKind.MISMATCH] == 1
    assert "not believed" in line.pipeline.status.last_fault
    line.feed(hello(unit="m/s2")(line))  # twice the same: it is another sensor by now
    line.play(0.5)
    fault: Any = line.pipeline.status.problem
    assert fault.reason == "mismatch"


def test_a_sensor_with_the_same_id_and_another_range_takes_the_place_of_the_first(artefact: Any) -> None:
    """By its boot id, at once: the range of the one before is not kept."""
    line = Line(artefact)
    line.feed(hello(range=0.5)(line))
    for _ in range(3):
        line.feed(line.frame(2.0))
        line.number += 1
    assert line.pipeline.status.problem.reason == "saturated"
    line.feed(hello(boot_id=77)(line))
    for number in range(30):
        line.now_s += FRAME_S
        line.feed(line.frame(LOUD, boot_id=77, sequence=number, time_us=round(number * FRAME_S * 1e6)))
    assert line.pipeline.status.problem is None
    assert AlarmKind.ANOMALY in line.kinds


def test_hellos_of_many_boots_do_not_displace_that_of_the_sensor_itself(artefact: Any) -> None:
    line = Line(artefact)
    line.play(5)
    for boot in range(100, 130):
        line.feed(hello(boot_id=boot, range=1e30)(line))
    for number in range(10, 40):
        line.feed(hello(sensor_id=number, unit="m/s2")(line))
    line.play(1, CLIPPED)
    assert line.pipeline.status.problem.reason == "saturated"
