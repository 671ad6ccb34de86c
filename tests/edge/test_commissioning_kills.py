"""A commissioning that is killed at any of its system calls goes on from the step before or the one after.

All of them, which takes minutes: STEADYHUM_SOAK=1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.models.baseline import read_baseline
from edge_runtime.pipeline.commissioned import read_record
from tests.artefacts import write_artefact
from tests.edge.adapting_site import write_adaptable
from tests.edge.driven import ROOT, needs_strace
from tests.edge.learning_site import capture
from tests.edge.test_spool_kills import MEMORY, SOAK, WRITES
from tests.waiting import HANG_S, scaled

STEPS = [sys.executable, "-m", "tests.faults.commissioning_steps"]
TRIED = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="commissioning-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root
    shutil.rmtree(root)


def steps(state: Path, model: Path, way: str, *strace: str) -> tuple[int, list[str]]:
    """Run them; the exit code, and the steps that were done."""
    command = [
        *(["strace", "-o", os.devnull, *strace] if strace else []),
        *STEPS,
        str(state),
        str(model),
        way,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=scaled(HANG_S), check=False
    )
    if not strace:
        assert done.returncode == 0, done.stderr
    return done.returncode, done.stdout.splitlines()


@needs_strace
@pytest.mark.parametrize(
    "way",
    [
        "learn",
        # The small form: a service that is killed while it adapts, in test_service_adapting.
        pytest.param("adapt", marks=pytest.mark.skipif(not SOAK, reason="takes minutes: STEADYHUM_SOAK=1")),
    ],
)
def test_killed_at_its_system_calls_it_resumes_or_reverts(folder: Path, way: str) -> None:
    model = {"learn": write_artefact, "adapt": write_adaptable}[way](folder / "model.onnx")
    begun = folder / "begun"
    capture(begun)
    shutil.copytree(begun, folder / "count")
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-o", log.name, "-e", f"trace={WRITES}", *STEPS]
        subprocess.run(
            [*command, str(folder / "count"), str(model), way], cwd=ROOT, check=True, capture_output=True
        )
        calls = [found[1] for line in log if (found := re.match(r"(\w+)\(", line))]
    points = [(call, calls[: n + 1].count(call)) for n, call in enumerate(calls)]
    assert len(points) > 60
    for call, when in points if SOAK else points[5 :: len(points) // TRIED]:
        state = folder / f"{call}{when}"
        shutil.copytree(begun, state)
        _, done = steps(state, model, way, "-e", f"inject={call}:signal=KILL:when={when}")
        record = read_record(state, "pump")
        entries = int(done[-1].split()[-1]) if done else 0
        assert entries <= len(record.history) <= entries + 2, (call, when, done, record)
        if record.scored:
            sealed = read_baseline(state, "pump", record.baseline)
            assert sealed.model == model.read_bytes()
            assert (sealed.adaptation is not None) == (way == "adapt")
        _, rest = steps(state, model, way)
        assert rest == [] if record.stage == "retired" else rest[-1].startswith("done retired")
        shutil.rmtree(state)
