"""What a model would hear: the search for sizes, and files that hear nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper
from scipy import stats

import trainer
from edge_runtime.analysis import SlowRule
from edge_runtime.core import AlarmPolicy
from edge_runtime.models import open_trusted
from tests.artefacts import rms_graph
from tests.trainer.builders import recording
from tests.trainer.hums import RATE_HZ, Machine
from trainer import fitting
from trainer.core import FitError
from trainer.export import manifest_text
from trainer.fitting import Order
from trainer.power import PowerPlan, measure, read_power
from trainer.power.search import STEP
from trainer.recordings import Fold, Recording

RMS = rms_graph(64, 1).SerializeToString()
PLAN = PowerPlan(threshold=1.5, policy=AlarmPolicy(), samples=64, hop=32)


def fold(number: int, level: float = 1.0, **changes: Any) -> tuple[Fold, bytes]:
    held = recording(16384, seed=number, level=level, condition=f"{number} hp", **changes)
    return Fold(held.condition, (), (held,)), RMS


def heard(found: Any) -> dict[str, Any]:
    return {item.name: item for item in found.faults}


def test_sizes_are_those_that_a_slow_search_finds() -> None:
    """The score is the RMS, so that the size of each window is known in closed form."""
    found = heard(measure([fold(1)], RMS, PLAN))
    windows = np.lib.stride_tricks.sliding_window_view(recording(16384, seed=1).samples[:, 0], 64)[::32]
    start = int(np.random.default_rng(0).integers(0, len(windows) - 256 + 1))
    level = windows[start : start + 256].std()
    sizes = PLAN.threshold / np.sqrt(np.square(windows[start : start + 256].astype(np.float64)).mean(axis=1))
    groups = np.sort(np.lib.stride_tricks.sliding_window_view(sizes, 5), axis=1)
    assert found["level"].alarm - 1 == pytest.approx(groups[:, 2].min() - 1, rel=STEP - 1 + 0.02)
    sampled = np.sort(sizes[np.linspace(0, 255, 24).round().astype(int)])
    assert found["level"].half - 1 == pytest.approx(sampled[11] - 1, rel=0.17)
    assert found["level"].most - 1 == pytest.approx(sampled[22] - 1, rel=0.17)
    noise = np.sqrt((PLAN.threshold / level) ** 2 - 1)
    assert found["noise"].alarm < noise < found["noise"].most


def test_the_stated_size_alarms_and_a_tenth_less_does_not() -> None:
    found = heard(measure([fold(1)], RMS, PLAN))
    item = recording(16384, seed=1)
    policy = AlarmPolicy()
    for name in ("tone 1x", "noise"):
        for factor, alarms in ((1.001, True), (0.9, False)):  # it is written with four digits
            plan = replace(PLAN, largest=found[name].alarm * factor, policy=policy)
            again = heard(measure([(Fold("1 hp", (), (item,)), RMS)], RMS, plan))
            assert (again[name].worst is not None) is alarms


def test_the_worst_condition_counts_and_a_new_one_has_a_bound() -> None:
    found = heard(measure([fold(1, 1.0), fold(2, 0.5), fold(3, 0.9)], RMS, PLAN))
    level = found["level"]
    assert level.worst_condition == "2 hp"
    # The score is the RMS: what is half as loud must become twice as much louder.
    assert level.worst == pytest.approx(2 * PLAN.threshold, rel=0.15)
    alone = [
        heard(measure([fold(n, size)], RMS, PLAN))["level"] for n, size in ((1, 1.0), (2, 0.5), (3, 0.9))
    ]
    energies = np.square([item.alarm - 1 for item in alone])
    bound = energies.mean() + stats.t.ppf(0.95, 2) * np.sqrt(1 + 1 / 3) * energies.std(ddof=1)
    assert level.alarm - 1 == pytest.approx(np.sqrt(bound), rel=0.2)  # a grid of 5 %
    assert level.alarm > level.worst


def test_a_threshold_that_nothing_reaches_is_not_heard_through() -> None:
    found = measure([fold(1), fold(2)], RMS, replace(PLAN, threshold=1e4))
    assert not found.hears
    assert found.statement == "Nothing up to 100 times the healthy vibration raises an alarm"
    assert found.index == pytest.approx(200)
    assert found.to_json()["supported"] is False


def test_a_file_that_does_not_hear_what_its_folds_did_hears_nothing() -> None:
    whole = rms_graph(64, 1)
    whole.graph.node[0].input[1] = "zero"  # its score is 0 whatever comes
    whole.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 64, 1), np.float32), "zero"))
    assert measure([fold(1)], RMS, PLAN).hears
    found = measure([fold(1)], whole.SerializeToString(), PLAN)
    assert all(item.half is not None for item in found.faults if item.kind == "level")
    assert not found.hears


def test_an_alarm_lies_between_the_fit_without_a_condition_and_the_files_own() -> None:
    """The file's graph scores half of what the fold's does: its sizes are those of twice the threshold."""
    whole = rms_graph(64, 1)
    whole.graph.node[0].input[0] = "half"
    whole.graph.node[0].input[1] = "half"
    whole.graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), "factor"))
    whole.graph.node.insert(0, helper.make_node("Mul", ["window", "factor"], ["half"]))
    one, two = (heard(measure([fold(1)], RMS, replace(PLAN, threshold=t)))["noise"].alarm for t in (1.5, 3.0))
    found = heard(measure([fold(1)], whole.SerializeToString(), PLAN))["noise"]
    assert found.alarm == pytest.approx(np.sqrt((one**2 + two**2) / 2), rel=0.03)


def test_what_only_chance_makes_heard_is_not_promised() -> None:
    """Impacts so seldom that less than half of the windows hold one."""
    found = heard(measure([fold(1, rate_hz=6400.0), fold(2, rate_hz=6400.0)], RMS, PLAN))
    seldom = found["impacts 5 Hz at 0.25 of the band"]
    assert seldom.half is None
    assert seldom.worst is not None
    assert seldom.alarm is None


def test_a_sensor_at_its_ranges_end_is_not_counted_as_heard() -> None:
    loud = replace(PLAN, threshold=6.0)
    free = heard(measure([fold(1)], RMS, loud))
    assert free["level"].alarm == pytest.approx(6.0, rel=0.2)
    bound = heard(measure([fold(1)], RMS, replace(loud, range_=8.0)))
    assert bound["level"].alarm is None  # at 3.1 times its level 1 % of the samples are beyond 8
    assert bound["tone 1x"].alarm is None
    wide = heard(measure([fold(1)], RMS, replace(loud, range_=40.0)))
    assert wide["level"].alarm == pytest.approx(free["level"].alarm, rel=STEP - 1 + 1e-6)
    none = heard(measure([fold(1)], RMS, replace(loud, range_=0.5)))
    assert all(item.alarm is None for item in none.values())


def test_delays_and_slow_sensors_have_the_time_they_need() -> None:
    assert measure([fold(1)], RMS, PLAN).within_s == 10.0
    late = measure([fold(1)], RMS, replace(PLAN, policy=AlarmPolicy(on_delay_s=30.0)))
    assert late.within_s == pytest.approx(30 + 0.064 + 5 * 0.032)
    assert heard(late)["level"].alarm is not None
    slow = measure([fold(1, rate_hz=1 / 300)], RMS, PLAN)
    assert slow.within_s == pytest.approx((64 + 5 * 32) * 300)
    assert heard(slow)["level"].alarm is not None


def test_short_recordings_follow_each_other() -> None:
    short = tuple(recording(200, seed=n) for n in range(30))
    found = measure([(Fold("all", (), short), RMS)], RMS, PLAN)
    assert heard(found)["level"].alarm == pytest.approx(1.4, rel=0.2)


def test_windows_with_a_dead_sensor_are_no_material() -> None:
    item = recording(8192, seed=1)
    item.samples[:4096] = 0.0
    found = heard(measure([(Fold("half dead", (), (item,)), RMS)], RMS, PLAN))
    assert found["level"].alarm == pytest.approx(1.4, rel=0.2)
    dead = replace(item, stored=np.zeros_like(item.samples))
    with pytest.raises(FitError, match="no usable window"):
        measure([(Fold("dead", (), (dead,)), RMS)], RMS, PLAN)


def test_the_same_seed_gives_the_same_figures_and_they_survive_the_file() -> None:
    held = [fold(1), fold(2, 0.8)]
    once, again = measure(held, RMS, PLAN), measure(held, RMS, PLAN)
    assert once == again
    assert read_power(json.loads(json.dumps(once.to_json()))) == once
    later = once.to_json() | {"of_a_later_version": 1}
    assert read_power(later) == once


@pytest.fixture(scope="module")
def machine() -> tuple[Recording, ...]:
    return tuple(Machine(11).condition(number) for number in range(4))


def order(**changes: Any) -> Order:
    return Order("gaussian", samples=512, hop=256, **changes)


def test_a_fit_states_what_it_would_hear(machine: Any, tmp_path: Path) -> None:
    fitted = fitting.fit(machine, order())
    path = tmp_path / "machine.onnx"
    fitting.write(fitted, order(), path)
    stated = open_trusted(path).manifest
    assert stated.power["supported"] is True
    assert stated.power["statement"] in manifest_text(stated, path)
    assert "times as high" in stated.power["statement"]
    assert "mm/s" in stated.power["statement"]
    assert stated.power is not None
    assert read_power(stated.power) == fitted.power
    assert "not measured" in manifest_text(replace(stated, power=None), path)


def test_a_deaf_model_is_refused_and_with_best_effort_says_so(machine: Any) -> None:
    """A share of windows that a forest's score, at most 1, cannot exceed."""
    asked = Order("isolation_forest", samples=512, hop=256)
    spread = [
        replace(item, stored=(item.samples * factor).astype(np.float32))
        for item, factor in zip(machine[:2], (1.0, 40.0), strict=True)
    ]
    fitted = fitting.fit(tuple(spread), asked)
    assert not fitted.power.hears
    assert not fitted.calibrated.calibration.supported
    with pytest.raises(FitError, match="nothing up to 100 times the healthy vibration") as refusal:
        trainer.fit(spread, "isolation_forest", samples=512)
    assert refusal.value.exit_code == 65
    model = trainer.fit(spread, "isolation_forest", samples=512, best_effort=True)
    calibration = model.manifest.calibration
    assert not calibration.supported
    assert calibration.statement.startswith("Unsupported: nothing up to 100 times")


