"""`trainer diagnose`: recordings, captures and lists in, sentences and a page with pictures out."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from edge_runtime.analysis.diagnosis import (
    BEARINGS,
    ChannelDiagnosis,
    LineFamily,
    Machine,
    NamedLine,
    SpeedRange,
    diagnose,
)
from edge_runtime.cli import app as edge
from edge_runtime.core import EdgeError
from edge_runtime.sensors import SimulatedSensor, read_part, signal_frames, signal_hello
from edge_runtime.sensors.protocols import SampleFormat, encode_data
from tests.edge.test_diagnosis import BEARING, RATE_HZ, SPEED_HZ, machine
from tests.trainer.pages import without_charts
from trainer.cli.app import app
from trainer.recordings import read_any
from trainer.report import DiagnosedStretch, DiagnosisPage, diagnose_files
from trainer.report.line_plots import _spread, envelope_plot, vibration_plot

KNOWN = ("--speed-hz", SPEED_HZ, "--bearing", "6205", "--mains-hz", 50)


def write(path: Path, signal: Any, **stated: Any) -> Path:
    samples = np.atleast_2d(np.asarray(signal, np.float32).T).T
    known: dict[str, Any] = {"rate_hz": RATE_HZ, "channels": ["x", "y"][: samples.shape[1]], "unit": "g"}
    np.savez(path, samples=samples, **known | stated)
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Healthy in one channel; in the other the outer race knocks in the second half."""
    healthy, faulty = machine(None), machine(BEARING.outer * SPEED_HZ)
    half = len(healthy) // 2
    healthy[:half] *= 1.05
    signal = np.stack([healthy, np.concatenate([healthy[:half], faulty[:half]])], axis=1)
    return write(tmp_path_factory.mktemp("diagnose") / "pump.npz", signal)


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["diagnose", *map(str, words)], catch_exceptions=True)


def test_it_says_what_the_gateway_says(recording: Path) -> None:
    ours = [json.loads(line) for line in run(recording, *KNOWN, "--json").stdout.splitlines()]
    words = ["diagnose", str(recording), *map(str, KNOWN), "--json"]
    theirs = [json.loads(line) for line in CliRunner().invoke(edge, words).stdout.splitlines()]
    assert [each.pop("recording") for each in ours] == ["pump"] * 4
    assert [(each["channel"], each["begin_s"]) for each in ours] == [("x", 0), ("y", 0), ("x", 5), ("y", 5)]
    assert [each["words"] for each in ours] == [each["words"] for each in theirs]
    assert [each["fault"] is not None for each in ours] == [False, False, False, True]
    named = [[line["name"] for line in each["lines"]] for each in ours]
    assert named == [[line["name"] for line in each["lines"]] for each in theirs]
    text = run(recording, *KNOWN).stdout
    assert text.count("not named: ") == 4
    assert "pump  5.0 s  y: " in text


