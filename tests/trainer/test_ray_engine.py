"""`make test-ray`: the engine for many computers, with Ray itself in an environment of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.shared import ROOT
from tests.trainer.fleets import write_plan

PYTHON: Final = ROOT / "build" / "ray" / "bin" / "python"
CREATED: Final = {"SOURCE_DATE_EPOCH": "1700000000"}
LOST: Final = """
import json, sys
from tests.trainer.fleets import deadly
from trainer.fleet import Lost, open_engine
found = dict(open_engine("ray", 2, "").run(deadly, [(sys.argv[1], number) for number in range(8)]))
print(json.dumps({number: isinstance(result, Lost) for number, result in found.items()}))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("STEADYHUM_HEAVY") != "test-ray", reason="installs Ray: make test-ray"),
]


def run(*words: Any, code: int = 0) -> str:
    environment = {**os.environ, **CREATED, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [PYTHON, *map(str, words)], capture_output=True, text=True, check=False, env=environment, timeout=400
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_fleet_on_ray_is_that_on_processes_to_the_byte(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 3, poisoned={1: "nan"})
    said = run("-m", "trainer", "fleet", plan, "-o", tmp_path / "ray", "--engine", "ray", "--json", code=65)
    assert json.loads(said)["fitted"] == 2
    run("-m", "trainer", "fleet", plan, "-o", tmp_path / "own", code=65)
    for path in sorted((tmp_path / "own").rglob("*.*")):
        if path.is_file() and path.name not in (".took.json", ".lock"):
            assert (
                tmp_path / "ray" / path.relative_to(tmp_path / "own")
            ).read_bytes() == path.read_bytes(), path
    again = run("-m", "trainer", "fleet", plan, "-o", tmp_path / "ray", "--engine", "ray", "--json", code=65)
    assert json.loads(again)["kept"] == 2


def test_an_item_that_ends_its_worker_each_time_is_lost_and_no_other(tmp_path: Path) -> None:
    found = json.loads(run("-c", LOST, tmp_path).splitlines()[-1])
    assert found == {str(number): number == 3 for number in range(8)}


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, 1)
    words = (
        "-m",
        "trainer",
        "fleet",
        plan,
        "-o",
        tmp_path / "out",
        "--engine",
        "ray",
        "--address",
        "127.0.0.1:1",
    )
    run(*words, code=69)
