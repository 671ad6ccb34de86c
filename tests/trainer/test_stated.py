"""What a recording states, and what the parser child answers, is trusted by nobody."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import DataError
from edge_runtime.sensors import read_part
from tests.trainer.builders import noise, row, write_lines
from trainer.core.errors import RecordingError
from trainer.formats.answer import check_head, is_rate
from trainer.formats.contract import MAX_VALUES, Refusal
from trainer.recordings import parsers, recording_from_array, resample
from trainer.recordings.file_reading import read_recording
from trainer.recordings.list_reading import load_list

ODD_RATES = {
    "text": np.array("12k"),
    "digits": np.array("1000"),
    "zero": np.float64(0),
    "negative": np.float64(-1000),
    "inf": np.float64(np.inf),
    "nan": np.float64(np.nan),
    "tiny": np.float64(1e-300),
    "huge": np.float64(1e308),
    "bool": np.array(True),
    "two": np.array([1000.0, 1000.0]),
    "none": np.array([]),
    "bytes": np.array(b"1000"),
    "complex": np.array(1000j),
    "date": np.array("2026-01-01", dtype="datetime64[D]"),
}
ODD_UNITS = {
    "escape": np.array("\x1b[2J\x1b]0;x\x07m/s2\nFAKE LINE: ok"),
    "long": np.array("g" * 300_000),
    "surrogate": np.array("\ud800"),
    "number": np.float64(3),
    "bytes": np.array(b"g"),
    "several": np.array(["g", "m"]),
}

savez: Any = np.savez  # its stub takes no names from a dictionary


def one_line(refusal: Any) -> None:
    """It says where, what and the remedy, in printable characters that fit a terminal."""
    assert refusal.remedy
    assert str(refusal).isprintable()
    assert len(str(refusal)) < 4000


@pytest.mark.parametrize("rate_hz", [None, 1000.0], ids=["blank", "listed"])
@pytest.mark.parametrize("name", ODD_RATES)
def test_an_odd_rate_is_one_sentence(tmp_path: Path, name: Any, rate_hz: float | None) -> None:
    path = tmp_path / "a.npz"
    savez(path, samples=noise(), rate_hz=ODD_RATES[name], unit="g")
    with pytest.raises(RecordingError, match="states the rate") as caught:
        read_recording(row(path, rate_hz=rate_hz))
    one_line(caught.value)
    with pytest.raises(DataError) as edge_caught:
        read_part(str(path))
    one_line(edge_caught.value) if name != "digits" else None


@pytest.mark.parametrize("name", ODD_UNITS)
def test_an_odd_unit_is_one_sentence(tmp_path: Path, name: Any) -> None:
    path = tmp_path / "a.npz"
    savez(path, samples=noise(), rate_hz=12000.0, unit=ODD_UNITS[name])
    with pytest.raises(RecordingError, match="states the unit") as caught:
        read_recording(row(path))
    one_line(caught.value)


@pytest.mark.parametrize("name", ["escape", "long", "surrogate"])
def test_the_edge_refuses_odd_names_and_units(tmp_path: Path, name: str) -> None:
    for field in ("unit", "channels"):
        savez(tmp_path / "a.npz", **{"samples": noise(), "rate_hz": 1000.0, field: ODD_UNITS[name]})
        with pytest.raises(DataError, match="no short text") as caught:
            read_part(str(tmp_path / "a.npz"))
        one_line(caught.value)


@pytest.mark.parametrize("steps", ["0,1e-300,2e-300", "0,1e300,2e300", "0,nan,nan", "0,0,0"])
def test_odd_timestamps(tmp_path: Path, steps: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("timestamp,x\n" + "".join(f"{time},1\n" for time in steps.split(",")))
    with pytest.raises(RecordingError) as caught:
        read_recording(row(path, rate_hz=None, channels=("x",)))
    one_line(caught.value)
    with pytest.raises(DataError) as edge_caught:
        read_part(str(path))
    one_line(edge_caught.value)


def test_a_list_states_no_odd_rate_either(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", samples=noise())
    for rate_hz in ("1e-300", "1e8"):
        listing = write_lines(tmp_path / "list.csv", f"a.npz,,normal,0 hp,{rate_hz},,,DE,g")
        with pytest.raises(RecordingError, match="rate_hz is 1") as caught:
            load_list(listing)
        one_line(caught.value)


@pytest.mark.parametrize("value", ["12k", b"1", True, 0, -1, math.inf, math.nan, 1e-300, 1e308, [1000.0]])
def test_arrays_state_no_odd_rate(value: Any) -> None:
    with pytest.raises(RecordingError, match="rate_hz is") as caught:
        recording_from_array(noise(), rate_hz=value)
    one_line(caught.value)
    assert not is_rate(value)
    single: Any = np.float32(1000)
    assert recording_from_array(noise(), rate_hz=single).rate_hz == 1000.0


def test_a_filter_longer_than_the_recording_is_not_made() -> None:
    assert not len(resample.limit(noise(), 1e7, 1e-300))


GOOD = {"rows": 64, "columns": 1, "stated": {"rate_hz": 1000, "unit": "g"}}
ODD_ANSWERS: list[Any] = [
    None,
    [],
    "text",
    7,
    {},
    {**GOOD, "rows": "64"},
    {**GOOD, "rows": 64.0},
    {**GOOD, "rows": True},
    {**GOOD, "rows": -64},
    {**GOOD, "rows": 10**400},
    {**GOOD, "rows": MAX_VALUES + 1},
    {**GOOD, "columns": 2},
    {**GOOD, "columns": None},
    {**GOOD, "stated": []},
    {**GOOD, "stated": {"rate_hz": {}}},
    {**GOOD, "stated": {"rate_hz": 10**400}},
    {**GOOD, "stated": {"unit": {"a": 1}}},
    {"error": {"a": ["\x1b"]}, "remedy": 3},
    {"error": "x" * 100_000},
]


@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=range(len(ODD_ANSWERS)))
def test_an_answer_is_checked_by_type_and_range(answer: Any) -> None:
    with pytest.raises(Refusal) as caught:
        check_head(answer, 1)
    assert caught.value.remedy
    assert caught.value.what.isprintable()
    assert len(caught.value.what) < 4000


def test_a_good_answer_passes() -> None:
    head = check_head({**GOOD, "more": 1}, 1)
    assert (head.rows, head.columns, head.stated) == (64, 1, {"rate_hz": 1000.0, "unit": "g"})


SAID = [
    "[" * 60_000,
    "NaN",
    json.dumps(GOOD) + "\n",
    json.dumps({**GOOD, "rows": 10**9}) + "\n",
    "\x1b" * 100_000,
    "1" * 60_000,
]


@pytest.mark.parametrize("said", SAID, ids=range(len(SAID)))
def test_a_child_that_was_taken_over_says_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    np.savez(tmp_path / "a.npz", samples=noise())
    monkeypatch.setattr(parsers, "_FORKS", False)  # each file an interpreter, as on Windows
    monkeypatch.setattr(parsers, "CHILD", f"import sys; sys.stdout.write({said!r}); sys.stdout.flush()")
    if sys.platform == "linux" and len(said) > 100_000 // 2:  # longer than an argument may be
        said_file = tmp_path / "said"
        said_file.write_text(said)
        code = f"import sys; sys.stdout.write(open({str(said_file)!r}).read()); sys.stdout.flush()"
        monkeypatch.setattr(parsers, "CHILD", code)
    with pytest.raises(RecordingError) as caught:
        read_recording(row(tmp_path / "a.npz"))
    one_line(caught.value)


def test_names_of_any_length_are_shown_short(tmp_path: Path) -> None:
    values = {"\x1b[31mevil\x07" + "x" * 300: noise(), "b": noise()}
    savez(tmp_path / "a.npz", **values)
    with pytest.raises(RecordingError, match=r"\\x1b\[31mevil\\x07") as caught:
        read_recording(row(tmp_path / "a.npz"))
    one_line(caught.value)


@pytest.mark.parametrize("name", ["x" * 5000 + ".npz", "a\0b.npz", "\ud800.npz"])
def test_file_names_that_no_system_takes(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match="no such file"):
        read_recording(row(tmp_path / name))
