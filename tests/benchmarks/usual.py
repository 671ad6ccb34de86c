"""What a user would write instead: the tutorials' script, PyOD, eager torch; on the same windows.

The path under them is the whole path, from frames to verdicts; the scripts start from the window.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path as File
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import IsolationForest
from torch import Tensor

from edge_runtime.core.records import Samples
from edge_runtime.models import scorer
from tests.benchmarks import inside, models
from tests.benchmarks.measure import Goal, Measure, Work, interleave, ratio
from tests.benchmarks.path import WINDOWS, Path, line
from trainer.detectors.base import Detector

Values = NDArray[np.floating]
EAGER = ("linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
SLOW = 8
"""Windows a round of what takes ten milliseconds a window."""


def features(window: Samples) -> Values:
    """Give the features that tutorials take of each channel: statistics, and the spectrum in 24 bands."""
    values = []
    for signal in window.T:
        centred = signal - signal.mean()
        rms = np.sqrt(np.mean(centred**2))
        values += [rms, np.abs(centred).max(), stats.kurtosis(centred), stats.skew(centred)]
        values += [values[-3] / rms, stats.entropy(np.histogram(centred, 20)[0] + 1), np.ptp(centred)]
        power = np.abs(np.fft.rfft(centred * np.hanning(len(centred)))) ** 2
        values += [band.mean() for band in np.array_split(power, 24)]
    return np.array(values)


def measure_scripts(files: Mapping[str, File]) -> Iterator[Measure]:
    """The usual script over the whole path, for each of {detector: file}, and PyOD's two beside it."""
    windows = models.windows()
    table = np.array([features(window) for window in windows])
    chosen = [window.astype(np.float64) for window in windows[:SLOW]]
    forest = IsolationForest(n_estimators=100, random_state=0).fit(table)
    scripts: dict[str, Work] = {
        "usual_script": lambda: [forest.score_samples(features(w).reshape(1, -1)) for w in chosen]
    }
    scripts |= _pyod(table, chosen)
    encoded = line()
    for name, file in files.items():
        path = Path(file)
        seconds = interleave({"path": partial(path.feed_all, encoded), **scripts})
        per_window = {
            key: np.array(taken) / (WINDOWS if key == "path" else SLOW) for key, taken in seconds.items()
        }
        for script in scripts:
            goal = {"multivariate_gaussian": Goal(60, True), "isolation_forest": Goal(8, True)}.get(name)
            goal = goal if script == "usual_script" else None
            us = {key: 1e6 * float(np.median(taken)) for key, taken in per_window.items()}
            note = f"path {us['path']:.0f} us, script {us[script]:.0f} us"
            yield ratio(
                f"{script}_over_path.{name}", list(per_window[script]), list(per_window["path"]), goal, note
            )


def _pyod(table: Values, chosen: Sequence[Values]) -> dict[str, Work]:
    if importlib.util.find_spec("pyod") is None:
        print("bench: PyOD is not installed (pip install pyod), its detectors are left out")
        return {}
    iforest = importlib.import_module("pyod.models.iforest").IForest
    ecod = importlib.import_module("pyod.models.ecod").ECOD
    fitted = {"pyod_iforest": iforest(random_state=0).fit(table), "pyod_ecod": ecod().fit(table)}

    def scores(model: Any) -> list[Any]:
        return [model.decision_function(features(window).reshape(1, -1)) for window in chosen]

    return {name: partial(scores, model) for name, model in fitted.items()}


def measure_eager(name: str, detector: Detector, file: File) -> Iterator[Measure]:
    """Eager torch, the fitted network itself, from the window to the score, over the whole path."""
    path, encoded = Path(file), line()
    windows = torch.from_numpy(models.windows()[:WINDOWS].copy())
    eager = Eager(detector)
    np.testing.assert_allclose(
        eager.score(windows[3]), scorer.open_trusted(file).graph.score_one(windows[3].numpy()), rtol=1e-3
    )
    with torch.no_grad():
        seconds = interleave(
            {
                "path": lambda: path.feed_all(encoded),
                "eager": lambda: [eager.score(window) for window in windows],
            }
        )
    over = [taken * WINDOWS / len(windows) for taken in seconds["eager"]]
    yield ratio(f"eager_over_path.{name}", over, seconds["path"], Goal(2, True))


class Eager:
    """The network as its author would run it: centre, scale, forward, mean square."""

    def __init__(self, detector: Detector) -> None:
        self._network, scale = inside.network(detector).eval(), inside.scale(detector)
        self._mean = torch.from_numpy(np.asarray(scale.mean, np.float32))
        self._per = torch.from_numpy(np.asarray(scale.per_deviation, np.float32))
        kind = detector.name.split("_")[0]
        self._step = inside.step_width(detector) if kind == "lstm" else 0
        shapes: dict[str, Callable[[Tensor], Tensor]] = {"conv": self._channels_first, "lstm": self._steps}
        self._shape = shapes.get(kind, self._flat)

    @torch.no_grad()
    def score(self, window: Tensor) -> float:
        vector = (window - window.mean(dim=0)).reshape(1, -1)
        inputs = self._shape((vector - self._mean) * self._per)
        return float(torch.mean((inputs - self._network(inputs)) ** 2))

    def _flat(self, vector: Tensor) -> Tensor:
        return vector

    def _channels_first(self, vector: Tensor) -> Tensor:
        return vector.reshape(1, -1, len(models.CHANNELS)).transpose(1, 2)

    def _steps(self, vector: Tensor) -> Tensor:
        return vector.reshape(1, -1, self._step)


def measure_sklearn(name: str, detector: Detector, file: File) -> Iterator[Measure]:
    """scikit-learn's own object from the features on, over onnxruntime from the window on."""
    graph = scorer.open_trusted(file).graph
    windows = models.windows()[:WINDOWS]
    rows = inside.scale(detector).apply(inside.features(detector, windows))
    seconds = interleave(
        {
            "sklearn": lambda: [inside.judge(detector, row) for row in rows[:, np.newaxis]],
            "ort": lambda: [graph.score_one(window) for window in windows],
        },
        rounds=7,
    )
    yield ratio(f"sklearn_over_ort.{name}", seconds["sklearn"], seconds["ort"], Goal(1, True))
