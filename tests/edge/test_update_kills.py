"""An update that is killed at any of its system calls leaves the old model or the new one, never none.

All of them, which takes minutes: STEADYHUM_SOAK=1.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.gateway.preparation import prepare
from tests.attack.updates.lab import Case, Lab
from tests.edge.driven import ROOT, needs_strace
from tests.edge.test_spool_kills import MEMORY, SOAK
from tests.waiting import HANG_S, scaled

CALLS = (
    "write,pwrite64,fsync,rename,renameat,renameat2,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,ftruncate"
)
# Without -B the first run of a checkout renames what Python compiled, and the next one does not.
STEP = [sys.executable, "-B", "-m", "tests.faults.update_step"]


@pytest.fixture
def lab() -> Iterator[Lab]:
    root = Path(tempfile.mkdtemp(prefix="update-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    yield Lab(root / "lab")
    shutil.rmtree(root)


def step(case: Case, *words: str, strace: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    wrapper = ["strace", "-o", os.devnull, *strace] if strace else []
    command = [*wrapper, *STEP, str(case.folder / "edge.toml"), str(case.stick), *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=scaled(HANG_S), check=False
    )


def points(case: Case, *words: str) -> list[tuple[str, int]]:
    """System calls of an undisturbed one that change something, behind its first line."""
    with tempfile.NamedTemporaryFile("r") as log:
        done = step(case, *words, strace=("-o", log.name, "-e", f"trace={CALLS}"))
        assert done.returncode == 0, done.stderr
        calls = [(found[1], line) for line in log if (found := re.match(r"(\w+)\(", line))]
    begun = next(n for n, (_, line) in enumerate(calls) if "begun" in line)
    names = [name for name, _ in calls]
    return [(name, names[: n + 1].count(name)) for n, name in enumerate(names) if n > begun]


def some(found: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Two, the link of the end among them."""
    last = [each for each in found if each[0].startswith("rename")][-1]
    return found if SOAK else [found[len(found) // 2], last]


@needs_strace
@pytest.mark.parametrize(
    "way",
    [
        "update",
        pytest.param("back", marks=pytest.mark.skipif(not SOAK, reason="takes minutes: STEADYHUM_SOAK=1")),
    ],
)
def test_killed_at_its_system_calls_it_is_the_old_or_the_new(lab: Lab, way: str) -> None:
    words = () if way == "update" else ("back",)
    begun = lab.case()
    first, second = (hashlib.sha256(each).hexdigest() for each in (lab.first, lab.second))
    if words:
        assert begun.look().startswith("new")
    old, new = (second, first) if words else (first, second)
    counted = Case(begun.folder.with_name("counted"))
    shutil.copytree(begun.folder, counted.folder, symlinks=True)
    found = points(counted, *words)
    assert len(found) > (10 if words else 60)
    for call, when in some(found):
        case = Case(begun.folder.with_name("killed"))
        shutil.copytree(begun.folder, case.folder, symlinks=True)
        done = step(case, *words, strace=("-e", f"inject={call}:signal=KILL:when={when}"))
        assert done.returncode != 0, (call, when, done)
        prepared = prepare(case.folder / "edge.toml")
        assert prepared.sensors[0].model.sha256 in (old, new), (call, when)
        assert not prepared.not_taken_up, (call, when)
        if not words:
            assert case.look().startswith(("new", "same")), (call, when)
            assert case.runs() == new
        shutil.rmtree(case.folder)
