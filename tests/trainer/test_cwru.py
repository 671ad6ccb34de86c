"""The CWRU table against the index, the sample and the full recordings."""

from pathlib import Path

import pytest
import scipy.io

from tests.shared import FULL, SAMPLE, needs
from tests.trainer.builders import mat, noise
from tests.trainer.sample import sample
from trainer.core.errors import RecordingError
from trainer.recordings.cwru import FILES, cwru_list
from trainer.recordings.list_reading import read_recordings
from trainer.recordings.listing import write_list


def test_the_sample_is_as_its_list_says(tmp_path: Path) -> None:
    write_list(cwru_list(SAMPLE / "cwru"), tmp_path / "list.csv")
    lines = (SAMPLE / "cwru.csv").read_text().splitlines()
    assert [line.split(",", 1)[1] for line in (tmp_path / "list.csv").read_text().splitlines()] == [
        line.split(",", 1)[1] for line in lines
    ]
    found = {item.name: item for item in sample()}
    assert sorted(found) == ["100", "107", "120", "132", "97", "98", "99"]
    assert all((item.rate_hz, item.lowpass_hz) == (12000.0, 5000.0) for item in found.values())
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 3_000_000


def test_the_table_says_what_the_index_says() -> None:
    rows = {item.file.stem: item for item in cwru_list(SAMPLE / "cwru")}
    for number, item in rows.items():
        assert FILES[int(number)] == (item.label, item.condition, item.rate_hz)


def test_unknown_numbers_are_refused(tmp_path: Path) -> None:
    mat(tmp_path / "101.mat", X101_DE_time=noise())
    with pytest.raises(RecordingError, match="101 is not the number"):
        cwru_list(tmp_path)
    with pytest.raises(RecordingError, match="holds no CWRU recordings"):
        cwru_list(tmp_path / "none")


@needs("cwru")
def test_the_full_recordings_read_and_the_table_agrees() -> None:
    rows = cwru_list(FULL / "cwru")
    for item in rows:
        assert FILES[int(item.file.stem)] == (item.label, item.condition, item.rate_hz)
    assert len(rows) == 69
    traps = [item for item in rows if item.file.stem in {"99", "174", "3001", "3008"}]
    for recording in read_recordings(traps):
        raw = scipy.io.loadmat(recording.file)
        key = {"99": "X099_DE_time", "174": "X173_DE_time", "3001": "X056_DE_time", "3008": "X051_DE_time"}
        assert recording.samples.mean() == pytest.approx(raw[key[recording.name]].mean(), abs=2e-4)
