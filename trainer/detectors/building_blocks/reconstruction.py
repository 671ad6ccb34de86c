"""Detectors that reconstruct the window and score the residual.

The score is the mean square of the residual, relative to the level of normal vibration; recurrent detectors
whiten the residual of a short window by its covariance instead, as their papers do. On waveforms the
residual's spectrum gives the contributions: by Parseval's theorem the energies of all bands sum to the score.
"""

import copy
from abc import abstractmethod
from typing import Any, ClassVar, Final, Self

import numpy as np

from edge_runtime.core import Feature
from trainer.detectors.building_blocks.covariance import whitening
from trainer.detectors.building_blocks.vectors import SHORT, Floats, VectorDetector, rounded
from trainer.graphs import Bands, GraphValue, power_spectrum, whole_band

WEIGHABLE: Final = 64
"""Residuals of more values than this are not whitened: the matrix has the square of that many weights, here
16 KB, and would soon be most of the file."""


class ReconstructionDetector(VectorDetector):
    """Base of the detectors that reconstruct standardised vectors."""

    default_front_end: ClassVar[str] = "waveform"
    whitens: ClassVar[bool] = False
    """Whether residuals of short windows are whitened by their covariance in training."""
    shared_scale: ClassVar[bool] = True
    quantisable: ClassVar[bool] = True

    def features(self) -> tuple[Feature, ...]:
        """Name the bands of each channel, or the front end's features where there is no waveform."""
        if not self._banded():
            return self._front.features()
        return self._bands().features(self._context.channels, "share of training variance")

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        residual = vectors - self._rebuild(vectors)
        residual = (residual - self._centre) @ self._root if self._whitened() else residual * self._unit()
        squares = residual * residual
        score = squares.mean()
        if not self._banded():
            return score, squares / self._width()
        channels = len(self._context.channels)
        signals = residual.as_float().reshape(0, self._samples, channels).transpose(0, 2, 1)
        shares = self._bands().matrix(self._samples) / channels
        return score, (power_spectrum(signals, self._samples) @ shares).reshape(0, -1)

    def _judge(self, vectors: Floats) -> Floats:
        residual = vectors - self._rebuilt(vectors)
        residual = (residual - self._centre) @ self._root if self._whitened() else residual * self._unit()
        return np.asarray(np.square(residual).mean(axis=1))

    def in_int8(self) -> Self:
        """Return the same fit with its weights rounded to 8-bit integers."""
        small = copy.copy(self)
        notes = {**self._notes, "weights": "8-bit integers, one scale an output channel"}
        small.__dict__.update(self._rounded(), int8=True, _notes=notes)
        return small

    @abstractmethod
    def _rounded(self) -> dict[str, Any]:
        """Return the attributes to round, with their rounded values."""

    @abstractmethod
    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        """Add the reconstruction of standardised vectors [batch, features] to the graph."""

    @abstractmethod
    def _rebuilt(self, vectors: Floats) -> Floats:
        """Reconstruct standardised vectors [n, features] with the fitted object."""

    def _unit(self) -> float:
        """Factor on residuals: from the fit's own deviation to the reference level of the context."""
        # The deviation depends on the conditions fitted on. Thresholds come from scores of fits that each
        # left one condition out, so all fits score relative to one level, that of all normal vibration.
        if not self._front.waveform or self._context.reference <= 0:
            return 1.0
        deviation = np.sqrt(np.mean(1.0 / np.square(self._scale.per_deviation.astype(np.float64))))
        return float(np.float32(deviation / self._context.reference))

    def _learn_residuals(self, vectors: Floats) -> None:
        """Learn mean and whitening of residuals of vectors [n, features], if they are whitened."""
        if not self._whitened():
            return
        residual = vectors - self._rebuilt(vectors)
        self._centre = rounded(residual.mean(axis=0))
        learnt = whitening(residual - self._centre)
        self._root = learnt.root
        self._notes |= {"residual": "weighed by its covariance", **learnt.notes}

    def _whitened(self) -> bool:
        return self.whitens and self._width() <= WEIGHABLE

    def _width(self) -> int:
        return len(self._front.features())

    def _banded(self) -> bool:
        return self._front.waveform and self._samples >= SHORT and not self._whitened()

    def _bands(self) -> Bands:
        return whole_band(self._samples, self._context.rate_hz, self._context.lowpass_hz)
