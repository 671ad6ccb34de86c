"""One sensor's way from bytes to verdicts, through the real decoder, windows, graph and alarm."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.records import (
    AlarmKind,
    FaultKind,
    FaultReason,
    Hello,
    SensorFault,
    Transition,
)
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames, signal_hello
from tests.artefacts import write_artefact

RATE_HZ = 1000.0
SENSOR = SimulatedSensor(frame_samples=50)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return open_trusted(write_artefact(tmp_path_factory.mktemp("model") / "rms.onnx"))


def signal(*levels: Any, seconds: float = 1.0, seed: int = 3) -> Any:
    """Noise of one RMS after another."""
    rng = np.random.default_rng(seed)
    parts = [level * rng.standard_normal((round(seconds * RATE_HZ), 1)) for level in levels]
    return Signal(np.concatenate(parts).astype(np.float32), RATE_HZ, ("x",), "g")


def run(
    artefact: Any, source: Any, *, greeting: bytes = b"", rate_factor: float = 1.0, **watch: Any
) -> tuple[Any, Any]:
    ids = iter(range(100))
    pipeline = SensorPipeline(Watch.of(artefact, **watch), FrameDecoder(), lambda: f"id-{next(ids)}")
    verdicts = pipeline.feed(greeting, 0.0)
    for frame in signal_frames(source, SENSOR):
        now_s = (frame.time_us / 1e6 + len(frame.samples) / RATE_HZ) / rate_factor
        verdicts += pipeline.feed(encode_data(frame, SampleFormat.FLOAT32), now_s)
    return pipeline, verdicts


def told(verdicts: Any) -> Any:
    return [(v.transition.value, str(v.alarm.kind)) for v in verdicts if v.transition]


def test_an_anomaly_begins_and_ends_once(artefact: Any) -> None:
    pipeline, verdicts = run(artefact, signal(0.3, 3.0, 0.3))
    assert told(verdicts) == [("new", "anomaly"), ("end", "anomaly")]
    new, end = (v for v in verdicts if v.transition)
    assert 1.0 < new.time_us / 1e6 < 1.2
    assert 2.2 < end.time_us / 1e6 < 2.5
    assert new.contributions[0][0] == "power x"
    assert end.alarm.peak_score == max(v.score for v in verdicts)
    assert pipeline.status.windows == len(verdicts) == (3000 - 64) // 32 + 1


def test_site_threshold_replaces_the_models(artefact: Any) -> None:
    assert told(run(artefact, signal(0.3, 3.0, 0.3), threshold=5.0)[1]) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x * 0 + 0.5, "flat: x"),
        (lambda x: np.where(np.arange(len(x)) % 64 < 40, x, 0.25), "stuck: x"),
        (lambda x: x * np.nan, "not_a_number: x"),
        (lambda x: np.clip(20 * x, -1, 1), "saturated: x"),
    ],
)
def test_a_sensor_fault_is_no_anomaly(artefact: Any, change: Any, reason: str) -> None:
    source = signal(0.2, 0.2, 0.2, 0.2)
    source.samples[1000:2000, 0] = change(source.samples[1000:2000, 0])
    range_ = 1.0 if reason.startswith("saturated") else 16.0
    _, verdicts = run(artefact, source, greeting=signal_hello(source, replace(SENSOR, range=range_)))
    sensor = [v for v in verdicts if v.transition]
    assert told(verdicts) == [("new", "sensor_fault"), ("end", "sensor_fault")]
    assert sensor[0].alarm.reason == reason
    broken = [v for v in verdicts if 1.1 < v.time_us / 1e6 < 1.95 and v.transition is None]
    assert broken
    assert all(math.isnan(v.score) and not v.exceeded for v in broken)


@pytest.mark.parametrize(
    ("range_", "expected"), [(16.0, {"sensor_fault", "anomaly"}), (0.25, {"sensor_fault"})]
)
def test_what_is_cut_off_is_evidence_where_no_normal_window_ends(
    artefact: Any, range_: float, expected: Any
) -> None:
    """A range below the vibration's own peaks says nothing about the machine, however high the score."""
    source = signal(0.3, 0.3, 0.3, 0.3)
    source.samples[1000:2000] = np.clip(200 * source.samples[1000:2000], -range_, range_)
    sensor = replace(SENSOR, range=range_)
    _, verdicts = run(artefact, source, greeting=signal_hello(source, sensor), threshold=0.2)
    assert {kind for _, kind in told(verdicts)} >= expected
    clipped = [v for v in verdicts if 1.1 < v.time_us / 1e6 < 1.95 and v.transition is None]
    assert {v.exceeded for v in clipped} == {"anomaly" in expected}


