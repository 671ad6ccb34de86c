"""Detectors that rebuild the window and score what they could not rebuild.

The score is the mean square of the residual, in units of the normal vibration's own level; recurrent families
weigh the residual of a short window by its covariance instead, as their papers do. On waveforms the
residual's spectrum says where it lies: by Parseval's theorem the energies of all bands sum to the score.
"""

import copy
from abc import abstractmethod
from typing import Any, ClassVar, Final, Self

import numpy as np

from edge_runtime.core import Feature
from trainer.detectors.building_blocks import int8
from trainer.detectors.building_blocks.covariance import whitening
from trainer.detectors.building_blocks.vectors import SHORT, Floats, VectorDetector, rounded
from trainer.graphs import Bands, GraphValue, power_spectrum, whole_band

WEIGHABLE: Final = 64
"""Residuals of more values than this are not weighed: their covariance would be most of the file."""


class ReconstructionDetector(VectorDetector):
    """Base of the families that rebuild standardised vectors."""

    default_front_end: ClassVar[str] = "waveform"
    weighs: ClassVar[bool] = False
    """Whether residuals of short windows are weighed by their covariance in training."""
    shared_scale: ClassVar[bool] = True
    packs: ClassVar[bool] = True

    def features(self) -> tuple[Feature, ...]:
        """Name the bands of each channel, or the front end's features where there is no waveform."""
        if not self._banded():
            return self._front.features()
        return self._bands().features(self._context.channels, "share of training variance")

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        residual = vectors - self._rebuild(vectors)
        residual = (residual - self._centre) @ self._root if self._weighed() else residual * self._unit()
        squares = residual * residual
        return squares.mean(), self._by_band(
            residual.as_float()
        ) if self._banded() else squares / self._width()

    def _judge(self, vectors: Floats) -> Floats:
        residual = vectors - self._rebuilt(vectors)
        residual = (residual - self._centre) @ self._root if self._weighed() else residual * self._unit()
        return np.asarray(np.square(residual).mean(axis=1))

    def in_int8(self) -> Self:
        """Give the same fit with its weights rounded to 8-bit integers."""
        told = copy.copy(self)
        notes = {**self._notes, "weights": "8-bit integers, one scale an output channel"}
        told.__dict__.update(self._rounded(), int8=True, _notes=notes)
        return told

    def _rounded(self) -> dict[str, Any]:
        """Say what is rounded: attributes and their new values."""
        return {"_network": int8.network(self.__dict__["_network"])}

    @abstractmethod
    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        """Write the reconstruction of standardised vectors [batch, features] into the graph."""

    @abstractmethod
    def _rebuilt(self, vectors: Floats) -> Floats:
        """Rebuild standardised vectors [n, features] with the fitted object."""

    def _unit(self) -> float:
        # The training signals' deviation depends on the conditions among them; thresholds rest on scores of
        # fits that each left one out, so all of them measure in the level of all normal vibration.
        if not self._front.waveform or self._context.reference <= 0:
            return 1.0
        deviation = np.sqrt(np.mean(1.0 / np.square(self._scale.per_deviation.astype(np.float64))))
        return float(np.float32(deviation / self._context.reference))

    def _weigh(self, vectors: Floats) -> None:
        """Learn how residuals of normal vectors lie, where `weighs` and the window is short enough."""
        if not self._weighed():
            return
        residual = vectors - self._rebuilt(vectors)
        self._centre = rounded(residual.mean(axis=0))
        learnt = whitening(residual - self._centre)
        self._root = learnt.root
        self._notes |= {"residual": "weighed by its covariance", **learnt.notes}

    def _weighed(self) -> bool:
        return self.weighs and self._width() <= WEIGHABLE

    def _width(self) -> int:
        return len(self._front.features())

    def _banded(self) -> bool:
        return self._front.waveform and self._samples >= SHORT and not self._weighed()

    def _bands(self) -> Bands:
        return whole_band(self._samples, self._context.rate_hz, self._context.lowpass_hz)

    def _by_band(self, residual: GraphValue) -> GraphValue:
        channels = len(self._context.channels)
        signals = residual.reshape(0, self._samples, channels).transpose(0, 2, 1)
        shares = self._bands().matrix(self._samples) / channels
        return (power_spectrum(signals, self._samples) @ shares).reshape(0, -1)
