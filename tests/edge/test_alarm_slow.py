"""The slow alarm: what is averaged, when it begins, what keeps it, and that there is none without a rule."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.analysis import SLOW, AlarmMachine, SlowAverage, SlowRule
from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, ArtefactError, Transition, manifest_from_metadata
from edge_runtime.core.manifest import manifest_to_metadata
from edge_runtime.models import open_trusted
from edge_runtime.pipeline import SensorPipeline, Watch, replay
from edge_runtime.sensors import Signal, SimulatedSensor, signal_frames
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.artefacts import manifest, write_artefact

RULE = SlowRule(span_s=10.0, floor=0.1, ceiling=4.0, threshold=1.0, end=0.5)
RATE_HZ = 1000.0
ROOM = {"span_s": 20.0, "floor": 0.1, "ceiling": 2.0, "threshold": 0.6, "end": 0.45, "supported": True}


def machine(rule: SlowRule | None = RULE, **policy: Any) -> AlarmMachine:
    ids = iter(range(100))
    limits = AlarmPolicy(**{"votes": (3, 5), "off_delay_s": 0.0, "re_alarm_s": 0.0, **policy})
    return AlarmMachine(AlarmKind.ANOMALY, limits, 2.0, lambda: f"id-{next(ids)}", 1.0, slow=rule)


def told(watch: AlarmMachine, averages: Any, score: float = 1.0, start_s: int = 0) -> Any:
    """Give an average a second beside scores that never exceed; return (second, transition)."""
    seconds = range(start_s, start_s + len(averages))
    verdicts = [watch.step(s * 10**6, score, average=a) for s, a in zip(seconds, averages, strict=True)]
    return [(s, v.transition.value) for s, v in zip(seconds, verdicts, strict=True) if v.transition]


def begun_by_average() -> Alarm:
    watch = machine()
    watch.step(0, 1.0, average=1.5)
    assert watch.active is not None
    return watch.active


def slow_signal(*levels: float, seconds: float = 40.0) -> Signal:
    noise = np.random.default_rng(5).standard_normal((round(seconds * RATE_HZ), 1))
    return Signal(
        np.concatenate([level * noise for level in levels]).astype(np.float32), RATE_HZ, ("x",), "g"
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    room = {**ROOM, "statement": "made for a test"}
    return open_trusted(write_artefact(tmp_path_factory.mktemp("model") / "slow.onnx", slow_alarm=room))


def test_the_average_is_a_weighted_geometric_mean_of_bounded_scores() -> None:
    scores = np.random.default_rng(0).lognormal(0.0, 2.0, 40)
    average, keeps = SlowAverage(RULE, hop_s=0.5), 1 - 2 / 21
    for count, score in enumerate(scores, start=1):
        seen = average.push(score)
        bounded = np.clip(scores[:count], 0.1, 4.0)
        weights = keeps ** np.arange(count - 1, -1, -1)
        truth = math.exp(float(np.sum(weights * np.log(bounded)) / weights.sum()))
        assert (seen == pytest.approx(truth)) if count >= 20 else math.isnan(seen)


def test_its_variance_is_that_of_a_mean_over_the_span() -> None:
    logs = np.random.default_rng(1).standard_normal(200_000) * 0.1
    average = SlowAverage(replace(RULE, floor=1e-9, ceiling=1e9), hop_s=0.5)
    seen = np.log([average.push(math.exp(value)) for value in logs])[100:]
    assert seen.std() == pytest.approx(0.1 / math.sqrt(20), rel=0.05)


@pytest.mark.parametrize("score", [-3.0, 0.0, math.inf])
def test_scores_that_have_no_logarithm_are_bounded_too(score: float) -> None:
    average = SlowAverage(RULE, hop_s=10.0)
    assert average.push(score) == pytest.approx(4.0 if score > 1 else 0.1)


def test_an_average_above_begins_an_alarm_that_says_so_and_one_at_the_end_ends_it() -> None:
    watch = machine()
    assert told(watch, [math.nan, 0.9, 1.0, 1.1, 0.6, 0.51, 0.5, 0.4]) == [(3, "new"), (6, "end")]
    assert watch.step(10 * 10**6, 1.0, average=1.25).threshold == 2.0
    assert watch.active.reason == f"{SLOW}: 1.25 on average over 10 s, above 1"
    assert watch.active.start_us == 10 * 10**6


def test_it_waits_for_what_has_to_be_known_first() -> None:
    watch, waiting = machine(), [True]
    watch.waits = lambda: waiting[0]
    assert told(watch, [1.5, 1.5]) == []
    waiting[0] = False
    assert told(watch, [1.5], start_s=2) == [(2, "new")]


def test_an_alarm_of_votes_is_kept_by_the_average_and_has_no_reason() -> None:
    watch = machine()
    verdicts = [watch.step(s * 10**6, 9.0, average=math.nan) for s in range(3)]
    assert verdicts[-1].transition is Transition.NEW
    assert watch.active.reason == ""
    assert told(watch, [0.8, 0.7, 0.6, 0.5, 0.4], start_s=3) == [(6, "end")]


def test_one_that_votes_began_ends_though_no_average_is_known() -> None:
    watch = machine()
    for second in range(3):
        watch.step(second * 10**6, 9.0)
    assert told(watch, [math.nan] * 5, start_s=3) == [(5, "end")]


def test_taken_up_after_a_restart_it_stays_until_its_average_is_known_again() -> None:
    after = machine()
    after.resume(begun_by_average())
    assert told(after, [math.nan, math.nan, 0.6, 0.4], start_s=1) == [(4, "end")]


def test_without_a_rule_no_average_begins_or_keeps_anything() -> None:
    watch = machine(None)
    assert told(watch, [9.0] * 5) == []
    watch.resume(begun_by_average())
    assert told(watch, [9.0, 9.0], start_s=1) == [(1, "end")]


def test_a_minute_of_windows_each_below_the_threshold_is_a_collective_anomaly(model: Any) -> None:
    verdicts = [item.verdict for item in replay(slow_signal(0.4, 0.75, 0.4), Watch.of(model))]
    assert max(verdict.score for verdict in verdicts) < model.manifest.threshold == 1.0
    new, end = (verdict for verdict in verdicts if verdict.transition)
    assert new.alarm.reason.startswith("slow: 0.6")
    assert new.contributions[0][0] == "power x"
    assert 40 < new.time_us / 1e6 < 70
    assert 80 < end.time_us / 1e6 < 110


@pytest.mark.parametrize("changes", [{"slow_alarm": False}, {}])
def test_neither_a_site_without_it_nor_a_file_without_it_raises_one(
    model: Any, changes: Any, tmp_path: Path
) -> None:
    plain = model if changes else open_trusted(write_artefact(tmp_path / "plain.onnx"))
    watch = replace(Watch.of(plain), **changes)
    assert watch.slow is None
    verdicts = [item.verdict for item in replay(slow_signal(0.4, 0.75), watch)]
    assert all(verdict.transition is None for verdict in verdicts)


def test_another_threshold_goes_on_with_the_average_and_another_model_begins_anew(
    model: Any, tmp_path: Path
) -> None:
    other = open_trusted(
        write_artefact(tmp_path / "b.onnx", slow_alarm={**ROOM, "span_s": 19.0, "statement": ""})
    )
    begun = []
    for change in (replace(Watch.of(model), threshold=1.5), Watch.of(other)):
        pipeline = SensorPipeline(Watch.of(model), FrameDecoder(), lambda: "id")
        source = slow_signal(0.75, seconds=25.0)
        halves = source.samples[:19000], source.samples[19000:]
        frames = [replace(source, samples=half) for half in halves]
        verdicts = feed(pipeline, frames[0], 0.0)
        pipeline.follow(change)
        verdicts += feed(pipeline, frames[1], 19.0)
        begun.append([v.alarm.reason[:4] for v in verdicts if v.transition])
    assert begun == [["slow"], []]


def feed(pipeline: SensorPipeline, source: Signal, start_s: float) -> Any:
    sensor, verdicts = SimulatedSensor(), []
    for frame in signal_frames(source, sensor):
        moved = frame._replace(
            time_us=frame.time_us + round(start_s * 1e6), sequence=frame.sequence + round(start_s * 1000)
        )
        now_s = moved.time_us / 1e6 + len(frame.samples) / RATE_HZ
        verdicts += pipeline.feed(sensor.encode(moved), now_s)
    return verdicts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": 0.7}, "not in this order"),
        ({"ceiling": 0.6}, "not in this order"),
        ({"floor": 0.0}, "slow_alarm.floor"),
        ({"span_s": -1.0}, "slow_alarm.span_s"),
        ({"threshold": None}, "slow_alarm.threshold"),
    ],
)
def test_a_file_whose_slow_alarm_makes_no_sense_is_refused(change: Any, message: str) -> None:
    room = {**ROOM, "statement": "", **change}
    metadata = manifest_to_metadata(manifest(slow_alarm=room))
    with pytest.raises(ArtefactError, match=message):
        manifest_from_metadata(metadata, "slow.onnx")
