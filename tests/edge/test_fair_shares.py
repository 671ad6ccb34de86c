"""One sensor that sends too much, too often or nonsense takes nothing from another."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.records import AlarmKind, FaultKind, Frame, Hello
from edge_runtime.gateway.log_share import LogShare
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline, Watch
from edge_runtime.sensors.allowance import BURST_S, LEAST_BYTES_S, MULTIPLE, Allowance
from edge_runtime.sensors.inbox import MAX_CHUNKS, MAX_WAITING_BYTES, Chunk, Inbox
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from edge_runtime.sensors.protocols.text_lines import LineDecoder
from edge_runtime.sensors.readers import Poller, PortReader
from edge_runtime.sensors.settings import SensorSettings
from tests.artefacts import write_artefact
from tests.attack.sensors import KINDS, attack
from tests.broker import needs_mosquitto, until


def settings(**changes: Any) -> Any:
    return SensorSettings(
        **{"name": "a", "port": "p", "model": None, "rate_hz": 1e4, "channels": ("x",), "unit": "g"} | changes
    )


def test_a_sensor_drops_its_own_oldest_bytes_and_never_anothers() -> None:
    inbox = Inbox(2)
    inbox.put(Chunk(1, b"honest", 0.5))
    for index in range(40):
        inbox.put(Chunk(0, bytes(MAX_WAITING_BYTES // 20), float(index)))
    taken = inbox.take(0)
    assert [chunk.at_s for chunk in taken if chunk.sensor == 0] == [float(index) for index in range(30, 40)]
    assert [chunk.data for chunk in taken if chunk.sensor == 1] == [b"honest"]
    assert inbox.losses(0) == (30 * (MAX_WAITING_BYTES // 20), 29.0)
    assert inbox.losses(1) == (0, float("-inf"))
    for index in range(MAX_CHUNKS):
        inbox.put(Chunk(0, b"x", float(index)))
    assert len(inbox.take(0)) == MAX_CHUNKS // 2
    assert inbox.losses(1)[0] == 0


def test_a_turn_takes_a_bounded_part_of_each_sensor() -> None:
    inbox = Inbox(2)
    inbox.put(*(Chunk(0, bytes(4096), float(index)) for index in range(5)), Chunk(1, b"y", 3.0))
    assert [(chunk.sensor, chunk.at_s) for chunk in inbox.take(0, 8192)] == [(0, 0.0), (0, 1.0), (1, 3.0)]
    assert (inbox.seen_until_s(0, 9.0), inbox.seen_until_s(1, 9.0)) == (2.0, 9.0)
    assert [chunk.at_s for chunk in inbox.take(0, 8192)] == [2.0, 3.0]
    assert [chunk.at_s for chunk in inbox.take(0, 8192)] == [4.0]


def test_an_allowance_is_a_burst_and_then_a_rate() -> None:
    allowance = Allowance.of(settings())
    rate = MULTIPLE * 1e4 * 8
    assert allowance.bytes_s == rate
    assert Allowance.of(settings(protocol="lines")).bytes_s == MULTIPLE * 1e4 * 32
    assert Allowance.of(settings(rate_hz=1.0)).bytes_s == LEAST_BYTES_S
    assert allowance.wait_s(10.0) == 0
    allowance.spend(round(rate * BURST_S), 10.0)
    assert allowance.wait_s(10.0) == 0
    allowance.spend(round(rate), 10.0)
    assert allowance.wait_s(10.0) == pytest.approx(1.0)
    assert allowance.wait_s(10.75) == pytest.approx(0.25)
    assert allowance.wait_s(11.0) == 0


def test_a_port_is_not_read_beyond_its_allowance_or_half_its_share_and_goes_on_afterwards() -> None:
    """The rest stays in the connection; another port is read meanwhile."""
    stop, inbox = threading.Event(), Inbox(2)
    poller = Poller(inbox, stop)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        servers = (first, second)
        sources = [Source(f"socket://127.0.0.1:{server.getsockname()[1]}", 921600) for server in servers]
        readers = [PortReader(index, source, inbox, stop, poller) for index, source in enumerate(sources)]
        for thread in (poller, *readers):
            thread.start()
        (greedy, _), (honest, _) = first.accept(), second.accept()
        with greedy, honest:
            greedy.settimeout(0.5)
            with pytest.raises(TimeoutError):
                greedy.sendall(bytes(64 << 20))
            until(lambda: inbox.is_full(0), 60, "half the share being full")
            assert inbox.losses(0)[0] == 0
            honest.sendall(b"alarm")
            until(lambda: inbox.seen_until_s(1, 0.0) != 0.0, 60, "the honest bytes")
            until(lambda: readers[0].too_fast(time.monotonic()), 60, what="being said to send too fast")
            assert not readers[1].too_fast(time.monotonic())
            before = sum(len(chunk.data) for chunk in inbox.take(0) if chunk.sensor == 0)
            assert before <= MAX_WAITING_BYTES // 4 + 4096
            until(lambda: any(chunk.sensor == 0 for chunk in inbox.take(0.1)), 60, "reading again")
        stop.set()
        for thread in (poller, *readers):
            thread.join(10)
            assert not thread.is_alive()


@needs_mosquitto
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_takes_nothing_from_an_honest_sensor(tmp_path: Path, kind: Any) -> None:
    """The short form of `python -m tests.attack.sensors`: every window, every alarm, no false fault."""
    found = attack(kind, tmp_path, 8.0)
    assert found["alarms"] >= 1
    assert found["lost"] == 0
    assert found["false_faults"] == []
    assert "overload of flood" in found["troubles"]


def test_a_sensor_writes_ten_lines_a_minute_and_then_how_many_more(caplog: pytest.LogCaptureFixture) -> None:
    share = LogShare("a")
    for number in range(47):
        share.warn("trouble", f"line {number}", number / 10)
    share.warn("other", "kind", 5.0)
    assert [record.message for record in caplog.records] == [*(f"a: line {n}" for n in range(10)), "a: kind"]
    caplog.clear()
    share.close_minutes(59.0)
    assert not caplog.records
    share.close_minutes(66.0)
    assert [record.message for record in caplog.records] == ["a: and 37 more like it (trouble)"]
    share.close_minutes(130.0)
    assert len(caplog.records) == 1


def test_foreign_text_is_one_printable_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    decoder = LineDecoder(1, 100.0)
    decoder.feed(b"x\n")
    (fault,) = decoder.feed(b"ERR \x1b[2J\x1b]0;title\x07\r2026-11-25 INFO b: all machines fine\n")
    LogShare("a").warn("trouble", fault.detail, 0.0)
    (record,) = caplog.records
    assert record.message.isprintable()
    assert record.message == "a: ERR \\x1b[2J\\x1b]0;title\\x07\\r2026-11-25 INFO b: all machines fine"


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
    assert [alarm.kind for alarm in line.pipeline.active] == [AlarmKind.ANOMALY]


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
    line.play(1)
    assert line.pipeline.status.problem is None


def test_a_hello_of_another_sensor_counts_when_its_frames_come(line: Any) -> None:
    line.hello(sensor_id=99, unit="m/s2", range=1e-30)
    line.play(1)
    assert line.pipeline.status.problem is None
    for number in range(2):
        line.frame(sensor_id=99, sequence=number, time_us=number * 250_000)
    fault: Any = line.pipeline.status.problem
    assert fault.reason == "mismatch"
    line.play(1)
    assert line.pipeline.status.problem is None
    for number in range(20):
        line.hello(sensor_id=number + 100)
    line.play(1)
    assert line.pipeline.status.problem is None
