"""A ceiling fan: a model of one speed, normal seconds of another, against a coin on a blade."""

import io
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.calibration import quantile_threshold
from edge_runtime.core import AlarmPolicy, Calibration
from edge_runtime.models import Graph, open_trusted
from edge_runtime.pipeline.adapting import STRETCHES
from tests.adapting.ways import Floats, Outcome, adapted, outcome, windows, write_capture
from tests.shared import FULL
from trainer.core import FitContext
from trainer.detectors import Detector, create
from trainer.export import ExportDetails, write_model

SPEEDS = ("low", "med", "high")
RATE_HZ = 200.0
AXES = ("x", "y", "z")
LEARN_S, AFRESH_S = 60, 140
"""Seconds to learn from; the rest of the fan's 200 are what is judged."""


def learn_windows(cut: Floats, path: Path, hop: int, front_end: str) -> None:
    """Fit on windows [n, samples, channels] of snapshots too short for the trainer's blocks; write the model.

    The threshold is as the trainer's of one condition: a quantile of what was left out, fifth by fifth.
    """
    context = FitContext(RATE_HZ, AXES, "g")

    def fitted(chosen: Floats) -> Detector:
        detector = create("multivariate_gaussian", {"front_end": front_end})
        detector.fit(chosen, context)
        return detector

    held = []
    for part in np.array_split(np.arange(len(cut)), STRETCHES):
        graph = Graph(fitted(np.delete(cut, part, axis=0)).graph().SerializeToString(), "held out")
        held.append(graph.score(cut[part]))
    found = quantile_threshold(np.concatenate(held), None)
    calibration = Calibration(
        found.method, found.rate, found.supported, found.statement, found.windows, (path.stem,), {}
    )
    stamp = ExportDetails(
        path.stem, hop, found.value, calibration, AlarmPolicy(), "0" * 64, "2026-01-01T00:00:00Z"
    )
    write_model(fitted(cut), cut, context, stamp, path)


def recorded() -> dict[str, list[Floats]]:
    """Seconds of the fan [200, 3], by how it ran."""
    found: dict[str, list[Floats]] = {}
    with zipfile.ZipFile(FULL / "ceiling_fan" / "ceiling_fan.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".csv"):
                rows = np.loadtxt(io.BytesIO(archive.read(name)), delimiter=",", dtype=np.float32)
                found.setdefault(name.split("/")[0], []).append(rows[:, :3])
    return found


def ways(
    folder: Path,
    pairs: Sequence[tuple[str, str]] = tuple(itertools.permutations(SPEEDS, 2)),
    seconds: Sequence[int] = (20, LEARN_S, AFRESH_S),
    front_end: str = "spectrum",
    samples: int = 128,
    afresh: bool = True,
) -> dict[str, list[Outcome]]:
    """Every way on pairs of speeds, at windows of 128 samples, two a second, or of 200, one."""
    hop = 72 if samples == 128 else samples
    found = recorded()
    normal = {speed: found[f"fan_0_{speed}_0_weight"] for speed in SPEEDS}
    coin = {speed: windows(found[f"fan_0_{speed}_1_weight"], samples, hop) for speed in SPEEDS}
    rest = {speed: windows(normal[speed][AFRESH_S:], samples, hop) for speed in SPEEDS}
    for speed in dict(pairs):
        learn_windows(windows(normal[speed], samples, hop), folder / f"{speed}.onnx", hop, front_end)
    rows: dict[str, list[Outcome]] = {}
    for base, other in pairs:
        model = folder / f"{base}.onnx"
        shipped = open_trusted(model)
        rows.setdefault("as shipped", []).append(outcome(shipped, rest[other], coin[other]))
        for length in seconds:
            capture = write_capture(folder / "fan.frames", normal[other][:length], RATE_HZ, AXES)
            changed = adapted(model, str(capture), folder / "fan.json", accept=("shift",))
            rows.setdefault(f"adapted, {length} s", []).append(outcome(changed, rest[other], coin[other]))
    for other, length in itertools.product(SPEEDS if afresh else (), seconds):
        fresh = folder / f"{other}-{length}.onnx"
        learn_windows(windows(normal[other][:length], samples, hop), fresh, hop, front_end)
        judged = outcome(open_trusted(fresh), rest[other], coin[other])
        rows.setdefault(f"learnt afresh, {length} s", []).append(judged)
    return rows