def test_an_anomaly_outlasts_a_sensor_fault(artefact: Any) -> None:
    """A dead sensor is no proof that the machine recovered."""
    source = signal(3.0, 3.0, 3.0, 3.0, 3.0)
    source.samples[2000:3000] = 0
    assert told(run(artefact, source)[1]) == [
        ("new", "anomaly"),
        ("new", "sensor_fault"),
        ("end", "sensor_fault"),
    ]


def test_wrong_sampling_rate_is_a_sensor_fault(artefact: Any) -> None:
    """The frames state 1000 Hz and the host's clock sees 1050."""
    pipeline, verdicts = run(artefact, signal(0.3, seconds=25), rate_factor=1.05)
    assert told(verdicts) == [("new", "sensor_fault")]
    assert "measured 1050" in pipeline.active[0].reason


@pytest.mark.parametrize(
    ("unit", "channels", "faulty"), [("m/s2", ("x",), True), ("g", ("x", "y"), True), ("g", ("x",), False)]
)
def test_a_hello_that_disagrees_with_the_model_is_a_sensor_fault(
    artefact: Any, unit: str, channels: tuple[Any, ...], faulty: bool
) -> None:
    greeting = encode_hello(Hello(1, 1, channels, unit, 16.0, "", ""))
    pipeline, verdicts = run(artefact, signal(0.3), greeting=greeting)
    assert told(verdicts) == ([("new", "sensor_fault")] if faulty else [])
    assert pipeline.status.faults[FaultKind.MISMATCH] == faulty


def test_silence_is_a_sensor_fault_and_its_end_is_told(artefact: Any) -> None:
    pipeline, verdicts = run(artefact, signal(0.3))
    for second in (3, 4, 5):
        verdicts += pipeline.interrupted(second * 1_000_000, SensorFault(FaultReason.SILENT, "no frame"))
    assert told(verdicts) == [("new", "sensor_fault")]
    late = signal(0.3, seconds=2)
    for frame in signal_frames(late, SENSOR, start_us=6_000_000):
        verdicts += pipeline.feed(encode_data(frame, SampleFormat.FLOAT32), 6.0)
    assert told(verdicts) == [("new", "sensor_fault"), ("end", "sensor_fault")]


def test_resumed_alarms_end_under_their_ids(artefact: Any) -> None:
    pipeline, verdicts = run(artefact, signal(3.0, 3.0))
    (alarm,) = pipeline.active
    ids = iter(["unused"])
    after = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: next(ids))
    after.resume(alarm)
    for frame in signal_frames(signal(0.3), SENSOR, start_us=2_000_000):
        verdicts += after.feed(encode_data(frame, SampleFormat.FLOAT32), 0.0)
    assert [v.alarm.id for v in verdicts if v.transition] == [alarm.id] * 2
    assert alarm.kind is AlarmKind.ANOMALY
    assert verdicts[-1].transition is None or verdicts[-1].transition is Transition.END


