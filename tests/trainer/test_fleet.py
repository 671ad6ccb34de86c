"""`trainer fleet`: a plan to a folder a machine, on engines whose workers may end at any time."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import psutil
import pytest

from tests.trainer.fleets import deadly, doubled, slowly, write_machine, write_plan
from tests.trainer.test_cli import trainer
from tests.waiting import HANG_S, scaled, until
from trainer import fitting, fleet
from trainer.core import ChoiceError, RecordingError
from trainer.core.context import quiet
from trainer.fleet.engines import Chunks
from trainer.fleet.peers import grouped, outline, standings
from trainer.fleet.processes import Processes
from trainer.fleet.record import Record
from trainer.recordings import load_list

CREATED = "1700000000"


def task(root: Path, output: Path, name: str = "m0", **changes: Any) -> fleet.Task:
    machine = next(each for each in fleet.read_plan(root / "plan.csv") if each.name == name)
    return fleet.Task(machine, root, output, int(CREATED), report=False, **changes)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plant")
    write_plan(root, 3, poisoned={2: "nan"})
    return root


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".took.json", ".lock")
    }


def test_a_plan_is_read_from_csv_and_toml(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(
        "machine;recordings;detector;conditions;budget\np-1;'a b.csv' c/*.frames;auto;all;1/month\nq;d;;;\n"
    )
    first, second = fleet.read_plan(tmp_path / "plan.csv")
    assert first.patterns == ("a b.csv", "c/*.frames")
    assert (first.auto, first.order.conditions, first.order.budget, first.order.name) == (
        True,
        "all",
        "1/month",
        "p-1",
    )
    assert (second.auto, second.order.detector) == (False, "principal_components")
    (tmp_path / "plan.toml").write_text(
        'site = "east"\n[[machines]]\nmachine = "p-1"\nrecordings = ["a b.csv", "c/*.frames"]\nspeed = 24.5\n'
    )
    (third,) = fleet.read_plan(tmp_path / "plan.toml")
    assert (third.patterns, third.site, third.order.speed_hz) == (first.patterns, "east", 24.5)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("../x,a,,", "letters"),
        (".x,a,,", "letters"),
        ("a b,a,,", "letters"),
        ("x,,,", "no recordings"),
        ("x,a,gausian,", "gaussian"),
        ("x,a,,0", "windows of 0"),
        ("x,a,,-5", "whole number"),
        ("x,a,,\nX,b,,", "planned twice"),
        ('x,"a \'b",,', "a quote has no end"),
    ],
)
def test_a_wrong_plan_is_refused_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(f"machine,recordings,detector,samples\n{line}\n")
    with pytest.raises((RecordingError, ChoiceError), match=said) as caught:
        fleet.read_plan(path)
    assert "plan.csv:" in caught.value.where


def test_an_unknown_column_and_an_empty_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("machine,recordings,detektor\nx,a,gaussian\n")
    with pytest.raises(RecordingError, match="Did you mean 'detector'"):
        fleet.read_plan(path)
    path.write_text("machine,recordings\n")
    with pytest.raises(RecordingError, match="plans no machines"):
        fleet.read_plan(path)


def test_chunks_give_each_item_once_and_grow_with_quick_ones() -> None:
    chunks: Chunks[int] = Chunks(1000, 2)
    sizes, seen = [], []
    while chunk := chunks.take():
        seen += chunk
        sizes.append(len(chunk))
        chunks.took(len(chunk), 0.001 * len(chunk))
    assert seen == list(range(1000))
    assert sizes[0] == 1
    assert max(sizes) > 100
    assert sizes[-1] == 1


def test_processes_answer_for_every_item() -> None:
    assert dict(Processes(2).run(doubled, range(300))) == {number: 2 * number for number in range(300)}
    assert list(Processes(2).run(doubled, [])) == []


def test_an_item_that_ends_its_worker_each_time_is_lost_and_no_other(tmp_path: Path) -> None:
    found = dict(Processes(2).run(deadly, [(str(tmp_path), number) for number in range(8)]))
    lost = found.pop(3)
    assert isinstance(lost, fleet.Lost)
    assert "signal 9" in lost.why
    assert found == {number: number for number in range(8) if number != 3}
    assert (tmp_path / "done-3").stat().st_size == fleet.ATTEMPTS


def test_workers_end_with_their_run_and_when_one_is_given_up() -> None:
    running: Any = Processes(2).run(slowly, range(1000))
    next(running)
    workers = [each for each in psutil.Process().children() if "spawn_main" in " ".join(each.cmdline())]
    running.close()
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, timeout=scaled(HANG_S))[1]


def test_the_model_is_that_of_fit_to_the_byte(plant: Path, tmp_path: Path) -> None:
    done = fleet.fit_machine(task(plant, tmp_path))
    assert done.outcome == "fitted", done
    listing, order = plant / "m0" / "list.csv", task(plant, tmp_path).machine.order
    os.environ["SOURCE_DATE_EPOCH"] = CREATED
    try:
        fitting.fit_list(listing, order, tmp_path / "alone.onnx")
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
    assert (tmp_path / "m0" / "model.onnx").read_bytes() == (tmp_path / "alone.onnx").read_bytes()
    assert {path.name for path in (tmp_path / "m0").iterdir()} == {
        "model.onnx", "card.md", "power.json", "record.json", ".took.json"
    }  # fmt: skip


def test_what_is_finished_is_left_alone_until_its_recordings_change(tmp_path: Path) -> None:
    write_plan(tmp_path, 1)
    output = tmp_path / "out"
    assert fleet.fit_machine(task(tmp_path, output)).outcome == "fitted"
    before, times = everything(output), {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert fleet.fit_machine(task(tmp_path, output)).outcome == "kept"
    for file in (tmp_path / "m0").iterdir():
        os.utime(file)  # touched, and the same
    assert fleet.fit_machine(task(tmp_path, output)).outcome == "kept"
    assert times == {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    (output / "m0" / "card.md").unlink()
    assert fleet.fit_machine(task(tmp_path, output)).outcome == "fitted"
    assert everything(output)["m0/model.onnx"] == before["m0/model.onnx"]
    write_machine(tmp_path / "m0", 77)
    assert fleet.fit_machine(task(tmp_path, output)).outcome == "fitted"
    assert everything(output)["m0/model.onnx"] != before["m0/model.onnx"]


def test_a_poisoned_machine_is_a_named_failure_that_stands(plant: Path, tmp_path: Path) -> None:
    for _ in range(2):
        done = fleet.fit_machine(task(plant, tmp_path, "m2"))
        assert (done.outcome, "nan" in done.what) == ("failed", True)
    record = Record.read(tmp_path / "m2")
    assert record.lasting
    assert "c0.npz" in record.where
    assert record.remedy


def test_a_folder_that_cannot_be_written_is_a_failure_that_does_not_stand(
    plant: Path, tmp_path: Path
) -> None:
    (tmp_path / "m0").write_text("in the way")
    done = fleet.fit_machine(task(plant, tmp_path))
    assert done.outcome == "failed"
    (tmp_path / "m0").unlink()
    assert fleet.fit_machine(task(plant, tmp_path)).outcome == "fitted"


def test_recordings_elsewhere_are_fetched(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    (source,) = (path.parent for path in [write_machine(tmp_path / "m0", 0)])
    for path in source.glob("*.npz"):
        memory.put_file(str(path), f"/bucket/pump/{path.name}")
    (tmp_path / "plan.csv").write_text(
        "machine,recordings,detector\np,memory://bucket/pump/*.npz,gaussian\nq,memory://bucket/none/*,gaussian\n"
    )
    done = fleet.fit_machine(task(tmp_path, tmp_path / "out", "p"))
    assert done.outcome == "fitted", done
    assert [stamp[0] for stamp in Record.read(tmp_path / "out" / "p").stamps] == [
        f"bucket/pump/c{number}.npz" for number in range(3)
    ]
    missing = fleet.fit_machine(task(tmp_path, tmp_path / "out", "q"))
    assert missing.what == "no file is called so"


def test_the_machine_that_is_unlike_its_peers_is_named_and_why(tmp_path: Path) -> None:
    lists = [write_machine(tmp_path / f"m{seed}", seed, level=1.0 if seed == 3 else 0.1) for seed in range(6)]
    found = {path.parent.name: outline(load_list(path)) for path in lists}
    levels = {name: pair[0] for name, pair in found.items()}
    bands = {name: pair[1] for name, pair in found.items()}
    stand = standings(grouped(("pump", name) for name in found), levels, bands)
    assert [name for name, one in stand.items() if one.unlike] == ["m3"]
    assert "dB" in stand["m3"].differs[0]
    assert "m3" not in {other for one in stand.values() for other in one.alike}
    assert stand["m0"].alike
    few = standings({"pump": ["m0", "m3"]}, levels, bands)
    assert np.isnan(few["m3"].distance)
    assert not few["m3"].unlike


def test_the_command_goes_on_after_a_kill_and_ends_with_the_same_bytes(plant: Path, tmp_path: Path) -> None:
    plan = plant / "plan.csv"
    done = trainer(
        "fleet", plan, "-o", tmp_path / "a", "--json", "--processes", 2, code=65, SOURCE_DATE_EPOCH=CREATED
    )
    said = json.loads(done.stdout)
    assert (said["machines"], said["fitted"], list(said["failed"])) == (3, 2, ["m2"])
    assert "1 of 3 machines failed" in done.stderr
    killed = subprocess.Popen(
        [sys.executable, "-m", "trainer", "fleet", plan, "-o", tmp_path / "b", "--processes", "1"],
        env={**os.environ, "SOURCE_DATE_EPOCH": CREATED},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    until((tmp_path / "b" / "m0" / "record.json").exists)
    workers = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    psutil.wait_procs(workers)  # they end with it, so that nothing writes any more
    finished = (tmp_path / "b" / "m0" / "model.onnx").stat()
    trainer("fleet", plan, "-o", tmp_path / "b", code=65)  # under the date of the run that it goes on with
    assert (tmp_path / "b" / "m0" / "model.onnx").stat().st_mtime_ns == finished.st_mtime_ns
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    page = (tmp_path / "b" / "index.html").read_text()
    assert "m2" in page
    assert "0 of 3" not in page


def test_a_preview_says_what_it_would_cost_and_writes_nothing(plant: Path, tmp_path: Path) -> None:
    cost = fleet.estimate(plant / "plan.csv", tmp_path / "none", fleet.Terms(report=False), quiet)
    assert (cost.machines, cost.finished, cost.files) == (3, 0, 12)
    assert cost.seconds > 0
    assert "tried" in cost.tried
    assert not (tmp_path / "none").exists()


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(ChoiceError, match="processes"):
        fleet.open_engine("process", 0, "")
    with pytest.raises(ChoiceError, match="address"):
        fleet.open_engine("processes", 0, "auto")
