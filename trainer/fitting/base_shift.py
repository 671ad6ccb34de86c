"""How far a machine lies from a model of the same kind of machine: a warning, where it is farther than the
conditions that the model was made from lie from each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import DataError, EdgeError
from edge_runtime.models import Artefact, load_model
from trainer.recordings import Recording, cut_windows

_WINDOWS: Final = 256
"""Of each recording that are scored, evenly over its time: their median is that of all within percents."""
_NAMED: Final = 3
"""Features that are named: as many as a person looks at."""


def shift_from_base(path: Path, recordings: Sequence[Recording]) -> list[str]:
    """Sentences for a person: that the base cannot judge these recordings, or how far they are from it."""
    try:
        base = load_model(path)
        return _shift(base, recordings)
    except EdgeError as error:
        return [f"The base model could not be compared with: {error.what}. {error.remedy or ''}".strip()]


def _shift(base: Artefact, recordings: Sequence[Recording]) -> list[str]:
    first, manifest = recordings[0], base.manifest
    for what, ours, theirs in (
        ("rate in Hz", first.rate_hz, manifest.rate_hz),
        ("channels", " ".join(first.channels), " ".join(manifest.channels)),
        ("unit", first.unit, manifest.unit),
    ):
        if ours != theirs:
            raise DataError(f"its {what} is {theirs}, this sensor's {ours}", remedy="Name another base model")
    drawn = [np.empty((0, manifest.samples, len(first.channels)), np.float32)]
    for item in recordings:
        if len(item.stored) >= manifest.samples:
            found = cut_windows(item, manifest.samples, manifest.hop)
            drawn.append(found[np.unique(np.linspace(0, len(found) - 1, _WINDOWS).astype(int))])
    windows = np.concatenate(drawn)
    scores = base.graph.score(windows)
    usual, farthest = (manifest.calibration.quantiles.get(name) for name in ("0.5", "1"))
    middle = float(np.median(scores))
    if farthest is None or usual is None or middle <= farthest:
        return []
    named = ""
    if base.graph.explains:
        parts = np.median(base.graph.contributions(windows), axis=0)
        named = ", most by " + ", ".join(manifest.features[at].name for at in np.argsort(-parts)[:_NAMED])
    return [
        f"This machine is not like those of the model {manifest.name}: its median score is {middle:.3g}, "
        f"theirs was {usual:.3g} and at most {farthest:.3g}{named}. It may be another machine, or a faulty "
        "one"
    ]