def test_garbage_is_counted_and_costs_only_what_it_hit(artefact: Any) -> None:
    ids = iter(range(9))
    pipeline = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: str(next(ids)))
    for index, frame in enumerate(signal_frames(signal(0.3, seconds=4), SENSOR)):
        wire = encode_data(frame, SampleFormat.FLOAT32)
        pipeline.feed(b"\x13\x37garbage\0" + (wire[:-9] + b"\0" if index == 40 else wire), 0.0)
    assert pipeline.status.faults[FaultKind.GARBAGE] + pipeline.status.faults[FaultKind.CRC] == 81
    assert pipeline.status.faults[FaultKind.GAP] == 1
    assert pipeline.active == ()
    assert pipeline.status.frames == 79


@pytest.mark.parametrize("jump_s", [-86400, 86400])
def test_an_alarm_survives_a_sensors_clock_that_is_set(artefact: Any, jump_s: int) -> None:
    """A sensor that keeps the time of day: its clock is put right while an alarm begins and while it ends."""
    pipeline = SensorPipeline(
        Watch.of(artefact, policy=AlarmPolicy(votes=(3, 3), on_delay_s=0.5, off_delay_s=0.5)),
        FrameDecoder(),
        lambda: "id",
    )
    day_s = 86400
    seen = []
    for frame in signal_frames(signal(0.3, 3.0, 0.3), SENSOR, 2 * day_s * 1_000_000):
        now_s = frame.time_us / 1e6
        wrong_s = jump_s * ((frame.sequence >= 22) + (frame.sequence >= 42))
        moved = frame._replace(time_us=frame.time_us + wrong_s * 1_000_000)
        verdicts = pipeline.feed(encode_data(moved, SampleFormat.FLOAT32), now_s)
        seen += [(now_s - 2 * day_s, wrong_s, verdict) for verdict in verdicts if verdict.transition]
    assert told(verdict for *_, verdict in seen) == [("new", "anomaly"), ("end", "anomaly")]
    (begun_s, wrong_s, begun), (ended_s, *_) = seen
    assert 1.5 < begun_s < 1.8
    assert 1.0 < begun.alarm.start_us / 1e6 - 2 * day_s - wrong_s < begun_s
    assert 2.5 < ended_s < 2.8


def test_an_anomaly_neither_ends_nor_begins_while_the_machine_stands_still(artefact: Any) -> None:
    """Nor is it silent about it: what it is takes the place of the score, until the machine runs again."""
    pipeline, verdicts = run(artefact, signal(3.0, 0.02, 0.02, 3.0, seconds=2.0))
    assert told(verdicts) == [("new", "anomaly"), ("new", "sensor_fault"), ("end", "sensor_fault")]
    (quiet,) = (v for v in verdicts if v.transition == "new" and v.alarm.kind is AlarmKind.SENSOR)
    assert quiet.alarm.reason.startswith("too_quiet: RMS 0.0")
    assert "the machine stands still, or the sensor has come off" in quiet.alarm.reason
    assert quiet.time_us / 1e6 < 2.5
    assert [alarm.kind for alarm in pipeline.active] == [AlarmKind.ANOMALY]


def test_coarse_counts_of_a_machine_that_stands_still_are_too_quiet_and_not_stuck(artefact: Any) -> None:
    source = signal(0.3, 0.003, seconds=2.0)
    source.samples[2000:] = np.rint(source.samples[2000:] / 0.005) * 0.005
    _, verdicts = run(artefact, source)
    reasons = {v.alarm.reason.partition(":")[0] for v in verdicts if v.transition == "new"}
    assert reasons == {"too_quiet"}


