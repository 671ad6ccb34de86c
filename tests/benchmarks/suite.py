"""The parts of the benchmark, in order."""

import tempfile
from pathlib import Path as Folder

import torch

from tests.benchmarks import alarms, footprint, installed, latency, models, path, scale, spectrum, usual
from trainer.detectors import REGISTRY

PATH = ("multivariate_gaussian", "linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
SKLEARN = ("isolation_forest", "local_outlier_factor", "one_class_svm", "kmeans", "gaussian_mixture")
SITE_MODEL = "multivariate_gaussian"


class Shelf:
    """Detectors fitted when first asked for."""

    def __init__(self, folder):
        self.folder, self._detectors, self._files = folder, {}, {}

    def detector(self, name):
        if name not in self._detectors:
            self._detectors[name] = models.fitted(name)
        return self._detectors[name]

    def file(self, name, hop=models.SAMPLES):
        if (name, hop) not in self._files:
            folder = self.folder / f"hop{hop}"
            self._files[name, hop] = models.write(self.detector(name), folder, hop=hop)
        return self._files[name, hop]


def _path(shelf):
    names = [*PATH, *(name for name in models.unsupervised() if name not in PATH)]
    for name in names:
        yield from path.measure(name, shelf.file(name))


def _scripts(shelf):
    names = (SITE_MODEL, "isolation_forest")
    return usual.measure_scripts({name: shelf.file(name) for name in names})


def _eager(shelf):
    for name in usual.EAGER:
        yield from usual.measure_eager(name, shelf.detector(name), shelf.file(name))


def _sklearn(shelf):
    for name in (name for name in SKLEARN if name in REGISTRY):
        yield from usual.measure_sklearn(name, shelf.detector(name), shelf.file(name))


PARTS = {
    "path": _path,
    "scripts": _scripts,
    "eager": _eager,
    "sklearn": _sklearn,
    "spectrum": lambda shelf: spectrum.measure(shelf.folder),
    "latency": lambda shelf: latency.measure(shelf.file(SITE_MODEL, hop=256)),
    "alarms": lambda shelf: alarms.measure(shelf.file(SITE_MODEL, hop=256)),
    "start": lambda shelf: footprint.measure_start(shelf.file(SITE_MODEL)),
    "installed": lambda _shelf: installed.measure(),
    "scale": lambda shelf: scale.measure(shelf.file(SITE_MODEL)),
    "quiet": lambda shelf: footprint.measure(shelf.file(SITE_MODEL)),
}


def run(words):
    """Give the measures of the parts named, or of all."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Folder(folder))
        for name, part in PARTS.items():
            if not words or name in words:
                yield from part(shelf)
