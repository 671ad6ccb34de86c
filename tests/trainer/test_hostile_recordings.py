"""A seeded part of the attack with hostile recordings: `python -m tests.attack.recordings` runs more."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attack import mutations, recordings
from tests.shared import ROOT
from tests.trainer.builders import row

COUNT = 200


@pytest.mark.parametrize("name", mutations.good_files())
def test_the_files_that_are_mutated_are_good(tmp_path: Path, name: Any) -> None:
    path = tmp_path / name
    path.write_bytes(mutations.good_files()[name])
    scale = 1.0 if path.suffix == ".wav" else None
    assert recordings.read_here(row(path, rate_hz=1000.0, channels=("x",), full_scale=scale)) == "read"


def test_mutations_come_from_the_seed_alone() -> None:
    for name, good in mutations.good_files().items():
        first, again, other = (mutations.mutated(name, good, random.Random(seed)) for seed in (1, 1, 2))
        assert (first == again, first == other) == (True, False)


def test_two_hundred_mutations_harm_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.attack.recordings", "--count", str(COUNT), "--seed", "7"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{COUNT} recordings, 0 harmful" in done.stdout


def test_a_reader_with_a_traceback_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(row: Any, content: Any, where: Any) -> None:
        raise ZeroDivisionError(where)

    monkeypatch.setattr(recordings, "read_parsed", broken)
    tally = recordings.attack(20, 1, tmp_path)
    assert tally.harms
    assert all("traceback: ZeroDivisionError" in harm for harm in tally.harms)


def test_an_effect_outside_and_a_hang_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(row: Any, content: Any, where: Any) -> None:
        (tmp_path / "canary" / "private").write_text("read")
        while True:
            pass

    monkeypatch.setattr(recordings, "read_parsed", busy)
    monkeypatch.setattr(recordings, "HANG_S", 1)
    monkeypatch.setattr(recordings, "listed", lambda path, _: row(path, rate_hz=1000.0, channels=("x",)))
    monkeypatch.setattr(recordings, "mutated", lambda _name, good, _dice: good)
    tally = recordings.attack(2, 3, tmp_path)
    assert any("hang" in harm for harm in tally.harms)
    assert "0: the canary folder was changed" in tally.harms
