"""Principal components of the waveform: the optimum of a linear autoencoder, in closed form.

Source: P. Baldi and K. Hornik, "Neural networks and principal component analysis", Neural Networks 2 (1989).
The reconstruction of a fully trained linear autoencoder is the projection on the leading principal
components; computed directly it is the same every time.
"""

from typing import Any, Final

import numpy as np

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import int8
from trainer.detectors.building_blocks.reconstruction import ReconstructionDetector
from trainer.detectors.building_blocks.vectors import Floats, rounded
from trainer.graphs import GraphValue

COMPONENT_BYTES: Final = 1_600_000
"""Most that the components may take of the 2 MB of a file."""
FILE_BYTES: Final = (16_000, 100, 14)
"""What a file holds besides: in any case, for each sample (the spectrum), for each value (mean and bands)."""
GOLDEN_BYTES: Final = (262_144, 54)
"""Golden windows as base64: at most, and for each value of a window (ten windows of 4 bytes, a third
more)."""
MOST_WINDOWS: Final = 4096
"""Of more windows than this, evenly spaced ones are used: balances the time of the covariance with its
accuracy."""

EXACT_BELOW: Final = 1e-5
"""With less than this share of the variance left, the residual has too few digits in single precision: its
squares would be within a hundred times the 1e-7 that float32 resolves."""


class PrincipalComponents(ReconstructionDetector):
    """Mean square of what lies outside the leading principal components of normal windows."""

    name = "principal_components"
    summary = "what lies outside the leading principal components: the linear autoencoder's closed form"

    def __init__(self, front_end: str = "", variance: float = 0.95, most: int = 256) -> None:
        """Keep components until they explain a share `variance` of the training variance, at most `most` of
        them.

        Long windows of several channels keep fewer, as many as fit in a file of `max_bytes`.
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
        """Enough windows to distinguish a few components."""
        return min(width, 8) + 1

    def _learn(self, vectors: Floats) -> None:
        self._mean: Floats = rounded(vectors.mean(axis=0))
        if len(vectors) > MOST_WINDOWS:
            vectors = vectors[np.linspace(0, len(vectors) - 1, MOST_WINDOWS).round().astype(int)]
        variances, axes = _principal(vectors, self._mean, self._most)
        explained = np.cumsum(variances) / max(variances.sum(), 1e-30)  # constant windows have no variance
        kept = int(np.searchsorted(explained, self._variance)) + 1
        always, sample, value = FILE_BYTES
        most_golden, golden = GOLDEN_BYTES
        width = vectors.shape[1]
        besides: int = always + sample * self._samples + value * width + min(most_golden, golden * width)
        room = min(COMPONENT_BYTES, self.max_bytes - besides) // (4 * width)
        kept = max(min(kept, self._most, len(variances) - 1, room), 1)
        self._axes: Floats = rounded(axes[:, :kept])
        self._left = float(1 - explained[kept - 1])
        self._notes["components"] = f"{kept}, {explained[kept - 1]:.4f} of the training variance"

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        # Stored once, in single precision: the transpose and the cast are constants that loading folds.
        axes = int8.constant(vectors.builder, self._axes, axis=1)
        axes = axes.as_double() if vectors.double else axes
        return (vectors - self._mean) @ axes @ axes.transpose(1, 0) + self._mean

    def _rounded(self) -> dict[str, Any]:
        return {"_axes": int8.rounded(self._axes, axis=1)}

    def _exact(self) -> bool:
        return self._left < EXACT_BELOW

    def _rebuilt(self, vectors: Floats) -> Floats:
        return np.asarray((vectors - self._mean) @ self._axes @ self._axes.T + self._mean)


def _principal(vectors: Floats, mean: Floats, most: int) -> tuple[Floats, Floats]:
    """Variances [components], descending, and the first axes [features, at most `most`] of vectors [n,
    features].
    """
    count, width = vectors.shape
    # With fewer rows than features the Gram matrix is the smaller one, and has the same eigenvalues.
    wide = count < width
    rows = vectors - mean
    del vectors
    products = (rows @ rows.T if wide else rows.T @ rows) / count
    rows = rows if wide else rows[:0]  # each is as large as what the eigenvectors take
    values, axes = np.linalg.eigh(products)
    values, axes = np.maximum(values[::-1], 0.0), axes[:, : -most - 1 : -1]
    if wide:
        # An axis without variance is any: 1e-30 keeps it finite, and it is not among those that are kept.
        axes = rows.T @ axes / np.sqrt(np.maximum(values[:most] * count, 1e-30))
    return values, axes
