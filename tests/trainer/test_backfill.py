"""`trainer backfill`: what models would have said of the past is what the edge says of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import edge_runtime
from edge_runtime.core import Transition, UnavailableError
from tests.trainer.captured import write_capture
from tests.trainer.fleets import RATE_HZ, Here, write_machine, write_plan
from tests.trainer.test_cli import WITHOUT, trainer
from trainer import fitting
from trainer.calibration import Order
from trainer.core import ChoiceError, RecordingError
from trainer.core.context import quiet
from trainer.fleet import Terms, run_fleet
from trainer.fleet import backfill as past

LOUD = slice(20_000, 24_000)


def vibration(seconds: float, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    turns = np.sin(2 * np.pi * 50 * np.arange(count) / RATE_HZ)
    return (0.1 * rng.normal(size=count) + 1.1 * turns).astype(np.float32)[:, np.newaxis]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of a machine, and three captures of it: the second with a fault and a stretch of zeros."""
    root = tmp_path_factory.mktemp("past")
    listing = write_machine(root / "m", 0)
    for name in ("gaussian", "principal_components"):
        order = Order(name, name=name, power=False, samples=256, hop=128, slow_s=0)
        fitting.fit_list(listing, order, root / f"{name}.onnx")
    for number in range(3):
        samples = vibration(40.0, number)
        if number == 1:
            samples[LOUD] += np.random.default_rng(9).normal(size=(4000, 1)).astype(np.float32)
            samples[30_000:33_000] = 0
        time = f"2026-{10 + number // 2:02}-0{1 + number % 2}T00:00:00Z"
        write_capture(root / f"day-{number}.frames", samples, rate_hz=RATE_HZ, time=time, clock_ok=True)
    return root


def filled(plant: Path, output: Path, *words: str, explain: bool = False) -> past.Past:
    jobs = past.read_jobs([plant / word for word in words], "pump")
    return past.backfill(jobs, output, Here(), quiet, explain=explain)


def test_scores_and_alarms_are_those_of_the_edge(plant: Path, tmp_path: Path) -> None:
    found = filled(plant, tmp_path, "gaussian.onnx", "day-1.frames")
    assert not found.failures
    (part,) = tmp_path.glob("scores/machine=pump/month=2026-10/part-*.parquet")
    table = pq.read_table(part)
    verdicts = list(
        edge_runtime.replay(edge_runtime.load_model(plant / "gaussian.onnx"), plant / "day-1.frames")
    )
    threshold = edge_runtime.load_model(plant / "gaussian.onnx").manifest.threshold
    verdicts = [verdict for verdict in verdicts if verdict.threshold == threshold]  # not of the sensor
    scored = [verdict for verdict in verdicts if np.isfinite(verdict.score)]
    ours = table["score"].to_numpy()
    # A batch is one product of matrices, a window another: the last digits differ.
    assert np.allclose(ours[np.isfinite(ours)], [verdict.score for verdict in scored], rtol=1e-5)
    assert len(table) == (40_000 - 256) // 128 + 1
    first_us = scored[0].time_us
    usable = table.filter(np.isfinite(ours))
    times = [verdict.time_us - first_us for verdict in scored]
    begin_s = usable["end_s"].to_numpy()
    assert np.allclose((begin_s - begin_s[0]) * 1e6, times, atol=2)
    began = [verdict.alarm.peak_score for verdict in verdicts if verdict.transition is Transition.END]
    alarms = found.machines[0].models[0].alarms
    assert np.allclose([alarm.peak for alarm in alarms][: len(began)], began, rtol=1e-5)
    assert len(alarms) == sum(verdict.transition is Transition.NEW for verdict in verdicts)
    assert alarms[0].begin.startswith("2026-10-02 00:00:2")
    problems = set(table["problem"].to_pylist())
    assert any("flat" in problem or "quiet" in problem for problem in problems)


