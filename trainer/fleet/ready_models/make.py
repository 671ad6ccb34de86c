"""Make a folder of ready models, each with a card on its data, figures and limits."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge_runtime.models import open_trusted
from trainer import fitting
from trainer.core import Progress, make_folder, write_text
from trainer.detectors import REGISTRY
from trainer.evaluation import evaluate, int8_cost
from trainer.fitting import Kept, Order
from trainer.fleet.ready_models import cards
from trainer.fleet.ready_models.cards import CardFigures, ModelFigures
from trainer.recordings import Recording

INT8: Final = "_int8"
"""Suffix of the name of a variant with 8-bit weights."""


def unsupervised() -> list[str]:
    """Return the names of the detectors that learn from normal vibration alone."""
    return [name for name, kind in REGISTRY.items() if not kind.supervised]


def make_models(
    recordings: tuple[Recording, ...],
    orders: Sequence[Order],
    folder: Path,
    progress: Progress,
    int8: bool = False,
) -> ModelFigures:
    """Fit each order on the normal recordings, evaluate it on all, write file, card and the folder's page.

    With `int8` also a variant with 8-bit weights of each detector that has weights, unless it is refused: see
    `trainer.evaluation.Int8Cost`. Returns what the page says of every file in the folder.
    """
    make_folder(folder)
    figures = cards.read(folder)
    for number, order in enumerate(orders):
        label = f"{order.detector}, {number + 1} of {len(orders)}: "
        part = _part(progress, number / len(orders), 1 / len(orders), label)
        maker = _Maker(recordings, folder, part)
        figures |= maker.make(order, int8 and REGISTRY[order.detector].quantisable)
        if not (folder / f"{order.detector}{INT8}.onnx").exists():
            figures.pop(f"{order.detector}{INT8}", None)
        cards.write(folder, figures, unsupervised())  # after each: if a later one fails, the page is complete
    return figures


class _Maker:
    """Makes the files of one detector; its variant takes the fits of the file itself."""

    def __init__(self, recordings: tuple[Recording, ...], folder: Path, progress: Progress) -> None:
        self._recordings = recordings
        self._folder = folder
        self._progress = progress
        self._kept: Kept = {}

    def make(self, order: Order, int8: bool) -> ModelFigures:
        """Write the file, and with `int8` its variant unless that is refused; returns the figures of both."""
        # The variant only rounds networks that have been trained: a tenth of the progress.
        made = {order.detector: self._write(order, order.detector, _part(self._progress, 0, 0.9))}
        if int8:
            name = order.detector + INT8
            small = self._write(replace(order, int8=True), name, _part(self._progress, 0.9, 0.1))
            cost = int8_cost(self._path(order.detector), self._path(name), self._recordings)
            made[order.detector]["int8"] = cards.int8_entry(cost)
            if cost.refusal:
                for suffix in (".onnx", ".md"):
                    with suppress(FileNotFoundError):
                        self._path(name).with_suffix(suffix).unlink()
            else:
                made[name] = small
        return made

    def _write(self, order: Order, name: str, progress: Progress) -> CardFigures:
        path, order = self._path(name), replace(order, name=name)
        fitted = fitting.fit(self._recordings, order, progress, self._kept)
        manifest = fitting.write(fitted, order, path)
        found = evaluate(open_trusted(path), self._recordings)
        text = cards.card(manifest, found, self._recordings, path)
        write_text(path.with_suffix(".md"), text)
        return cards.entry(manifest, found, self._recordings, path)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.onnx"


def _part(progress: Progress, start: float, share: float, label: str = "") -> Progress:
    return lambda done, what: progress(start + share * done, f"{label}{what}")