def test_the_shafts_speed_and_the_range_can_be_stated(machine: Any) -> None:
    named = fitting.fit(machine, order(speed_hz=40.0, sensor_range=16.0)).power
    assert [item.at_hz for item in named.faults if item.kind == "tone"] == [40.0, 80.0]
    for wrong in ({"speed_hz": 0.0}, {"sensor_range": -1.0}, {"sensor_range": float("nan")}):
        with pytest.raises(trainer.ChoiceError, match="cannot be"):
            fitting.fit(machine, order(**wrong))


def test_what_is_stated_is_heard_on_a_condition_of_its_own(machine: Any) -> None:
    """The whole draw is `python -m tests.benchmarks.power`; here each fault once, well above its size."""
    fitted = fitting.fit(machine, order())
    whole = bytes(fitted.detector.graph().SerializeToString())
    other = Fold("new", (), (Machine(11).condition(9),))
    plan = PowerPlan(fitted.calibrated.threshold.value, AlarmPolicy(), 512, 256, seed=5)
    fresh = heard(measure([(other, whole)], whole, plan))
    for item in fitted.power.faults:
        if item.alarm is not None:
            assert fresh[item.name].alarm <= 1.5 * item.alarm


def test_the_generator_is_seeded_and_its_conditions_differ() -> None:
    once, again = Machine(3).condition(1), Machine(3).condition(1)
    assert once.digest == again.digest
    assert once.digest != Machine(3).condition(2).digest
    levels = [float(Machine(3).condition(number).samples.std()) for number in range(6)]
    assert 0.02 < np.std(np.log(levels)) < 0.5
    assert once.rate_hz == RATE_HZ


