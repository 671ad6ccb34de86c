"""Fitting: all that `trainer fit` does over the estimator alone, and memory against what was recorded.

Ours is the fit, the fits with one condition left out each, the scores they rest on, the graph, the comparison
with the fitted object, and the file that proved itself. The other side is one fit, and no file.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as Folder
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from torch import Tensor, nn

from edge_runtime.core.records import Samples
from tests.benchmarks import inside, models
from tests.benchmarks.measure import Goal, Measure, Work, interleave, ratio
from tests.shared import ROOT
from trainer import fitting
from trainer.detectors import options_of
from trainer.detectors.base import Detector
from trainer.fitting import Order
from trainer.recordings.listing import COLUMNS
from trainer.recordings.recording import Recording

HOP = 256
EPOCHS = 3
ROUNDS = 5
SKLEARN: dict[str, Callable[[], Any]] = {
    "multivariate_gaussian": EmpiricalCovariance,
    "principal_components": lambda: PCA(0.95, svd_solver="full"),
    "isolation_forest": lambda: IsolationForest(random_state=0),
    "local_outlier_factor": lambda: LocalOutlierFactor(novelty=True),
    "one_class_svm": lambda: OneClassSVM(nu=0.05),
    "kmeans": lambda: KMeans(8, n_init=10, random_state=0),
    "gaussian_mixture": lambda: GaussianMixture(3, reg_covar=1e-3, n_init=3, max_iter=300, random_state=0),
}
TORCH = ("linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
MEMORY_HOURS = (0.6, 1.8)
"""Both beyond what a fit keeps, with a condition left out, too: what grows is what would go on growing."""
PIECE_S = 180


def recordings() -> tuple[Recording, ...]:
    """The benchmark's signals as recordings of one condition each."""
    return tuple(
        Recording(
            f"r{n}", f"r{n}", signal, models.RATE_HZ, 5000.0, models.CHANNELS, "g", "normal", str(n), str(n)
        )
        for n, signal in enumerate(models.signals())
    )


def ours(name: str, parts: tuple[Recording, ...], folder: Folder) -> Any:
    """Fit, calibrate and write one detector; gives what was fitted."""
    options = {"epochs": str(EPOCHS), "patience": str(EPOCHS)} if name in TORCH else {}
    order = Order(name, options, samples=models.SAMPLES, hop=HOP)
    found = fitting.fit(parts, order)
    found.detector.parity = 1e-3  # type: ignore[misc]  # as in models.write
    fitting.write(found, order, folder / f"{name}.onnx")
    return found


def measure(only: Sequence[str] = ()) -> Iterator[Measure]:
    """Give the ratios, of the detectors named or of all; of all, also what a hundred hours would take."""
    parts = recordings()
    with tempfile.TemporaryDirectory() as folder:
        for name in only or (*SKLEARN, *TORCH):
            if name in SKLEARN or name in TORCH:
                yield _measure(name, parts, Folder(folder))
        if not only:
            yield memory(Folder(folder))


def _measure(name: str, parts: tuple[Recording, ...], folder: Folder) -> Measure:
    fitted = ours(name, parts, folder)
    alone = _torch_alone(fitted.detector, fitted.windows) if name in TORCH else _sklearn_alone(name, fitted)
    seconds = interleave({"ours": lambda: ours(name, parts, folder), "alone": alone}, ROUNDS, turns=1)
    taken = ", ".join(f"{side} {min(found):.2g} s" for side, found in seconds.items())
    note = f"ours: {len(parts) + 1} fits, of {len(fitted.windows)} windows the last; {taken} (best)"
    peer = "torch" if name in TORCH else "sklearn"
    return ratio(f"fit_over_{peer}.{name}", seconds["ours"], seconds["alone"], note=note)


def _sklearn_alone(name: str, fitted: Any) -> Work:
    """The estimator on the very features, which somebody else has computed and kept."""
    features = inside.features(fitted.detector, fitted.windows).astype(np.float64)
    return lambda: SKLEARN[name]().fit(StandardScaler().fit_transform(features))


def _torch_alone(detector: Detector, windows: Samples) -> Work:
    """The plain loop of a tutorial over a network of the same shape, from the standardised windows on."""
    rows = inside.scale(detector).apply(inside.features(detector, windows))
    inputs, network = torch.from_numpy(rows).float(), inside.network(detector)
    if detector.name.startswith("conv"):
        inputs = inputs.reshape(len(inputs), -1, len(models.CHANNELS)).swapaxes(1, 2)
    elif detector.name.startswith("lstm"):
        inputs = inputs.reshape(len(inputs), -1, inside.step_width(detector))
    start = {name: value.clone() for name, value in network.state_dict().items()}
    batch, learning_rate = (options_of(detector.name)[option] for option in ("batch", "learning_rate"))
    return lambda: _loop(network, start, inputs, int(batch), float(learning_rate))


def _loop(
    network: nn.Module, start: dict[str, Tensor], inputs: Tensor, batch: int, learning_rate: float
) -> None:
    network.load_state_dict(start)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(inputs)), batch):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(network(inputs[rows]), inputs[rows])
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimiser.step()
    network.eval()


def memory(folder: Folder, detector: str = "gaussian", hours: Sequence[float] = MEMORY_HOURS) -> Measure:
    """Peak memory of `trainer fit` at two sizes, extrapolated to a hundred hours of 12 kHz x 3."""
    peaks_gb = [peak_gb(write_list(folder / str(size), size), detector, folder) for size in hours]
    slope = max(0.0, (peaks_gb[1] - peaks_gb[0]) / (hours[1] - hours[0]))  # what is left of it is noise
    measured = ", ".join(f"{peak:.3f} GB at {size:g} h" for peak, size in zip(peaks_gb, hours, strict=True))
    note = f"{detector}: {measured}, {1000 * slope:.1f} MB an hour"
    return Measure("trainer_memory_gb_at_100h", "GB", [peaks_gb[1] + slope * (100 - hours[1])], Goal(8), note)


def write_list(folder: Folder, hours: float, conditions: int = 2) -> Folder:
    """Write noise of so many hours as a recordings list, three minutes a file, and give the list."""
    folder.mkdir()
    lines = [",".join(COLUMNS)]
    for number in range(round(hours * 3600 / PIECE_S)):
        rng = np.random.default_rng(number)
        samples = rng.standard_normal((round(PIECE_S * models.RATE_HZ), 3), dtype=np.float32)
        np.savez(folder / f"r{number}.npz", samples=samples)
        row = dict.fromkeys(COLUMNS, "")
        row |= {"file": f"r{number}.npz", "label": "normal", "condition": f"{number % conditions} hp"}
        row |= {"rate_hz": "12000", "channels": "x y z", "unit": "g"}
        lines.append(",".join(row.values()))
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def peak_gb(listing: Folder, detector: str, folder: Folder) -> float:
    """Most memory that `trainer fit`, or a process it started, held at any time."""
    command = [sys.executable, "-m", "trainer", "fit", str(listing), "--detector", detector]
    child = subprocess.Popen([*command, "-o", str(folder / "m.onnx")], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"trainer fit ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024 / 1e9
