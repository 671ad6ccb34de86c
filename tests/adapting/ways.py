"""How ways to a model for another machine are judged, and the captures that they learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import edge_runtime
from edge_runtime import models
from edge_runtime.core import Frame, Hello
from edge_runtime.models import Artefact, open_trusted, read_adaptation
from edge_runtime.sensors import SimulatedSensor
from trainer.fitting import Order, fit, write
from trainer.recordings import Recording

Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way, on one pair."""

    false: float
    """Share of normal windows that exceed."""
    missed: float
    """Share of faulty windows that do not."""
    auroc: float
    alarms: int = 0
    """False alarms, with votes."""


def outcome(model: Artefact, normal: Floats, faulty: Floats, alarms: int = 0) -> Outcome:
    """Judge windows [n, samples, channels]."""
    well, ill = model.graph.score(normal), model.graph.score(faulty)
    ranks = rankdata(np.concatenate([well, ill]))[len(well) :]
    auroc = (ranks.sum() - len(ill) * (len(ill) + 1) / 2) / (len(well) * len(ill))
    limit = model.manifest.threshold
    return Outcome(float((well > limit).mean()), float((ill <= limit).mean()), float(auroc), alarms)


def table(ways: Mapping[str, Sequence[Outcome]]) -> str:
    """A row for each way: mean over pairs, the worst in brackets."""
    rows = ["| way | false | missed | AUROC | false alarms |", "|---|---|---|---|---|"]
    for way, found in ways.items():
        false, missed = ([100 * getattr(one, name) for one in found] for name in ("false", "missed"))
        areas = [one.auroc for one in found]
        shares = f"{np.mean(false):.2f} % ({max(false):.2f}) | {np.mean(missed):.0f} % ({max(missed):.0f})"
        alarms = sum(one.alarms for one in found)
        rows.append(f"| {way} | {shares} | {np.mean(areas):.3f} ({min(areas):.3f}) | {alarms} |")
    return "\n".join(rows)


def learn(recordings: Sequence[Recording], path: Path, **order: Any) -> None:
    """Fit, calibrate and write a model, as `trainer fit` does."""
    wanted = Order("multivariate_gaussian", power=False, **order)
    write(fit(tuple(recordings), wanted), wanted, path)


def adapted(model: Path, capture: str, where: Path, **wishes: Any) -> Artefact:
    """Adapt a model to what a capture holds, through the file, and open it so."""
    edge_runtime.adapt(open_trusted(model), [capture], where, **wishes)
    return models.adapted(open_trusted(model), read_adaptation(where), str(where))


def write_capture(
    path: Path,
    pieces: Sequence[Floats],
    rate_hz: float,
    channels: tuple[str, ...],
    unit: str = "g",
    serial: str = "simulated",
) -> Path:
    """Write pieces [samples, channels] as a capture, with a gap between each and the next."""
    sensor = SimulatedSensor()
    hello = sensor.encode(Hello(sensor.sensor_id, sensor.boot_id, channels, unit, 1000.0, serial, ""))
    data, sequence, at_us = [hello], 0, 0
    for piece in pieces:
        for start in range(0, len(piece), 200):
            part = np.asarray(piece[start : start + 200], np.float32)
            data.append(sensor.encode(Frame(1, 1, sequence, at_us, rate_hz, 1.0, 0, part)))
            sequence, at_us = sequence + 1, at_us + round(len(part) * 1e6 / rate_hz)
        sequence, at_us = sequence + 5, at_us + 5_000_000
    path.write_bytes(b"".join(data))
    return path


def windows(pieces: Sequence[Floats], samples: int, hop: int) -> Floats:
    """Cut pieces [samples, channels] as the edge does: [n, samples, channels]."""
    cut = [np.lib.stride_tricks.sliding_window_view(piece, samples, axis=0)[::hop] for piece in pieces]
    return np.ascontiguousarray(np.concatenate(cut).transpose(0, 2, 1), np.float32)
