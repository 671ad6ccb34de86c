"""Principal components of the waveform: the linear autoencoder's best solution, in closed form.

Source: P. Baldi and K. Hornik, "Neural networks and principal component analysis", Neural Networks 2 (1989).
The reconstruction of a linear autoencoder that is trained to the end is the projection on the leading
principal components; here it is computed at once, the same every time.
"""

from typing import Any, Final

import numpy as np

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import int8
from trainer.detectors.building_blocks.reconstruction import ReconstructionDetector
from trainer.detectors.building_blocks.vectors import Floats, rounded
from trainer.graphs import GraphValue

COMPONENT_BYTES: Final = 1_600_000
FILE_BYTES: Final = (16_000, 100, 14)
"""What a file holds besides: at any rate, for each sample (the spectrum), for each value (mean and bands)."""
GOLDEN_BYTES: Final = (262_144, 54)
"""Golden windows, as text: at the most, and for each value of a window."""
MOST_WINDOWS: Final = 4096
"""Of more windows than this, evenly chosen ones do: their covariance has long settled."""

EXACT_BELOW: Final = 1e-5
"""Where less than this share of the variance is left, single precision would lose too much of the rest."""


class PrincipalComponents(ReconstructionDetector):
    """What lies outside the leading principal components of normal windows."""

    name = "principal_components"
    summary = "what lies outside the leading principal components: the linear autoencoder's closed form"

    def __init__(self, front_end: str = "", variance: float = 0.95, most: int = 256) -> None:
        """Keep components until `variance` of the training variance is explained, `most` at the most.

        Long windows of several channels keep fewer, as many as fit in a small file.
        """
        super().__init__(front_end)
        if not 0 < variance < 1 or most < 1:
            raise ChoiceError(
                f"principal_components cannot keep {variance:g} of the variance in {most} components",
                remedy="Give a variance between 0 and 1 and at least one component",
            )
        self._variance = variance
        self._most = most

    def needs(self, width: int) -> int:
        """Ask for enough windows to tell a few components apart."""
        return min(width, 8) + 1

    def _learn(self, vectors: Floats) -> None:
        self._mean: Floats = rounded(vectors.mean(axis=0))
        variances, axes = _principal(vectors - self._mean)
        explained = np.cumsum(variances) / max(variances.sum(), 1e-30)
        kept = int(np.searchsorted(explained, self._variance)) + 1
        room = min(self._most, len(variances) - 1, self._room(vectors.shape[1]))
        kept = max(min(kept, room), 1)
        self._axes: Floats = rounded(axes[:, :kept])
        self._left = float(1 - explained[kept - 1])
        self._notes["components"] = f"{kept}, {explained[kept - 1]:.4f} of the training variance"

    def _room(self, width: int) -> int:
        """How many components of so many values the file has room for."""
        always, sample, value = FILE_BYTES
        most, golden = GOLDEN_BYTES
        besides: int = always + sample * self._samples + value * width + min(most, golden * width)
        return min(COMPONENT_BYTES, self.max_bytes - besides) // (4 * width)

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        # Stored once, in single precision: loading folds the rest.
        axes = int8.constant(vectors.builder, self._axes, axis=1)
        axes = axes.as_double() if vectors.double else axes
        return (vectors - self._mean) @ axes @ axes.transpose(1, 0) + self._mean

    def _rounded(self) -> dict[str, Any]:
        return {"_axes": int8.rounded(self._axes, axis=1)}

    def _exact(self) -> bool:
        return self._left < EXACT_BELOW

    def _rebuilt(self, vectors: Floats) -> Floats:
        return np.asarray((vectors - self._mean) @ self._axes @ self._axes.T + self._mean)


def _principal(centred: Floats) -> tuple[Floats, Floats]:
    """Variances, largest first, and axes [features, components] of rows [n, features]."""
    rows = centred[np.linspace(0, len(centred) - 1, min(len(centred), MOST_WINDOWS)).round().astype(int)]
    count, width = rows.shape
    wide = count < width  # the rows span less than the space; their inner products are the smaller matrix
    values, vectors = np.linalg.eigh((rows @ rows.T if wide else rows.T @ rows) / count)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    if wide:
        vectors = rows.T @ vectors / np.sqrt(np.maximum(values * count, 1e-30))
    return values, vectors
