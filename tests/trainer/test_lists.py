"""Recordings lists in the forms that spreadsheets, people and programs write, and lists made of folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.trainer.builders import noise
from trainer.cli.app import app
from trainer.core.errors import RecordingError
from trainer.recordings import list_folder
from trainer.recordings.list_reading import load_list
from trainer.recordings.listing import read_list, write_list

FORMS = {
    "comma": b"file,label\na.npz,normal\n",
    "any order, capitals, blanks": b" Label , FILE \nnormal, a.npz\n",
    "semicolon and comments": b"# pump 3\nfile;label;rate_hz\n\na.npz;normal;25,5\n",
    "tabs": b"file\tlabel\na.npz\tnormal\n",
    "UTF-16": "file,label\na.npz,normal\n".encode("utf-16"),
    "Windows": "file;label;machine\na.npz;normal;K\u00fchlung\n".encode("cp1252"),
    "empty columns": b"file,label,,\na.npz,normal,,\n,,,\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_may_be_written_in_any_way(tmp_path: Path, form: str) -> None:
    (tmp_path / "list.csv").write_bytes(FORMS[form])
    (found,) = read_list(tmp_path / "list.csv")
    assert (found.file, found.label, found.condition) == (tmp_path / "a.npz", "normal", "recorded")
    assert found.rate_hz == (25.5 if "rate_hz" in str(FORMS[form]) else None)


def test_lists_of_programs(tmp_path: Path) -> None:
    objects = [
        {"file": "a.npz", "label": "normal", "machine": 3, "signal": ["a 1", "b"], "channels": ["x", "y"]}
    ]
    (tmp_path / "a.json").write_text(json.dumps(objects))
    (tmp_path / "b.json").write_text(json.dumps({"unit": "g", "recordings": objects}))
    (tmp_path / "c.toml").write_text('unit = "g"\n[[recordings]]\nfile = "a.npz"\nlabel = "normal"\n')
    (first,), (second,), (third,) = (read_list(tmp_path / name) for name in ("a.json", "b.json", "c.toml"))
    assert (first.signals, first.channels, first.further) == (("a 1", "b"), ("x", "y"), {"machine": "3"})
    assert (second.unit, third.unit) == ("g", "g")
    (tmp_path / "d.json").write_text('{"recordings": [{"file": {}}]}')
    with pytest.raises(RecordingError, match=r"file is \{\}"):
        read_list(tmp_path / "d.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,lable\na,normal\n", "has no column label"),
        ("file,label,rate\na,normal,5\n", "column rate, which says nothing here; rate_hz seems to be meant"),
        ("file,label,chanels\na,normal,x\n", "channels seems to be meant"),
        ("file,label,separator\na,normal,dot\n", "separator is 'dot'"),
        ("file,label,from_s,to_s\na,normal,x,\n", "from_s is 'x'"),
        ("file,label\na,gesund\n", "label 'gesund' seems to mean the healthy machine"),
        ("file,label\na,正常\n", "seems to mean the healthy machine"),
    ],
)
def test_what_would_be_lost_in_silence_is_asked_about(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(RecordingError, match=message) as caught:
        read_list(tmp_path / "list.csv")
    assert caught.value.remedy


def test_further_columns_and_hints_survive_writing(tmp_path: Path) -> None:
    header = "file,label,machine,time,decimal,from_s,to_s,signal,channels"
    text = f"{header}\na.csv,normal,P3,none,comma,1,2.5,'A 1' b,x y\n"
    (tmp_path / "list.csv").write_text(text)
    rows = read_list(tmp_path / "list.csv")
    write_list(rows, tmp_path / "again.csv")
    (again,) = read_list(tmp_path / "again.csv")
    assert (again.further, again.hints, again.from_s, again.to_s) == (
        rows[0].further,
        rows[0].hints,
        1.0,
        2.5,
    )
    assert again.signals == ("A 1", "b")


def folder(path: Path) -> Path:
    for at, name in enumerate(("normal/load 1/1.csv", "normal/load 2/1.csv", "worn bearing/load 1/1.csv")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{place / 1600:.6f},{value:.5f}" for place, value in enumerate(noise(200, seed=at)[:, 0])]
        (path / name).write_text("\n".join(("t [s],x [g]", *lines)) + "\n")
    return path


def test_a_list_of_a_folder_is_fitted_from_as_it_is(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["recordings", "list", str(folder(tmp_path)), "-o", str(tmp_path / "l.csv")]
    )
    assert done.exit_code == 0, done.output
    assert "3 recordings, 2 normal" in done.output
    found = load_list(tmp_path / "l.csv")
    assert [(item.label, item.condition) for item in found] == [
        ("normal", "load 1"),
        ("normal", "load 2"),
        ("worn bearing", "load 1"),
    ]
    assert {(item.rate_hz, item.channels, item.unit) for item in found} == {(1600.0, ("x",), "g")}


def test_labels_that_nothing_says_stay_open(tmp_path: Path) -> None:
    np.savez(tmp_path / "monday.npz", samples=noise(), rate_hz=1000.0, unit="g")
    rows = list_folder(tmp_path)
    write_list(rows, tmp_path / "l.csv")
    with pytest.raises(RecordingError, match="label is blank"):
        read_list(tmp_path / "l.csv")


def test_a_look_at_a_file(tmp_path: Path) -> None:
    path = folder(tmp_path) / "normal/load 1/1.csv"
    done = CliRunner().invoke(app, ["recordings", "look", str(path), "--json"])
    found = json.loads(done.output)
    assert (found["rows"], found["rate_hz"], found["unit"], found["starts"]) == (200, 1600.0, "g", [])
    (channel,) = found["channels"]
    assert channel["name"] == "x"
    assert channel["rms"] == pytest.approx(noise(200)[:, 0].std(), rel=1e-4)
    assert len(channel["outline"]) == 64
    shown = CliRunner().invoke(app, ["recordings", "look", str(path)])
    assert "200 readings, 0.125 s, 1600 Hz, g" in shown.output
    refused = CliRunner().invoke(app, ["recordings", "look", str(path), "--decimal", "dot"])
    assert refused.exit_code
