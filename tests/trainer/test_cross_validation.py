"""Cross-validation and the choice of a method: thresholds, statements and refusals."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_runtime.calibration import threshold_methods
from edge_runtime.models.scorer import Graph
from tests.artefacts import rms_graph
from tests.trainer.builders import recording
from trainer.calibration.choice import CalibrationPlan
from trainer.calibration.cross_validation import calibrate, context_of, training
from trainer.core.errors import ChoiceError, FitError, RecordingError
from trainer.recordings.augment import Augmentation, parse_augmentation

SEEN: list[Any] = []


def fit_rms(windows: Any, context: Any) -> Any:
    """A real graph, whose score is the window's rms whatever it was fitted on."""
    SEEN.append((len(windows), context))
    return rms_graph(64, windows.shape[2]).SerializeToString()


def normals(levels: Any, count: int = 6464, **changes: Any) -> Any:
    return [
        recording(count, seed=i, level=level, condition=f"{i} hp", **changes)
        for i, level in enumerate(levels)
    ]


def run(recordings: Any, **plan: Any) -> Any:
    SEEN.clear()
    return calibrate(fit_rms, recordings, CalibrationPlan(64, 64, **plan), context_of(recordings))


def test_each_condition_is_left_out_refitted_and_scored() -> None:
    parts = normals([1.0, 1.1, 1.3])
    found = run(parts)
    assert [count for count, _ in SEEN] == [202, 202, 202]
    assert [item.recording.condition for item in found.held] == ["0 hp", "1 hp", "2 hp"]
    graph = Graph(rms_graph(64, 1).SerializeToString(), "test")
    scores = {item.condition: graph.score(item.samples.reshape(-1, 64, 1)) for item in parts}
    assert found.threshold.value == threshold_methods.conditions_threshold(scores, None).value
    assert found.calibration.method == "conditions"
    assert found.calibration.conditions == ("0 hp", "1 hp", "2 hp")
    assert found.calibration.windows == 303
    assert found.calibration.supported
    assert found.calibration.quantiles["1"] == max(part.max() for part in scores.values())
    assert "3 conditions were left out in turn" in found.calibration.statement


def test_conditions_of_several_recordings_are_left_out_whole() -> None:
    parts = [recording(6464, seed=i, condition=name) for i, name in enumerate("abab")]
    found = run(parts)
    assert [count for count, _ in SEEN] == [202, 202]
    assert [item.recording.condition for item in found.held] == ["a", "a", "b", "b"]


def test_two_conditions_are_said_to_be_few_and_what_would_help() -> None:
    said = run(normals([1.0, 1.1])).calibration.statement
    # Student's t with one degree of freedom at 95 %, 6.314, times the root of 3/2; then 2.920 and 4/3.
    assert "From 2 conditions this threshold is set very high, 7.7 times their spread above" in said
    assert "with one more it would be 3.4 times: record the healthy machine at another load" in said
    assert "very high" not in run(normals([1.0, 1.1, 1.3])).calibration.statement


def test_one_condition_is_cut_into_blocks_and_the_file_says_so() -> None:
    found = run(normals([1.0]))
    assert len(SEEN) == 5
    assert found.calibration.method == "quantile"
    assert found.calibration.conditions == ("0 hp",)
    assert "no unseen condition was tried" in found.calibration.statement


def test_one_condition_widened_covers_what_it_says() -> None:
    plain, wide = run(normals([1.0])), run(normals([1.0]), augmentation=Augmentation(gain=(0.5, 2.0)))
    # rms scores scale with the gain; its largest held-out variant is twice as loud.
    assert wide.threshold.value == pytest.approx(2 * plain.threshold.value, rel=0.05)
    assert wide.threshold.rate == pytest.approx(plain.threshold.rate, rel=0.1)
    assert "gain 0.5 to 2" in wide.calibration.statement


def test_faulty_recordings_are_not_learnt_from() -> None:
    parts = [*normals([1.0, 1.1]), recording(seed=9, level=30.0, label="worn", condition="0 hp")]
    assert run(parts).threshold.value == run(parts[:2]).threshold.value
    windows, context = training(parts, CalibrationPlan(64, 64), context_of(parts))
    assert (len(windows), context.labels) == (202, ())
    windows, context = training(parts, CalibrationPlan(64, 64, supervised=True), context_of(parts))
    assert len(windows) == len(context.labels) == 202 + 64
    assert context.reference == pytest.approx(np.sqrt((1 + 1.21) / 2), rel=0.02)


def test_f1_uses_labelled_windows_and_promises_nothing() -> None:
    parts = [*normals([1.0, 1.1]), recording(seed=9, level=3.0, label="worn", condition="0 hp")]
    found = run(parts, method="f1")
    assert 1.5 < found.threshold.value < 2.6
    assert not found.calibration.supported
    assert found.calibration.windows == 202 + 64


