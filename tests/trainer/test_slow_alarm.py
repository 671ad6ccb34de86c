"""The slow alarm from a fit to the file, and through the edge's stages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.models import open_trusted
from tests.trainer.builders import recording
from trainer import fitting
from trainer.core.errors import ChoiceError, FitError
from trainer.evaluation import score_recording
from trainer.export import manifest_text
from trainer.fitting import Order

ORDER = Order("gaussian", samples=64, hop=32, power=False, slow_s=2.0)
RATE_HZ = 1000.0


def hums(seconds: float = 60.0, conditions: int = 4) -> Any:
    """Noise of a machine in conditions that differ by a few percent."""
    count = round(seconds * RATE_HZ)
    return tuple(
        recording(count, seed=seed, condition=f"{seed} hp", level=1.0 + 0.01 * seed)
        for seed in range(conditions)
    )


def written(folder: Path, order: Order, recordings: Any) -> Any:
    path = folder / "model.onnx"
    manifest = fitting.write(fitting.fit(recordings, order), order, path)
    return open_trusted(path), manifest_text(manifest, path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return written(tmp_path_factory.mktemp("slow"), ORDER, hums())


def test_a_file_says_when_averages_raise_an_alarm(model: Any) -> None:
    artefact, text = model
    room = artefact.manifest.slow_alarm
    assert room["span_s"] == 2.0
    assert 0 < room["end"] < room["threshold"] < artefact.manifest.threshold
    assert "slow alarm   An alarm, too, where scores are above" in text
    assert "the largest averages of 4 conditions bound those of one never seen" in text


def test_windows_below_the_threshold_alarm_together_and_new_conditions_do_not(model: Any) -> None:
    artefact, _ = model
    healthy = score_recording(artefact, recording(20_000, seed=9, level=1.02))
    assert healthy.alarms_us == ()
    louder = score_recording(artefact, recording(20_000, seed=10, level=1.7))
    assert np.mean(louder.scores > artefact.manifest.threshold) < 0.1
    assert len(louder.alarms_us) == 1
    (new,) = (item for item in louder.verdicts if item.transition == "new")
    assert new.alarm is not None
    assert new.alarm.reason.startswith("slow: ")
    without = replace(artefact, manifest=replace(artefact.manifest, slow_alarm=None))
    assert score_recording(without, louder.recording).alarms_us == ()


def test_a_short_list_has_none_unless_it_is_asked_for(tmp_path: Path) -> None:
    artefact, text = written(tmp_path, replace(ORDER, slow_s=None), hums(10.0))
    assert artefact.manifest.slow_alarm is None
    assert "slow alarm   none" in text


def test_of_one_condition_blocks_are_averaged_over_in_order() -> None:
    order = replace(ORDER, augment="off")
    slow = fitting.fit(hums(60.0, 1), order).calibrated.slow_alarm
    assert slow is not None
    assert slow["run_length_h"] == pytest.approx((60 - 2) / 3600 / 2.996, rel=0.05)


def test_what_the_data_cannot_support_is_refused_or_left_out_with_a_note() -> None:
    with pytest.raises(FitError, match="as long as the 100 s"):
        fitting.fit(hums(10.0, 2), replace(ORDER, slow_s=100.0))
    found = fitting.fit(hums(10.0, 2), replace(ORDER, slow_s=100.0, best_effort=True)).calibrated
    assert found.slow_alarm is None
    assert "none: no recording of" in found.notes["slow_alarm"]


@pytest.mark.parametrize("seconds", [-1.0, 1e6, float("nan")])
def test_a_span_that_cannot_be_is_refused(seconds: float) -> None:
    with pytest.raises(ChoiceError, match="cannot average over"):
        replace(ORDER, slow_s=seconds).check()
