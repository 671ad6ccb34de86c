"""Windows as the edge cuts them, folds by condition and block, and leaks between folds."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.analysis.windows import Windower
from edge_runtime.core.records import Frame
from tests.shared import FULL, needs
from tests.trainer.builders import recording
from tests.trainer.sample import sample
from trainer.core.errors import RecordingError
from trainer.recordings import folds
from trainer.recordings.cwru import cwru_list
from trainer.recordings.file_reading import read_recording


@pytest.mark.parametrize(("samples", "hop"), [(64, 64), (64, 16), (100, 33)])
def test_windows_are_cut_where_the_edge_cuts_them(samples: int, hop: int) -> None:
    whole = recording(count=1000, channels=2)
    windower = Windower(samples, hop, 2, whole.rate_hz)
    seen = []
    for number, start in enumerate(range(0, 1000, 37)):
        part = whole.samples[start : start + 37]
        frame = Frame(0, 0, number, round(start * 1e6 / whole.rate_hz), whole.rate_hz, 1.0, 0, part)
        seen += [window.samples.copy() for window in windower.push(frame)[0]]
    cut = folds.cut_windows(whole, samples, hop)
    assert cut.dtype == np.float32
    np.testing.assert_array_equal(cut, np.stack(seen))


def test_a_recording_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(RecordingError, match="63 samples, shorter than one window of 64"):
        folds.cut_windows(recording(count=63), 64, 64)


def test_the_digest_is_of_the_numbers_in_order() -> None:
    cut = folds.cut_windows(recording(), 64, 64)
    assert folds.windows_digest(cut) == hashlib.sha256(cut.tobytes()).hexdigest()
    assert folds.windows_digest(cut) != folds.windows_digest(cut[::-1])


def test_each_condition_is_left_out_once() -> None:
    names = ("a", "b", "a", "c")
    whole = [recording(seed=i, condition=name) for i, name in enumerate(names)]
    parts = folds.leave_out_conditions(whole)
    assert [fold.name for fold in parts] == ["a", "b", "c"]
    for fold in parts:
        assert {item.condition for item in fold.held} == {fold.name}
        assert fold.name not in {item.condition for item in fold.train}
        assert len(fold.train) + len(fold.held) == 4
    assert folds.leave_out_conditions(whole[:1]) == ()


def test_blocks_share_no_sample_and_lose_none() -> None:
    whole = recording(count=1000)
    parts = folds.leave_out_blocks([whole], 64)
    assert len(parts) == folds.BLOCKS
    joined = np.concatenate([item.samples for fold in parts for item in fold.held])
    np.testing.assert_array_equal(joined, whole.samples)
    for fold in parts:
        folds.check_folds_apart(fold.train, fold.held)


def test_blocks_of_recordings_of_unequal_length() -> None:
    parts = folds.leave_out_blocks([recording(count=200), recording(count=1000, seed=1)], 64)
    assert all(fold.train and fold.held for fold in parts)
    assert sum(len(item.samples) for fold in parts for item in fold.held) == 1200
    with pytest.raises(RecordingError, match="too few to learn from one part and test on another"):
        folds.leave_out_blocks([recording(count=127)], 64)


def test_shared_samples_are_found_wherever_they_lie() -> None:
    learnt, other = recording(count=5000), recording(count=5000, seed=1)
    folds.check_folds_apart([learnt], [other])
    inside = np.concatenate([other.samples[:777], learnt.samples[1234:1534], other.samples[777:]])
    with pytest.raises(RecordingError, match="are also in"):
        folds.check_folds_apart([learnt], [replace(other, stored=inside)])


def test_the_sample_recordings_are_apart() -> None:
    normal = [item for item in sample() if item.label == "normal"]
    for fold in folds.leave_out_conditions(normal):
        folds.check_folds_apart(fold.train, fold.held)


@needs("cwru")
def test_the_recording_hidden_in_99_is_found_to_be_98() -> None:
    rows = {item.file.stem: item for item in cwru_list(FULL / "cwru")}
    first, second = read_recording(rows["98"]), read_recording(replace(rows["99"], signals=("X098_DE_time",)))
    with pytest.raises(RecordingError, match=r"are also in .*98\.mat"):
        folds.check_folds_apart([first], [second])
