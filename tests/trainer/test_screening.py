"""What is left out of a fit: dead sensors and strangers; counted, named, and accepted only by name."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import trainer
from tests.shared import FULL, needs
from tests.trainer.builders import recording
from tests.trainer.hums import Machine
from trainer import fitting
from trainer.calibration import Order
from trainer.core import ChoiceError, FitError
from trainer.recordings import Recording, check_accepted, cut_out, strangers, towering, unusable
from trainer.recordings.cwru import cwru_list
from trainer.recordings.list_reading import read_recordings

DETECTORS = ("gaussian", "principal_components")


@pytest.fixture(scope="module")
def healthy() -> tuple[Recording, ...]:
    return tuple(Machine(5).condition(number) for number in range(4))


def spoilt(item: Recording, start: int, stop: int, change: Any) -> Recording:
    samples = item.samples.copy()
    samples[start:stop] = change(samples[start:stop])
    return replace(item, stored=samples)


def fit(recordings: Any, detector: str = "gaussian", **changes: Any) -> Any:
    return fitting.fit(tuple(recordings), Order(detector, samples=512, hop=256, **changes))


@pytest.fixture(scope="module", params=DETECTORS)
def clean(request: pytest.FixtureRequest, healthy: Any) -> tuple[str, Any]:
    """A detector, and its fit on nothing but healthy vibration."""
    return request.param, fit(healthy, request.param)


CONTAMINATED = {
    "zeros": lambda part: 0 * part,
    "one value held": lambda part: 0 * part + part[0],
    "one sample of 1000 g": lambda part: np.where(np.arange(len(part))[:, None] == 99, 1000.0, part),
    "a knock on the sensor": lambda part: part * (1 + 30 * np.exp(-np.arange(len(part)) / 50))[:, None],
    "a loose cable": lambda part: 0.01 * part,
    "a burst of noise": lambda part: part + 0.6 * np.random.default_rng(1).standard_normal(part.shape),
    "a radio beside it": lambda part: part + 0.5 * np.sin(np.arange(len(part)) * 1.9)[:, None],
}


@pytest.mark.parametrize("what", CONTAMINATED)
def test_a_twentieth_of_bad_stretches_costs_nothing_and_is_named(
    healthy: Any, clean: tuple[str, Any], what: str
) -> None:
    detector, without = clean
    start, length = 20000, int(0.05 * len(healthy[0].samples))
    parts = [spoilt(item, start, start + length, CONTAMINATED[what]) for item in healthy[:2]]
    found = fit([*parts, *healthy[2:]], detector)
    for fault, clean_one in zip(found.power.faults, without.power.faults, strict=True):
        if clean_one.worst is not None:  # sizes are resolved to 16 %
            assert fault.worst is not None, fault.name
            assert fault.worst < 1.2 * clean_one.worst, fault.name
    said = " ".join(found.calibrated.notes.get(key, "") for key in ("unusable", "towering"))
    assert "5-0.npz at 3." in said
    assert "5-1.npz at 3." in said


def test_a_dead_stretch_is_cut_out_to_the_sample_and_no_window_spans_the_hole(healthy: Any) -> None:
    item = spoilt(healthy[0], 20000, 26000, lambda part: 0 * part)
    found = unusable([item], 512, 256, np.inf)
    assert [(part.start, part.stop) for part in found] == [(20000, 26000)]
    assert str(found[0]) == "5-0.npz at 3.125 to 4.062 s (stuck: x)"
    left = cut_out([item], found, 512)
    assert [(part.offset, len(part.stored)) for part in left] == [(0, 20000), (26000, 50800)]
    assert (left[1].samples == item.samples[26000:]).all()
    assert cut_out(left, found, 512) == left  # parts keep their place in the file
    assert [len(part.stored) for part in cut_out([item], found, 30000)] == [50800]


def test_a_saturated_stretch_is_left_out_where_the_range_is_known(healthy: Any) -> None:
    loud = spoilt(healthy[0], 10000, 14000, lambda part: np.clip(100 * part, -2.0, 2.0))
    assert not unusable([loud], 512, 256, np.inf)
    found = unusable([loud], 512, 256, 2.0)
    assert found
    assert all(part.start >= 9000 and part.stop <= 15000 for part in found)
    assert all(part.what == "saturated: x" for part in found)


def test_a_stranger_is_learnt_from_once_it_is_accepted(healthy: Any) -> None:
    odd = [spoilt(healthy[0], 30000, 30001, lambda part: 1000 + part), *healthy[1:]]
    named = fit(odd)
    accepted = fit(odd, accept=("towering",))
    assert "peak" in named.calibrated.notes["towering"]
    assert "towering" not in accepted.calibrated.notes
    assert accepted.calibrated.threshold.value > 100 * named.calibrated.threshold.value


def test_more_than_a_tenth_is_how_the_machine_is() -> None:
    item = recording(64 * 100, seed=1)
    often, seldom = (spoilt(item, 0, count * 64, lambda part: 10 * part) for count in (15, 5))
    assert not strangers([often], 64, 64)
    assert len(strangers([seldom], 64, 64)) == 5


def test_towering_scores_are_found_by_condition_and_in_any_unit() -> None:
    rng = np.random.default_rng(0)
    item = recording(64 * 1000, seed=1)
    for scores in (rng.exponential(size=1000), rng.lognormal(size=1000), rng.standard_normal(1000) - 5):
        assert towering([(item, scores)], 64, 64) == []
        odd = scores.copy()
        odd[[17, 500]] = scores.max() + 3000 * np.ptp(scores)
        assert [part.start for part in towering([(item, odd)], 64, 64)] == [17 * 64, 500 * 64]
    other = replace(item, condition="louder")
    pair = [(item, rng.exponential(size=1000)), (other, 1e6 * rng.exponential(size=1000))]
    assert towering(pair, 64, 64) == []
    assert towering([(item, np.ones(1000))], 64, 64) == []
    assert towering([(item, np.array([1.0, 1.1, 9e9]))], 64, 64) == []  # too few to say what is usual


def test_nothing_healthy_left_is_said_with_its_reason(healthy: Any) -> None:
    dead = [replace(item, stored=np.repeat(item.samples[::512], 512, axis=0)) for item in healthy]
    with pytest.raises(FitError, match=r"nothing healthy is left to learn from: left out .* \(stuck: x"):
        fit(dead)


def test_one_condition_keeps_its_blocks_where_a_stretch_is_missing(healthy: Any) -> None:
    item = spoilt(healthy[0], 600, 2000, lambda part: 0 * part)
    found = fit([item])
    assert "0.09375 to 0.3125 s" in found.calibrated.notes["unusable"]
    assert found.power.hears


def test_misspelt_guards_are_refused_by_every_door(healthy: Any, tmp_path: Any) -> None:
    with pytest.raises(ChoiceError, match=r"no guard 'towring'. Did you mean 'towering'\? There are: rate"):
        check_accepted(("rate", "towring"))
    for call in (trainer.fit, trainer.compare):
        with pytest.raises(ChoiceError, match="there is no guard 'foo'"):
            call(list(healthy), accept=["foo"])
    with pytest.raises(ChoiceError, match="there is no guard 'foo'"):
        fitting.fit_list(tmp_path / "no.csv", Order("gaussian", accept=("foo",)), tmp_path / "m.onnx")


@needs("cwru")
@pytest.mark.parametrize("detector", DETECTORS)
def test_nothing_of_the_published_healthy_recordings_is_left_out(detector: str) -> None:
    rows = [item for item in cwru_list(FULL / "cwru") if item.normal]
    found = fitting.fit(read_recordings(rows), Order(detector))
    assert {"unusable", "towering"}.isdisjoint(found.calibrated.notes)