def test_the_slow_alarms_size_is_that_of_a_mean_of_logarithms() -> None:
    """The score is the RMS: an average above the threshold takes a level as many times the healthy one."""
    rule = SlowRule(2.0, 1e-3, 1e3, 1.2, 1.1)
    plan = replace(PLAN, slow=rule)
    found = measure([fold(1), fold(2), fold(3)], RMS, plan)
    assert found.slow_s == 4.0
    assert "The slow alarm comes within 4 s of a level 1." in found.statement
    sizes = heard(found)
    assert sizes["noise"].slow < sizes["noise"].alarm
    alone = heard(measure([fold(1)], RMS, plan))["level"].slow
    assert alone - 1 == pytest.approx(0.2 / 0.98, rel=0.15)  # 2 % of the weights are older
    assert alone < sizes["level"].slow < 1.35
    never = heard(measure([fold(1)], RMS, replace(plan, slow=replace(rule, ceiling=1.15))))
    assert all(item.slow is None for item in never.values())
    assert read_power(json.loads(json.dumps(found.to_json()))) == found
    former = found.to_json()
    del former["slow_s"]
    former["faults"] = [{k: v for k, v in item.items() if k != "slow"} for item in former["faults"]]
    assert read_power(former) == measure([fold(1), fold(2), fold(3)], RMS, PLAN)
