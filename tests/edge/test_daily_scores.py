"""Days of normal life: what they teach, and what they must not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.book.commissioning import Commissioning, Doer, Stage
from edge_runtime.book.commissioning_steps import accept
from edge_runtime.calibration.daily_scores import LEAST_DAYS, SCORES, DailyScores, refined_threshold
from edge_runtime.calibration.threshold_methods import conditions_threshold
from edge_runtime.core import LEARNT_HERE
from edge_runtime.models.baseline import Baseline, baseline_folder, read_baseline, write_baseline
from edge_runtime.pipeline.commissioned import read_record
from tests.artefacts import write_artefact
from tests.faults.commissioning_steps import learner_at

RNG = np.random.default_rng(7)


def day(level: float = 0.2) -> list[float]:
    return list(level * np.exp(0.1 * RNG.standard_normal(200)))


def test_a_day_is_given_when_it_is_over_and_was_normal() -> None:
    days = DailyScores(hop_s=0.5, day_s=2000)
    given = [days.add(float(number), normal=True) for number in range(4000)]
    assert [len(scores) for scores in given if scores is not None] == [SCORES]
    assert given[3999] == tuple(float(number) for number in range(3, 4000, 4))
    spoilt = [days.add(1.0, normal=number != 17) for number in range(4000)]
    assert spoilt == [None] * 4000
    again = [days.add(1.0, normal=True) for _ in range(4000)]
    assert again[-1] is not None, "the next day is a day of its own"


def test_days_that_vary_give_what_conditions_give() -> None:
    days = [day(level) for level in (0.2, 0.22, 0.19, 0.21, 0.2)]
    found = refined_threshold(days, in_use=1.0)
    assert found is not None
    named = {f"day {number}": np.array(scores) for number, scores in enumerate(days, 1)}
    assert found.value == conditions_threshold(named, None).value
    assert 0.25 < found.value < 0.5
    assert refined_threshold(days, in_use=found.value * 1.04) is None, "about the same"


@pytest.mark.parametrize(
    "levels",
    [
        (0.2,) * (LEAST_DAYS - 1),
        (0.2, 0.25, 0.3, 0.36, 0.44),  # something goes slowly wrong
        (0.2, 0.25, 0.3, 0.29, 0.36, 0.44, 0.5),
    ],
)
def test_too_few_days_and_days_that_rise_teach_nothing(levels: tuple[float, ...]) -> None:
    assert refined_threshold([day(level) for level in levels], in_use=1.0) is None


def test_a_refined_threshold_is_offered_once_and_counts_when_accepted(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    model = write_artefact(tmp_path / "rms.onnx").read_bytes()
    kept = Baseline("pump", LEARNT_HERE, "0" * 64, None, "from 0.1 h", "", 0)
    write_baseline(state, 1, kept, model)
    learner = learner_at(state)
    record = learner.keep(Commissioning(stage=Stage.ARMED, baseline=1, newest=1))
    for level in (0.2, 0.22, 0.19, 0.21):
        assert learner.refine(record, day(level)) is record
    offered = learner.refine(record, day(0.2))
    assert (offered.baseline, offered.offer, offered.newest) == (1, 2, 2)
    assert "from 5 normal days" in offered.asks
    assert learner.refine(offered, day(0.2)) is offered, "one offer at a time"
    assert read_record(state, "pump") == offered
    taken = learner.keep(accept(offered, 0, Doer("anna", 5)))
    refined, same, _ = read_baseline(state, "pump", taken.baseline)
    assert same == model, "the model itself is as it was"
    assert refined.threshold is not None
    assert 0.25 < refined.threshold < 0.5
    assert read_baseline(state, "pump", 1)[0] == kept, "the old one is kept"
    (baseline_folder(state, "pump", 1).parent / "days.json").write_text("[" * 100_000)
    assert learner.refine(replace(taken), day(0.2)) == taken
