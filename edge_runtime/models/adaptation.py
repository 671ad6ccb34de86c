"""An adaptation beside its model: read, written, put to work.

The model's file stays as it is. onnxruntime takes other values for named initialisers when it opens a file
(`SessionOptions.add_initializer`), which gives the scores of an edited file; without them the file scores as
it was shipped, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import (
    ADAPTATION_BYTES,
    Adaptation,
    ArtefactError,
    UnavailableError,
    adaptation_from_text,
    adaptation_to_text,
    read_small,
    write_whole,
)
from edge_runtime.models.scorer import Artefact, Graph, check_golden
from edge_runtime.models.sessions import Initializers

_NOT_ADAPTABLE: Final = (
    "Learn from this machine's own vibration, or take a model of gaussian, multivariate_gaussian or zscore "
    "that this version's `trainer fit` wrote"
)
_TELLS_STATES: Final = "Take a model fitted without --states, or learn from this machine's own vibration"
_ALTERED: Final = "The file was altered after export; export it again"


class Standardisation:
    """Mean and scale of the features in an adaptable model's file, and its graph with others in their
    place."""

    def __init__(self, artefact: Artefact) -> None:
        """Look for what the manifest names.

        Raises ArtefactError for a model that names nothing, and one whose graph has no such constants.
        """
        manifest, graph = artefact.manifest, artefact.graph
        if manifest.adaptable is None:
            raise ArtefactError(
                f"a model of {manifest.detector} cannot be adapted: its file names nothing that another "
                "machine could set",
                where=graph.where,
                remedy=_NOT_ADAPTABLE,
            )
        if manifest.states is not None:
            what = "a model that tells operating states apart cannot be adapted: they are the other machine's"
            raise ArtefactError(what, where=graph.where, remedy=_TELLS_STATES)
        self._artefact = artefact
        self._names = [str(manifest.adaptable[name]) for name in ("mean", "per_deviation")]
        self._features = str(manifest.adaptable["features"])
        self.reach = float(manifest.adaptable["reach"])
        """How far from the mean any window lay that was learnt from."""
        found = [graph.initializer(name) for name in self._names]
        mean, per_deviation = found
        if mean is None or per_deviation is None or mean.shape != per_deviation.shape or not len(mean):
            raise ArtefactError(
                f"the graph has no constants {' and '.join(self._names)} of one length, "
                "which the manifest names",
                where=graph.where,
                remedy=_ALTERED,
            )
        self.mean: NDArray[np.float64] = mean.astype(np.float64)
        self.per_deviation: NDArray[np.float64] = per_deviation.astype(np.float64)
        self._kind: np.dtype[Any] = mean.dtype

    def features(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """What is standardised, of windows [n, samples, channels]: [n, features].

        Raises ArtefactError where the graph has no such output, or it is not as wide as the mean.
        """
        found = self._artefact.graph.output(self._features, windows)
        if found.shape != (len(windows), len(self.mean)):
            raise ArtefactError(
                f"the output {self._features!r} has the shape {list(found.shape)}, and the mean "
                f"{len(self.mean)} values",
                where=self._artefact.graph.where,
                remedy=_ALTERED,
            )
        return found.astype(np.float64)

    def graph(
        self, mean: Sequence[float] | NDArray[Any], per_deviation: Sequence[float] | NDArray[Any]
    ) -> Graph:
        """The model's graph with these in place of its own, [features] each."""
        values: Initializers = {
            name: np.array(part, dtype=self._kind)
            for name, part in zip(self._names, (mean, per_deviation), strict=True)
        }
        return self._artefact.graph.with_initializers(values)


def adapted(artefact: Artefact, adaptation: Adaptation, where: str) -> Artefact:
    """Put an adaptation to work on the model it was made from; `where` names its file in messages.

    The threshold, what supports it and the golden windows become the adaptation's. The limit for slow changes
    and the faults that the model would hear were of the other machine, and are dropped. Raises ArtefactError
    for another model's adaptation, and for golden windows that score differently here.
    """
    manifest, graph = artefact.manifest, artefact.graph
    if adaptation.base != graph.digest:
        raise ArtefactError(
            f"was made for the model {adaptation.name} with SHA-256 {adaptation.base[:12]}..., "
            f"and this one has {graph.digest[:12]}...",
            where=where,
            remedy="Give the model that was adapted, or adapt this one",
        )
    named = Standardisation(artefact)
    here = (adaptation.rate_hz, adaptation.channels, adaptation.unit, len(adaptation.mean))
    made = (manifest.rate_hz, manifest.channels, manifest.unit, len(named.mean))
    if here != made or any(len(golden.samples) != manifest.samples for golden in adaptation.golden):
        what = f"rate, channels, unit and number of features are {here} here and {made} in the model"
        raise ArtefactError(what, where=where, remedy="Adapt the model again")
    changed = replace(
        manifest,
        threshold=adaptation.threshold,
        calibration=adaptation.calibration,
        golden=adaptation.golden,
        power=None,
        slow_alarm=None,
        origin={"origin": "adapted", "created": adaptation.created, "digest": adaptation.digest},
    )
    set_so = named.graph(adaptation.mean, adaptation.per_deviation)
    check_golden(changed, set_so, where)
    return Artefact(changed, set_so)


def read_adaptation(path: Path) -> Adaptation:
    """Read an adaptation's file.

    Raises ArtefactError for a file that is missing, too large, edited, or none.
    """
    try:
        data = read_small(path, ADAPTATION_BYTES)
    except OSError as error:
        raise ArtefactError(
            error.strerror or "cannot be read",
            where=str(path),
            remedy="Give the path of a file that `edge-runtime adapt` wrote",
        ) from error
    return adaptation_from_text(data.decode("utf-8", "replace"), str(path))


def write_adaptation(adaptation: Adaptation, path: Path) -> None:
    """Write an adaptation's file, whole or not at all. Raises UnavailableError where that cannot be done."""
    try:
        write_whole(path, adaptation_to_text(adaptation).encode())
    except OSError as error:
        raise UnavailableError(
            f"cannot be written ({error.strerror})",
            where=str(path),
            remedy="Give a path in a folder that exists, that this user may write to, and that has room",
        ) from error