def test_the_page_draws_the_stretch_that_tells_most_and_lists_every_one(
    recording: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    done = run(recording, *KNOWN, "--group", "medium", "--support", "rigid", "-o", page)
    assert done.exit_code == 0, done.output
    text = page.read_text()
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == ["pump, x, from 0.0 s", "pump, y, from 5.0 s", "Trend", "Every stretch"]
    assert text.count("<svg") == 6
    assert text.count('<div class="plot"') == 6
    assert '"turn_hz":2' in text, "lines can be read off as orders"
    assert "outer race (BPFO 3.585 x" in text
    assert "about 29.5 turns a second; a bearing with BPFO 3.585" in text
    assert "the mains&#39; 50 Hz may lie on it" not in text
    assert re.findall(r"<td>1x</td>.*?<td>(\w+)</td>", text, flags=re.DOTALL) == ["imbalance"] * 2
    outside = re.findall(r"""(?:src|href)\s*=\s*["'](?!#)|url\((?!#)|<script""", without_charts(text))
    assert not outside, "it is one file, which loads nothing"


def test_pictures_are_bounded_and_the_rest_is_in_the_table(recording: Path) -> None:
    page = DiagnosisPage(Machine(), pictures=1)
    for stretch in diagnose_files([recording], Machine()):
        page.add(stretch)
    page.add(
        DiagnosedStretch(
            "<b>other</b>", ChannelDiagnosis(0.0, "z", None, "not nameable: the sensor is at fault")
        )
    )
    text = page.html()
    assert text.count("<svg") == 4
    assert "1 more are in the table only" in text
    assert "Nothing is stated of the machine." in text
    assert "&lt;b&gt;other&lt;/b&gt;" in text


def test_lists_captures_and_tables_are_read(recording: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text(
        "file,label,condition,rate_hz,target_rate_hz,lowpass_hz,channels,unit\n"
        f"{recording},normal,half load,12000,6000,2000,x y,g\n"
    )
    assert run(listing, *KNOWN).stdout == run(recording, *KNOWN).stdout, "as it was recorded"
    capture, signal = tmp_path / "pump.frames", read_part(f"{recording}@5-10")
    sensor = SimulatedSensor(sample_format=SampleFormat.INT16)
    frames = b"".join(map(encode_data, signal_frames(signal, sensor)))
    capture.write_bytes(signal_hello(signal, sensor) + frames)
    found = [json.loads(line) for line in run(capture, *KNOWN, "--json").stdout.splitlines()]
    assert [each["fault"] is not None for each in found] == [False, True]
    table = tmp_path / "table.csv"
    np.savetxt(table, read_part(f"{recording}@5-10").samples, delimiter=",", header="x,y", comments="")
    found = [
        json.loads(line)
        for line in run(table, "--unit", "g", "--rate-hz", 12000, *KNOWN, "--json").stdout.splitlines()
    ]
    assert [each["fault"] is not None for each in found] == [False, True]
    (only,) = (
        json.loads(line)
        for line in run(
            table, "--unit", "g", "--rate-hz", 12000, "--signal", "y", "--json"
        ).stdout.splitlines()
    )
    assert only["channel"] == "y"


def test_what_is_no_list_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "profile.csv"
    path.write_text("file_number,x\n1,2\n")
    with pytest.raises(EdgeError):
        list(read_any(path))
    assert "file" in str(run(tmp_path / "missing.csv").exception)


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"unit": "mm/s"}, "velocity is made of acceleration"),
        ({"rate_hz": 50.0}, "its rate is 50 Hz"),
        ({"rate_hz": 100000.0}, "no stretch of 5 s"),
    ],
)
def test_refusals(tmp_path: Path, stated: dict[str, Any], says: str) -> None:
    path = write(tmp_path / "pump.npz", machine(None), **stated)
    error = run(path).exception
    assert isinstance(error, EdgeError)
    assert says in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bearing", "6999"], "is no bearing"),
        (["--group", "medium"], "a zone takes both"),
        (["--speed-range-hz", 30, 20], "is no range of speeds"),
        (["-o", "pump.npz"], ""),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    recording: Path, words: list[object], says: str
) -> None:
    words = [recording if word == "pump.npz" else word for word in words]
    error = run(recording, *words).exception
    assert isinstance(error, EdgeError)
    assert says in str(error)


def test_a_sensor_at_fault_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 1, 60000)
    path = write(tmp_path / "flat.npz", np.concatenate([np.full(60000, 0.3), noise]))
    said, _ = (json.loads(line) for line in run(path, "--json").stdout.splitlines())
    assert said["indicators"] is None
    assert "the sensor is at fault" in said["words"]
    assert "the sensor is at fault" in run(path).stdout


def test_names_in_pictures_are_apart_and_above_the_curve() -> None:
    assert _spread([0.5, 0.1, 0.5, 0.505]) == pytest.approx([0.5, 0.1, 0.518, 0.536])
    assert _spread([]) == []
    found = diagnose(machine(None), RATE_HZ, Machine(SpeedRange.nominal(SPEED_HZ), BEARINGS["6205"]))
    assert found.spectra is not None
    for draw, family in ((vibration_plot, LineFamily.TURN), (envelope_plot, LineFamily.BEARING)):
        lines = [NamedLine(name, family, hz, 9.0, 1.0) for name, hz in (("one", 29.5), ("two", 29.9))]
        bare, named = draw(found.spectra, []), draw(found.spectra, lines)
        assert bare.startswith("<svg")
        assert named.count("stroke-dasharray") >= bare.count("stroke-dasharray") + 2
        assert draw(found.spectra, lines) == named, "the same data give the same bytes"
