"""Recordings lists: what is accepted, and what each refusal says."""

from pathlib import Path
from typing import Any

import pytest

from tests.shared import SAMPLE
from tests.trainer.builders import write_lines
from trainer.core.errors import RecordingError
from trainer.recordings.listing import read_list, write_list

GOOD = "a.mat,vib,normal,0 hp,12000,12000,5000,DE,g"
LIST_FAULTS = {
    "a.mat,vib,normal": "3 fields instead of 9",
    ",vib,normal,0 hp,12000,,,DE,g": "file is blank",
    "a.mat,vib,,0 hp,12000,,,DE,g": "label is blank",
    "a.mat,vib,normal,,12000,,,DE,g": "condition is blank",
    "a.mat,vib,normal,0 hp,12k,,,DE,g": "rate_hz is '12k'",
    "a.mat,vib,normal,0 hp,0,,,DE,g": "rate_hz is '0'",
    "a.mat,vib,normal,0 hp,nan,,,DE,g": "rate_hz is 'nan'",
    "a.mat,vib,normal,0 hp,-5,,,DE,g": "rate_hz is '-5'",
    "a.mat,vib,normal,0 hp,12000,48000,,DE,g": "target_rate_hz 48000 is above rate_hz 12000",
    "a.mat,vib,normal,0 hp,12000,,5900,DE,g": "lowpass_hz 5900 leaves no room",
    "a.mat,vib,normal,0 hp,12000,,,,g": "channels is blank",
    "a.mat,vib,normal,0 hp,12000,,,DE DE,g": "named twice",
    "a.mat,a b,normal,0 hp,12000,,,x y z,g": "2 signals for 3 channels",
    "a.mat,vib,normal,0 hp,12000,,,DE,": "unit is blank",
    "a.mat,vib,Normal,0 hp,12000,,,DE,g": "label 'Normal' seems to mean the healthy machine",
    "a.mat,vib,nromal,0 hp,12000,,,DE,g": "label 'nromal' seems to mean",
    "a.mat,vib,normal 2,0 hp,12000,,,DE,g": "label 'normal 2' seems to mean",
    "a.mat,vib,healthy,0 hp,12000,,,DE,g": "label 'healthy' seems to mean",
}


@pytest.mark.parametrize("line", LIST_FAULTS)
def test_bad_list_lines_are_named(tmp_path: Path, line: Any) -> None:
    path = write_lines(tmp_path / "list.csv", GOOD.replace("a.mat", "first.mat"), line)
    with pytest.raises(RecordingError, match=LIST_FAULTS[line]) as caught:
        read_list(path)
    assert caught.value.where == f"{path}:3"
    assert caught.value.remedy
    assert caught.value.exit_code == 65


def test_faults_may_be_called_anything_else(tmp_path: Path) -> None:
    labels = ("abnormal", "not normal", "worn", "ball 0.007 in", "horizontal", "noise", "norm gap")
    lines = (GOOD.replace("a.mat", f"{label}.mat").replace("normal", label) for label in labels)
    found = read_list(write_lines(tmp_path / "list.csv", *lines))
    assert [row.label for row in found] == list(labels)
    assert not any(row.normal for row in found)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (GOOD, "a.mat is listed twice"),
        (GOOD.replace("normal", "worn"), "is 'normal' at '0 hp' on line 2 and 'worn' at '0 hp' here"),
        (GOOD.replace("a.mat", "b.mat").replace(",g", ",m/s2"), "unit is m/s2 here and g on the first line"),
        (GOOD.replace("a.mat", "b.mat").replace("5000", "4000"), "lowpass_hz is 4000.0 here"),
        (GOOD.replace("a.mat", "b.mat").replace("DE", "FE"), "channels is"),
    ],
)
def test_lists_that_contradict_themselves(tmp_path: Path, second: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_list(write_lines(tmp_path / "list.csv", GOOD, second))


def test_lists_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read_list(tmp_path / "none.csv")
    with pytest.raises(RecordingError, match="lists no recordings"):
        read_list(write_lines(tmp_path / "empty.csv"))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="the first line is 'a,b'"):
        read_list(tmp_path / "other.csv")
    (tmp_path / "mat.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(RecordingError, match="is not text"):
        read_list(tmp_path / "mat.csv")


def test_lists_survive_writing(tmp_path: Path) -> None:
    rows = read_list(SAMPLE / "cwru.csv")
    write_list(rows, tmp_path / "copy.csv")
    again = read_list(tmp_path / "copy.csv")
    assert [(item.file.resolve(), item.label, item.rate_hz) for item in again] == [
        (item.file.resolve(), item.label, item.rate_hz) for item in rows
    ]