def test_an_alarm_goes_on_from_file_to_file_and_months_are_apart(plant: Path, tmp_path: Path) -> None:
    found = filled(plant, tmp_path, "gaussian.onnx", "principal_components.onnx", "day-*.frames")
    data = pyarrow.dataset.dataset(tmp_path / "scores", partitioning="hive").to_table()
    assert set(data["month"].to_pylist()) == {"2026-10", "2026-11"}
    assert set(data["model"].to_pylist()) == {"gaussian", "principal_components"}
    assert set(data["machine"].to_pylist()) == {"pump"}
    assert data["time"].to_pylist()[0].year == 2026
    first, second = found.machines[0].models
    assert (first.windows, second.windows) == (933, 933)
    assert first.by_month["2026-10"] >= 1
    assert first.by_month["2026-11"] == 0
    table = pq.read_table(tmp_path / "alarms" / "machine=pump" / "alarms.parquet")
    assert len(table) == sum(first.by_month.values()) + sum(second.by_month.values())
    page = (tmp_path / "index.html").read_text()
    assert "models on the same past" in page
    assert "2026-10-02 00:00:2" in page


def test_what_is_scored_stays_and_another_model_replaces_it(plant: Path, tmp_path: Path) -> None:
    assert filled(plant, tmp_path, "gaussian.onnx", "day-*.frames").kept == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("scores/**/part-*")}
    again = filled(plant, tmp_path, "gaussian.onnx", "day-*.frames")
    assert (again.kept, again.files) == (3, 3)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("scores/**/part-*")}
    filled(plant, tmp_path, "principal_components.onnx", "day-0.frames", explain=True)
    (part,) = tmp_path.glob("scores/**/part-*")
    assert part not in before
    assert len(pq.read_table(part)["contributions"][0].as_py()) == 24


def test_a_list_is_scored_line_by_line_and_what_fails_is_named(plant: Path, tmp_path: Path) -> None:
    listing = write_machine(tmp_path / "bad", 1, bad="nan")
    found = filled(plant, tmp_path / "out", "gaussian.onnx", str(listing), "m/list.csv", "day-0.frames")
    assert found.files == 7
    assert [("nan" in each.what) for each in found.failures] == [True] * 3
    assert found.machines[0].models[0].windows == 311 + 3 * 38
    assert "nan" in (tmp_path / "out" / "index.html").read_text()


def test_models_of_two_sensors_and_words_that_are_none_are_refused(plant: Path) -> None:
    with pytest.raises(ChoiceError, match="models and recordings"):
        past.read_jobs([plant / "gaussian.onnx"], "")
    with pytest.raises(ChoiceError, match="named twice"):
        past.read_jobs([plant / "gaussian.onnx"] * 2 + [plant / "day-0.frames"], "")
    with pytest.raises(RecordingError, match="letters"):
        past.read_jobs([plant / "gaussian.onnx", plant / "day-0.frames"], "../elsewhere")


def test_without_pyarrow_it_is_said_what_to_install(plant: Path, tmp_path: Path) -> None:
    words = ("backfill", plant / "gaussian.onnx", plant / "day-0.frames", "-o", tmp_path)
    done = trainer(*words, code=69, before=WITHOUT.format("pyarrow"))
    assert "steadyhum[trainer,fleet]" in done.stderr


def test_a_table_that_is_damaged_is_said(plant: Path, tmp_path: Path) -> None:
    filled(plant, tmp_path, "gaussian.onnx", "day-0.frames")
    (part,) = tmp_path.glob("scores/**/part-*")
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(UnavailableError, match="ArrowInvalid"):
        filled(plant, tmp_path, "gaussian.onnx", "day-0.frames")


def test_the_command_takes_a_fleet_and_its_plan(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 1)
    run_fleet(plan, tmp_path / "models", Here(), Terms(report=False), quiet)
    words = ("-o", tmp_path / "past", "--json", "--processes", 1)
    done = trainer("backfill", tmp_path / "models", plan, *words)
    said = json.loads(done.stdout)
    assert said["files"] == 3
    assert said["machines"]["m0"]["m0"]["windows"] > 0
    assert list((tmp_path / "past").glob("scores/machine=m0/month=undated/part-*.parquet"))