@pytest.mark.parametrize(("form", "named"), [("INT16", True), ("INT24", True), ("FLOAT32", False)])
@pytest.mark.parametrize("stated", [True, False])
def test_the_end_of_the_range_is_known_by_hello_or_by_the_format(
    artefact: Any, form: str, named: bool, stated: bool
) -> None:
    """Neither is known of floating point without a hello: what is cut off is scored like any window."""
    sensor = replace(SENSOR, sample_format=SampleFormat[form], range=0.5)
    pipeline = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: "id")
    source = signal(0.3, 0.3, seconds=2.0)
    source.samples[2000:] = np.clip(4 * source.samples[2000:], -0.5, 0.5)
    if stated:
        pipeline.feed(signal_hello(source, sensor), 0.0)
    for frame in signal_frames(source, sensor):
        pipeline.feed(encode_data(frame, sensor.sample_format), frame.time_us / 1e6)
    assert [alarm.reason for alarm in pipeline.active] == ["saturated: x"] * (named or stated)


def test_one_clipped_channel_of_several_is_named_and_is_evidence(tmp_path: Any) -> None:
    artefact = open_trusted(write_artefact(tmp_path / "two.onnx", channels=("x", "y")))
    rng = np.random.default_rng(2)
    samples = (0.3 * rng.standard_normal((4000, 2))).astype(np.float32)
    samples[2000:, 1] = np.clip(100 * samples[2000:, 1], -16, 16)
    source = Signal(samples, RATE_HZ, ("x", "y"), "g")
    pipeline, _ = run(artefact, source, greeting=signal_hello(source, SENSOR))
    assert {(str(alarm.kind), alarm.reason) for alarm in pipeline.active} == {
        ("sensor_fault", "saturated: y"),
        ("anomaly", ""),
    }


def test_a_pause_that_the_site_allows_is_no_missing_time(artefact: Any) -> None:
    """A second of vibration each ten: fine where the site waits for twelve, and not where for two."""
    named = {}
    for silence_s in (2.0, 12.0):
        watch = replace(Watch.of(artefact), silence_s=silence_s)
        pipeline = SensorPipeline(watch, FrameDecoder(), lambda: "id")
        for turn in range(12):
            for frame in signal_frames(signal(0.3), SENSOR, start_us=turn * 10_000_000):
                numbered = frame._replace(sequence=turn * 20 + frame.sequence)
                pipeline.feed(encode_data(numbered, SampleFormat.FLOAT32), frame.time_us / 1e6)
        named[silence_s] = [alarm.reason.partition(":")[0] for alarm in pipeline.active]
    assert named == {2.0: ["few_windows"], 12.0: []}


def test_one_spoilt_window_is_no_trouble_and_a_lasting_fault_is_one_until_its_alarm_ends(
    artefact: Any,
) -> None:
    """Two windows of three at fault are one fault that lasts, not one that comes and goes."""
    source = signal(*[0.3] * 30)
    for begin in range(5000, 20000, 96):
        source.samples[begin : begin + 20] = source.samples[begin]  # stuck for two windows, not for the next
    pipeline = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: "id")
    seen = []
    for frame in signal_frames(source, SENSOR):
        pipeline.feed(encode_data(frame, SampleFormat.FLOAT32), frame.time_us / 1e6)
        seen.append(str(pipeline.status.problem or "").partition(":")[0])
    changes = [now for before, now in zip(["", *seen], seen, strict=False) if bool(now) != bool(before)]
    assert len(changes) <= 2


def test_frames_of_another_rate_are_not_measured_and_leave_nothing_behind(artefact: Any) -> None:
    """Six seconds that cannot be used, then honest ones: no rate is made up of the time between."""
    pipeline = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: "id")
    for rate_hz, seconds, begin in ((1100.0, 6.0, 0), (1000.0, 12.0, 120)):
        for frame in signal_frames(signal(0.3, seconds=seconds), SENSOR, start_us=begin * 50_000):
            sent = frame._replace(rate_hz=rate_hz, sequence=begin + frame.sequence)
            pipeline.feed(encode_data(sent, SampleFormat.FLOAT32), (begin + frame.sequence) * 0.05)
    rate = pipeline.status.rate
    assert rate is not None
    assert rate.measured_hz == pytest.approx(1000, rel=0.01)
    assert not rate.off
