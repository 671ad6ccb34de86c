"""The parts of the benchmark, in order."""

import tempfile
from pathlib import Path as Folder

import torch

from tests.benchmarks import latency, models, path

PATH = ("multivariate_gaussian", "linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
SITE_MODEL = "multivariate_gaussian"


class Shelf:
    """Detectors fitted when first asked for."""

    def __init__(self, folder):
        self._folder, self._detectors, self._files = folder, {}, {}

    def detector(self, name):
        if name not in self._detectors:
            self._detectors[name] = models.fitted(name)
        return self._detectors[name]

    def file(self, name, hop=models.SAMPLES):
        if (name, hop) not in self._files:
            folder = self._folder / f"hop{hop}"
            self._files[name, hop] = models.write(self.detector(name), folder, hop=hop)
        return self._files[name, hop]


def _path(shelf):
    names = [*PATH, *(name for name in models.unsupervised() if name not in PATH)]
    for name in names:
        yield from path.measure(name, shelf.file(name))


def _latency(shelf):
    return latency.measure(shelf.file(SITE_MODEL, hop=256))


PARTS = {"path": _path, "latency": _latency}


def run(words):
    """Give the measures of the parts named, or of all."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Folder(folder))
        for name, part in PARTS.items():
            if not words or name in words:
                yield from part(shelf)
