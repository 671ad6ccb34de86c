"""The parts of the benchmark, in order."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path as Folder

import torch

from tests.benchmarks import (
    alarms,
    engines,
    evidence,
    footprint,
    history,
    installed,
    latency,
    learning,
    litert,
    models,
    path,
    recording,
    scale,
    spectrum,
    training,
    usual,
    worker,
)
from tests.benchmarks.measure import Measure
from trainer.detectors import REGISTRY
from trainer.detectors.base import Detector

PATH = ("multivariate_gaussian", "linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
SKLEARN = ("isolation_forest", "local_outlier_factor", "one_class_svm", "kmeans", "gaussian_mixture")
SITE_MODEL = "multivariate_gaussian"


Measures = Iterator[Measure]


class Shelf:
    """Detectors fitted when first asked for."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._detectors: dict[str, Detector] = {}
        self._files: dict[tuple[str, int], Folder] = {}

    def detector(self, name: str) -> Detector:
        if name not in self._detectors:
            self._detectors[name] = models.fitted(name)
        return self._detectors[name]

    def file(self, name: str, hop: int = models.SAMPLES) -> Folder:
        if (name, hop) not in self._files:
            folder = self.folder / f"hop{hop}"
            self._files[name, hop] = models.write(self.detector(name), folder, hop=hop)
        return self._files[name, hop]


def _path(shelf: Shelf, only: Sequence[str]) -> Measures:
    names = [*PATH, *(name for name in models.unsupervised() if name not in PATH)]
    for name in _chosen(names, only):
        yield from path.measure(name, shelf.file(name))


def _scripts(shelf: Shelf, only: Sequence[str]) -> Measures:
    names = _chosen((SITE_MODEL, "isolation_forest"), only)
    return usual.measure_scripts({name: shelf.file(name) for name in names})


def _eager(shelf: Shelf, only: Sequence[str]) -> Measures:
    for name in _chosen(usual.EAGER, only):
        yield from usual.measure_eager(name, shelf.detector(name), shelf.file(name))


def _engines(shelf: Shelf, only: Sequence[str]) -> Measures:
    for name in _chosen(engines.NAMES, only) if engines.is_there() else ():
        yield from engines.measure(name, shelf.file(name))
    for name in _chosen(litert.NAMES, only) if litert.is_there() else ():
        yield from litert.measure(name, shelf.detector(name), shelf.file(name))


def _sklearn(shelf: Shelf, only: Sequence[str]) -> Measures:
    for name in _chosen(SKLEARN, only):
        yield from usual.measure_sklearn(name, shelf.detector(name), shelf.file(name))


def _chosen(names: Iterable[str], only: Sequence[str]) -> list[str]:
    return [name for name in names if name in REGISTRY and (not only or name in only)]


OF_DETECTORS: dict[str, Callable[[Shelf, Sequence[str]], Measures]] = {
    "path": _path,
    "scripts": _scripts,
    "eager": _eager,
    "engines": _engines,
    "sklearn": _sklearn,
    "training": lambda _shelf, only: training.measure(only),
}
OF_THE_WHOLE: dict[str, Callable[[Shelf], Measures]] = {
    "spectrum": lambda shelf: spectrum.measure(shelf.folder),
    "latency": lambda shelf: latency.measure(shelf.file(SITE_MODEL, hop=256)),
    "alarms": lambda shelf: alarms.measure(shelf.file(SITE_MODEL, hop=256)),
    "start": lambda shelf: footprint.measure_start(shelf.file(SITE_MODEL)),
    "installed": lambda _shelf: installed.measure(),
    "worker": lambda shelf: worker.measure(shelf.file(worker.NAME)),
    "scale": lambda shelf: scale.measure(shelf.file(SITE_MODEL)),
    "recording": lambda shelf: recording.measure(shelf.file(SITE_MODEL, hop=256)),
    "evidence": lambda shelf: evidence.measure(shelf.file(SITE_MODEL, hop=256)),
    "history": lambda shelf: history.measure(shelf.file(SITE_MODEL)),
    "learning": lambda shelf: learning.measure(shelf.file(SITE_MODEL, hop=256)),
    "quiet": lambda shelf: footprint.measure(shelf.file(SITE_MODEL)),
}


PARTS = (*OF_DETECTORS, *OF_THE_WHOLE)


def run(words: Sequence[str]) -> Measures:
    """Give the measures of the parts named, or of all; of the detectors named, or of all."""
    torch.set_num_threads(1)
    only = [word for word in words if word in REGISTRY]
    parts = [word for word in words if word not in REGISTRY]
    if unknown := set(parts) - set(PARTS):
        raise SystemExit(f"bench: there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Folder(folder))
        for name in PARTS:
            if name in (parts or PARTS):
                whole = OF_THE_WHOLE.get(name)
                yield from _attempted(name, whole(shelf) if whole else OF_DETECTORS[name](shelf, only))


def _attempted(name: str, measures: Measures) -> Measures:
    try:
        yield from measures
    except AssertionError as error:  # what other parts measure is not lost to a machine too busy for this one
        print(f"bench: {name} came to nothing: {error}")