@pytest.mark.parametrize(
    ("parts", "plan", "message"),
    [
        (normals([1.0, 1.1]), {"rate": 0.001}, "has 101 independent windows, a rate of 0.001 needs 999"),
        (normals([1.0]), {"rate": 0.001}, "cannot support a false-alarm rate of 0.001"),
        (normals([1.0, 1.1]), {"rate": 0.0}, "rate of 0 is not between 0 and 1"),
        (normals([1.0, 1.1]), {"rate": 1.5, "best_effort": True}, "rate of 1.5 is not between"),
        (normals([1.0], count=100), {}, "too few to learn from one part and test on another"),
        (normals([1.0], label="worn"), {}, "no normal recordings to learn from"),
        (normals([1.0, 1.1]), {"method": "f1"}, "F1 needs windows of normal and of faulty"),
        (normals([1.0]), {"method": "conditions"}, "an unseen one cannot be predicted"),
    ],
)
def test_what_the_data_cannot_support_is_refused(parts: Any, plan: dict[str, Any], message: str) -> None:
    with pytest.raises(FitError, match=message) as caught:
        run(parts, **plan)
    assert caught.value.exit_code == 65
    assert caught.value.remedy


def test_best_effort_says_that_it_is() -> None:
    found = run(normals([1.0, 1.1]), rate=0.001, best_effort=True)
    assert not found.calibration.supported
    assert found.calibration.statement.startswith("Unsupported:")
    assert "supports best" not in found.calibration.statement
    assert found.threshold.value == found.calibration.quantiles["1"]


@pytest.mark.parametrize("plan", [{"rate": 0.0}, {"budget": "soon"}])
def test_senseless_questions_are_refused_before_anything_is_fitted(plan: dict[str, Any]) -> None:
    with pytest.raises(FitError):
        run(normals([1.0, 1.1]), **plan)
    assert SEEN == []


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ({"method": "budget"}, "needs a budget"),
        ({"method": "quantile", "budget": "1/month"}, "does not count alarms"),
        ({"method": "f1", "rate": 0.1}, "does not count windows"),
        ({"budget": "20/hour", "rate": 0.1}, "does not count windows"),
    ],
)
def test_wishes_that_a_method_would_not_hear_are_refused(plan: dict[str, Any], what: str) -> None:
    with pytest.raises(ChoiceError, match=what):
        run(normals([1.0, 1.1]), **plan)
    assert SEEN == []


def test_variants_of_what_was_recorded_are_no_further_hours_for_a_budget() -> None:
    # A twenty-fifth of the 540 s that 20/hour takes, at 25 speeds and levels each.
    short, widened = normals([1.0], count=40_000), parse_augmentation("speed=0.96..1.04,gain=0.7..1.4")
    with pytest.raises(FitError, match=r"0\.0111 hours") as caught:
        run(short, budget="20/hour", augmentation=widened)
    assert "0.1387 h of 0 hp more" in caught.value.remedy
    assert SEEN == []
    found = run(
        normals([1.0], count=700_000), budget="20/hour", augmentation=parse_augmentation("gain=0.9..1.1")
    )
    assert "in 1 operating condition," in found.calibration.statement
    hours = float(re.search(r"in ([0-9.]+) hours", found.calibration.statement)[1])
    assert 0.9 * 700 / 3600 < hours <= 700 / 3600


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ChoiceError, match="no method 'median'"):
        run(normals([1.0]), method="median")


def test_the_manifest_is_told_what_was_widened_and_never_tried() -> None:
    assert run(normals([1.0, 1.1])).notes == {"recorded": "12.9 s of normal vibration in 2 recordings"}
    longer = run(normals([1.0], count=150_000)).notes["recorded"]
    assert longer == "2.5 minutes of normal vibration in 1 recording"
    notes = run(normals([1.0]), augmentation=Augmentation(gain=(0.5, 2.0))).notes
    assert notes["augmentation"] == "speed 0.96 to 1.04, gain 0.5 to 2"
    assert notes["unsupported"].startswith("every operating condition but 0 hp")
    assert "none was recorded" in run(normals([1.0])).notes["unsupported"]


def test_a_budget_is_counted_in_alarms_and_refused_with_the_hours_missing() -> None:
    # 640 000 samples are 640 s; three times a twentieth of an hour is 540 s.
    parts = normals([1.0, 1.1], count=640_000)
    found = run(parts, budget="20/hour")
    assert found.calibration.method == "budget"
    assert found.calibration.supported
    assert found.threshold.value < found.calibration.quantiles["1"]  # votes forgive single windows
    with pytest.raises(FitError, match="cannot show 1/month") as caught:
        run(parts, budget="1/month")
    assert "h of 0 hp" in caught.value.remedy
    assert not run(parts, budget="1/month", best_effort=True).calibration.supported


def test_tail_promises_what_counting_cannot() -> None:
    parts = normals([1.0])
    counted, fitted = run(parts), run(parts, method="tail")
    assert fitted.threshold.rate < counted.threshold.rate / 10
    assert fitted.threshold.value > counted.threshold.value
    assert "Method tail was asked for" in fitted.calibration.statement


def test_blocks_that_widening_leaves_empty_are_said_as_such() -> None:
    """Five blocks of 150 samples: at another speed the filters take what a window of 128 would need."""
    item = replace(recording(750, seed=1, rate_hz=1000.0), lowpass_hz=300.0)
    plan, said = (
        CalibrationPlan(128, 64, augmentation=Augmentation()),
        r"are left of 'r1 speed=.*', fewer than",
    )
    with pytest.raises(RecordingError, match=said) as refusal:
        calibrate(fit_rms, [item], plan, context_of([item]))
    assert "--augment off" in refusal.value.remedy
