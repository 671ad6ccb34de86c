"""Metrics against scikit-learn and counts by hand, and recordings through the edge's stages."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn import metrics

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.models import scorer
from tests.artefacts import write_artefact
from tests.trainer.builders import recording
from trainer.core.errors import RecordingError
from trainer.evaluation import tables
from trainer.evaluation.metrics import by_window, evaluate
from trainer.evaluation.replay import judge, score_recording


@pytest.fixture
def artefact(tmp_path: Path) -> Any:
    return scorer.open_trusted(write_artefact(tmp_path / "rms.onnx"))


def test_a_recording_through_the_edges_stages(artefact: Any) -> None:
    loud = recording(1000, level=2.0)
    seen = score_recording(artefact, loud)
    expected = [np.sqrt(np.mean(loud.samples[start : start + 64] ** 2)) for start in range(0, 1000 - 63, 32)]
    np.testing.assert_allclose(seen.scores, expected, rtol=1e-5)
    np.testing.assert_array_equal(seen.times_us, [64_000 + 32_000 * i for i in range(len(expected))])
    assert seen.alarms_us == (96_000,)  # two of three windows: the second one's end
    assert [verdict.score for verdict in seen.verdicts] == pytest.approx(expected, rel=1e-5)


def test_a_dead_sensor_is_no_anomaly(artefact: Any) -> None:
    samples = np.random.default_rng(0).normal(0, 0.3, (2000, 1)).astype(np.float32)
    samples[600:1000] = 0.1
    dead = score_recording(artefact, replace(recording(2000), stored=samples))
    assert sum(bool(text) for text in dead.problems) == int(np.isnan(dead.scores).sum()) > 8
    assert dead.alarms_us == ()


def test_the_figures_of_a_known_case(artefact: Any) -> None:
    parts = [
        recording(6400, seed=1, level=0.3),
        recording(6400, seed=2, level=0.2, condition="1 hp"),
        recording(6400, seed=3, level=3.0, label="worn"),
        recording(6400, seed=4, level=0.4, label="slightly worn"),
    ]
    found = evaluate(artefact, parts)
    each = 199  # windows of 64, 32 apart
    window, alarm = found.by_window, found.by_alarm
    assert (window.true_alarms, window.false_alarms, window.missed, window.true_calm) == (
        each,
        0,
        each,
        2 * each,
    )
    assert (window.precision, window.recall, window.missed_rate) == (1.0, 0.5, 0.5)
    assert window.f1 == pytest.approx(2 / 3)
    assert (alarm.faulty, alarm.caught, alarm.false_alarms) == (2, 1, 0)
    assert alarm.normal_hours == pytest.approx(12.8 / 3600)
    assert alarm.median_delay_s == pytest.approx(0.096)
    assert [row.right for row in found.by_recording] == [True, True, True, False]


def test_window_figures_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0, 1, 300), rng.normal(1, 1, 200)]).round(2)
    faulty = np.arange(500) >= 300
    found = by_window(scores, faulty, 0.5)
    above = scores > 0.5
    assert found.precision == pytest.approx(metrics.precision_score(faulty, above))
    assert found.recall == pytest.approx(metrics.recall_score(faulty, above))
    assert found.f1 == pytest.approx(metrics.f1_score(faulty, above))
    assert found.false_alarm_rate == pytest.approx((above & ~faulty).sum() / 300)
    pairs = scores[faulty][:, None] - scores[~faulty][None, :]
    assert found.auroc == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert found.auroc == pytest.approx(metrics.roc_auc_score(faulty, scores), rel=1e-12)
    assert found.auprc == pytest.approx(metrics.average_precision_score(faulty, scores), rel=1e-12)
    assert found.one_minus_auroc == pytest.approx(1 - found.auroc)


def test_average_precision_is_at_most_one() -> None:
    for count in range(2, 200):
        faulty = np.arange(count) > 0
        assert by_window(np.arange(count, dtype=np.float64), faulty, 0.5).auprc <= 1.0


def test_shares_of_nothing_are_not_zero(artefact: Any) -> None:
    found = evaluate(artefact, [recording(640, level=0.3)])
    assert math.isnan(found.by_window.recall)
    assert math.isnan(found.by_window.auroc)
    body = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert body["by_window"]["recall"] is None
    assert body["by_window"]["false_alarm_rate"] == 0.0
    assert body["by_recording"][0]["delay_s"] is None


def test_the_tables_show_what_was_wrong(artefact: Any) -> None:
    found = evaluate(artefact, [recording(640, level=3.0), recording(640, seed=1, level=0.1, label="worn")])
    wide = Console(record=True, width=140)
    with wide.capture() as text:
        wide.print(tables.recordings_table(found), tables.summary_table(found))
    assert "normal (false alarm)" in text.get()
    assert "worn (missed)" in text.get()
    assert "0 of 1" in text.get()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_hz": 48000.0}, "rate_hz is 48000.0, the model 'rms' was made for 1000.0"),
        ({"channels": 2}, "channels is x y, the model 'rms' was made for x"),
        ({"count": 63}, "63 samples, the model takes windows of 64"),
    ],
)
def test_recordings_that_disagree_with_the_model_are_refused(
    artefact: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        evaluate(artefact, [recording(**changes)])


def test_nothing_to_evaluate(artefact: Any) -> None:
    with pytest.raises(RecordingError, match="no recordings"):
        evaluate(artefact, [])


def test_judging_scores_skips_sensor_faults() -> None:
    scores = np.array([2, np.nan, 2, 0, 0, 0], np.float32)
    times = np.arange(6) * 1_000_000
    verdicts = list(judge(scores, times, 1.0, AlarmPolicy(votes=(2, 2), off_delay_s=0.0)))
    assert [verdict.transition for verdict in verdicts] == [None, "new", "end", None, None]
