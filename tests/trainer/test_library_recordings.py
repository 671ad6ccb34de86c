"""Recordings from arrays, tables and single files are those that a list names."""

import math
from typing import Any

import numpy as np
import pytest

import trainer
from tests.shared import SAMPLE
from tests.trainer.sample import sample


def test_one_file_is_read_as_a_line_of_a_list_is() -> None:
    listed = sample()[3]
    terms: dict[str, Any] = {"rate_hz": 48000, "target_rate_hz": 12000, "lowpass_hz": 5000}
    read = trainer.recording_from_file(
        SAMPLE / "cwru" / "100.mat", channels=["DE"], unit="g", condition="3 hp", **terms
    )
    assert (read.digest, read.name, read.condition) == (listed.digest, listed.name, listed.condition)
    with pytest.raises(trainer.RecordingError, match="no such file"):
        trainer.recording_from_file("none.mat", channels=["DE"], unit="g")
    with pytest.raises(trainer.RecordingError, match="rate_hz is blank"):
        trainer.recording_from_file(SAMPLE / "cwru" / "100.mat", channels=["DE"], unit="g")


class Frame:
    """The least of a DataFrame: named columns that numpy reads."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.stack(list(self._columns.values()), axis=1).astype(dtype or float)


def test_a_table_becomes_a_recording_wherever_its_label_or_condition_changes() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 300))
    states = ["normal"] * 200 + ["knocking"] * 100
    loads = ["half"] * 100 + ["full"] * 200
    for table in (
        Frame(x=x, y=y, state=states, load=loads),
        {"x": x, "y": y, "state": states, "load": loads},
    ):
        found = trainer.recordings_from_table(table, rate_hz=1000, label="state", condition="load")
        assert [(item.label, item.condition, len(item.samples)) for item in found] == [
            ("normal", "half", 100),
            ("normal", "full", 100),
            ("knocking", "full", 100),
        ]
        assert [item.name for item in found] == ["rows 0 to 99", "rows 100 to 199", "rows 200 to 299"]
        assert found[0].channels == ("x", "y")
        np.testing.assert_allclose(found[1].samples[:, 1], y[100:200], rtol=1e-6)
    (only,) = trainer.recordings_from_table({"x": x, "y": y}, rate_hz=1000, channels=["y"], unit="m/s2")
    assert (only.label, only.condition, only.channels, only.unit) == ("normal", "recorded", ("y",), "m/s2")
    with pytest.raises(trainer.RecordingError, match="no column 'z'"):
        trainer.recordings_from_table({"x": x}, rate_hz=1000, channels=["z"])
    with pytest.raises(trainer.RecordingError, match="no column of samples"):
        trainer.recordings_from_table({"label": ["normal"]}, rate_hz=1000)


def test_a_frame_names_the_channels_of_its_array() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 300))
    found = trainer.recording_from_array(Frame(x=x, y=y), rate_hz=1000)
    assert found.channels == ("x", "y")
    assert trainer.recording_from_array(np.stack([x, y], axis=1), rate_hz=1000).channels == ("ch0", "ch1")
    assert trainer.recording_from_array(x.tolist(), rate_hz=1000).samples.shape == (300, 1)


def test_arrays_are_resampled_and_filtered_as_listed_files_are() -> None:
    listed = sample()[3]
    from scipy.io import loadmat  # noqa: PLC0415  the only test that reads a .mat itself

    raw = loadmat(SAMPLE / "cwru" / "100.mat")["X100_DE_time"]
    made = trainer.recording_from_array(
        raw, rate_hz=48000, target_rate_hz=12000, lowpass_hz=5000, channels=["DE"]
    )
    assert made.digest == listed.digest
    assert made.rate_hz == 12000


GOOD = np.random.default_rng(0).normal(size=(200, 1))


@pytest.mark.parametrize(
    ("samples", "changes", "what"),
    [
        (np.where(np.arange(200) == 7, np.nan, GOOD[:, 0]), {}, "holds nan at sample 7"),
        (np.ones(200), {}, "is constant"),
        (GOOD[:9], {}, "9 samples, fewer than 64"),
        (GOOD, {"rate_hz": 0.0}, "rate_hz is 0"),
        (GOOD, {"rate_hz": math.nan}, "rate_hz is nan"),
        (GOOD, {"lowpass_hz": -1.0}, "lowpass_hz is -1"),
        (GOOD, {"channels": ["x", "y"]}, "1 columns for the channels x, y"),
        (GOOD, {"label": "Normal"}, "seems to mean the healthy machine"),
        (GOOD[None], {}, r"shape \(1, 200, 1\)"),
        (np.zeros((0, 1)), {}, "shape"),
        (["a", "b"], {}, "not numbers"),
        (GOOD + 1j, {}, "not numbers"),
    ],
)
def test_arrays_that_cannot_be_learnt_from_are_refused_with_the_remedy(
    samples: Any, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(trainer.RecordingError, match=what) as refused:
        trainer.recording_from_array(samples, **{"rate_hz": 1000.0, **changes})
    assert refused.value.remedy
