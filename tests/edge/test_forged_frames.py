"""One frame or hello with a wrong number, range or sensor id changes nothing for long."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.records import AlarmKind, FaultKind, Frame, Hello
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from tests.artefacts import write_artefact


class Line:
    """A sensor and its pipeline: frames of a quarter of a second, until a test forges one."""

    def __init__(self, folder: Path) -> None:
        self.pipeline = SensorPipeline(
            Watch.of(open_trusted(write_artefact(folder / "rms.onnx"))), FrameDecoder(), lambda: "id"
        )
        self.number, self.rng = 0, np.random.default_rng(1)

    def play(self, seconds: Any, level: float = 0.3) -> Any:
        """Play an honest sensor; returns what was judged."""
        verdicts = []
        for _ in range(round(seconds * 4)):
            verdicts += self.frame(level)
            self.number += 1
        return verdicts

    def frame(self, level: float = 0.3, **changes: Any) -> Any:
        noise = (level * self.rng.standard_normal((250, 1))).astype(np.float32)
        fields: dict[str, Any] = {
            "sensor_id": 1,
            "boot_id": 1,
            "sequence": self.number,
            "time_us": self.number * 250_000,
        }
        fields |= {"rate_hz": 1000.0, "scale": 1.0, "overruns": 0, "samples": noise} | changes
        return self.feed(encode_data(Frame(**fields), SampleFormat.FLOAT32))

    def hello(self, **changes: Any) -> Any:
        fields: dict[str, Any] = {
            "sensor_id": 1,
            "boot_id": 1,
            "channels": ("x",),
            "unit": "g",
            "range": 16.0,
        }
        return self.feed(encode_hello(Hello(**{**fields, "serial_number": "", "firmware": ""} | changes)))

    def feed(self, data: Any) -> Any:
        return self.pipeline.feed(data, self.number / 4)


@pytest.fixture
def line(tmp_path: Path) -> Any:
    line = Line(tmp_path)
    line.play(2)
    return line


def test_a_far_sequence_number_is_mended_within_ten_seconds(line: Any) -> None:
    line.frame(sequence=line.number + 2**31 - 2)
    line.play(6)
    windows = line.pipeline.status.windows
    line.play(4, level=3.0)
    assert line.pipeline.status.windows > windows
    assert AlarmKind.ANOMALY in [alarm.kind for alarm in line.pipeline.active]


def test_frames_that_are_sent_again_stay_duplicates(line: Any) -> None:
    again = line.number
    line.play(4)
    newest = line.number
    for _ in range(5):
        line.number = again
        windows = line.pipeline.status.windows
        line.play(4)
        assert line.pipeline.status.windows == windows
        line.number = newest
        line.play(0.25)
        newest = line.number
    assert line.pipeline.status.faults[FaultKind.DUPLICATE] == 80


def test_a_range_that_a_hello_stated_is_replaced_by_the_next(line: Any) -> None:
    line.hello(range=1e-30)
    line.play(1)
    assert line.pipeline.status.problem.reason == "saturated"
    line.hello()
    line.play(1.5)
    assert line.pipeline.status.problem is None


def test_a_hello_of_another_sensor_counts_when_its_frames_come(line: Any) -> None:
    line.hello(sensor_id=99, unit="m/s2", range=1e-30)
    line.play(1)
    assert line.pipeline.status.problem is None
    for number in range(2):
        line.frame(sensor_id=99, sequence=number, time_us=number * 250_000)
    fault: Any = line.pipeline.status.problem
    assert fault.reason == "mismatch"
    line.play(1.5)
    assert line.pipeline.status.problem is None
    for number in range(20):
        line.hello(sensor_id=number + 100)
    line.play(1)
    assert line.pipeline.status.problem is None
