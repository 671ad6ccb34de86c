"""The page in Chromium, as somebody has it who never saw it. `make test-page` makes what this takes."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.plant import Plant, plant
from tests.processes import ROOT
from tests.waiting import in_time, scaled

TOOLS = ROOT / "build" / "page"
MOST_TAPS, MOST_S = 6, 60.0
FIRST_S = 1.0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("STEADYHUM_HEAVY") != "test-page", reason="run `make test-page`"),
]
Walk = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A plant with an alarm, an offer and a sensor from which nothing comes."""
    with plant(tmp_path_factory.mktemp("plant")) as there:
        yield there


@pytest.fixture
def walk(made: Plant) -> Walk:
    """Plays a case; what it saw."""

    def play(case: str, **more: Any) -> dict[str, Any]:
        given = {"address": made.address, "code": made.code(), "patience_ms": 1000 * scaled(15), **more}
        python, script = TOOLS / "venv/bin/python", Path(__file__).with_name("walk.py")
        done = subprocess.run(
            [python, script, case], input=json.dumps(given), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        said: dict[str, Any] = json.loads(done.stdout)
        assert (said["foreign"], said["errors"]) == ([], [])
        return said

    return play


def test_the_first_picture(walk: Walk) -> None:
    assert in_time(walk("first_picture")["seconds"], FIRST_S)


def test_nothing_serious_for_axe(walk: Walk) -> None:
    said = walk("axe", axe=str(TOOLS / "package" / "axe.min.js"))
    assert said["looks"] == 15
    serious = [each for each in said["violations"] if each["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps(serious, indent=1)


def test_without_a_mouse(walk: Walk) -> None:
    said = walk("keyboard")
    assert (said["inside"], said["back"]) == (1, "record-fan")


def test_pictures_for_the_documents(walk: Walk, tmp_path: Path) -> None:
    folder = Path(os.environ.get("STEADYHUM_PICTURES") or tmp_path)
    walk("pictures", folder=str(folder))
    assert {path.name for path in folder.glob("page-*.png")} >= {
        "page-sensors.png", "page-alarm.png", "page-sensor.png",
    }  # fmt: skip


def test_somebody_who_never_saw_it(walk: Walk, made: Plant) -> None:
    said = walk("newcomer")
    assert said["look"]["said"]["which"].startswith("motor")
    facts = said["look"]["said"]["facts"]
    assert all(word in facts for word in ("Since when", "How bad", "times the threshold", "Why", "Hz"))
    assert said["acknowledge"]["said"].startswith("Seen by")
    assert "Anna" in said["acknowledge"]["said"]
    assert made.alarms_of("motor")[0]["acknowledged"]["who"].count("Anna (page)") == 1
    assert "being recorded" in said["record"]["said"]
    assert made.ask("commission.status", sensor="pump")["model"] == 1
    for name in ("look", "acknowledge", "record", "accept"):
        assert said[name]["taps"] <= MOST_TAPS, name
        assert in_time(said[name]["seconds"], MOST_S), name
    print(json.dumps(said, indent=1))
