"""A folder of ready models, each with a card that says what it is good for and what not."""

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
from trainer.ready_models import cards
from trainer.ready_models.cards import CardFigures, ModelFigures
from trainer.recordings import Recording

INT8: Final = "_int8"
"""What the name of a file with 8-bit weights ends with."""


def unsupervised() -> list[str]:
    """Every detector that learns from normal vibration alone."""
    return [name for name, kind in REGISTRY.items() if not kind.supervised]


def make_models(
    recordings: tuple[Recording, ...],
    orders: Sequence[Order],
    folder: Path,
    progress: Progress,
    int8: bool = False,
) -> ModelFigures:
    """Fit each order on the normal recordings, judge it on all, write file, card and the folder's page.

    With `int8` also a variant with 8-bit weights of each detector that has weights, where it is worth it.
    Gives what the page says of every file in the folder.
    """
    make_folder(folder)
    figures = cards.read(folder)
    for number, order in enumerate(orders):
        shelf = _Shelf(recordings, folder, _share(progress, number, len(orders), order.detector))
        figures |= shelf.put(order, int8 and REGISTRY[order.detector].packs)
        if not (folder / f"{order.detector}{INT8}.onnx").exists():
            figures.pop(f"{order.detector}{INT8}", None)
        cards.write(folder, figures, unsupervised())  # what is there is told, whatever happens next
    return figures


class _Shelf:
    """Where files of one detector go."""

    def __init__(self, recordings: tuple[Recording, ...], folder: Path, progress: Progress) -> None:
        self._recordings = recordings
        self._folder = folder
        self._progress = progress
        self._kept: Kept = {}

    def put(self, order: Order, int8: bool) -> ModelFigures:
        """Write the file, and its variant where it is worth it."""
        # Rounding takes the networks that were trained for the file itself: the last tenth of the way.
        made = {order.detector: self._write(order, order.detector, _part(self._progress, 0, 0.9))}
        if int8:
            name = order.detector + INT8
            small = self._write(replace(order, int8=True), name, _part(self._progress, 0.9, 0.1))
            cost = int8_cost(self._path(order.detector), self._path(name), self._recordings)
            made[order.detector]["int8"] = cards.int8_entry(cost)
            if cost.refusal:
                self._drop(name)
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

    def _drop(self, name: str) -> None:
        for suffix in (".onnx", ".md"):
            with suppress(FileNotFoundError):
                self._path(name).with_suffix(suffix).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.onnx"


def _part(progress: Progress, start: float, share: float) -> Progress:
    return lambda done, what: progress(start + share * done, what)


def _share(progress: Progress, number: int, count: int, name: str) -> Progress:
    return lambda done, what: progress((number + done) / count, f"{name}, {number + 1} of {count}: {what}")
