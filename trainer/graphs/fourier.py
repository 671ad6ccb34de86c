"""The Fourier transform inside a graph: the four-step FFT, two small matrix products with a twiddle between.

Source: D. H. Bailey, "FFTs in external or hierarchical memory", J. Supercomputing 4 (1990). For
n = rows x columns it costs n (rows + columns) where one DFT matrix costs n^2, needs only MatMul, Mul and Add,
and is as exact for every composite length; the DFT operator of onnxruntime loses three digits where n is no
power of two.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trainer.core import FitError
from trainer.graphs.builder import GraphValue

Floats = NDArray[np.float64]
MAX_FACTOR = 512


@dataclass(frozen=True, slots=True)
class FourierPlan:
    """How a length is cut, and which frequency each coefficient holds."""

    rows: int
    columns: int
    kept: int
    """Rows of coefficients that are computed, rows // 2 + 1; the rest are their conjugates."""
    bins: NDArray[np.int64]
    """Frequency index 0..n/2 of each coefficient, [kept x columns]."""
    weights: Floats
    """How often each coefficient counts in the whole power, so that the weights sum to n."""


@lru_cache(maxsize=32)
def fourier_plan(samples: int) -> FourierPlan:
    """Cut a length into two factors as near to each other as there are.

    Raises FitError for lengths, like large primes, that no two small factors give.
    """
    rows = max(factor for factor in range(1, int(samples**0.5) + 1) if samples % factor == 0)
    columns = samples // rows
    if columns > MAX_FACTOR:
        raise FitError(
            f"windows of {samples} samples have no fast spectrum ({samples} = {rows} x {columns})",
            remedy=f"Take a length that factors well, for instance {1 << (samples - 1).bit_length()}",
        )
    kept = rows // 2 + 1
    index = np.arange(kept)[:, np.newaxis] + rows * np.arange(columns)
    # Row k stands for row rows - k too, except rows 0 and rows / 2, which hold their own conjugates.
    alone = (np.arange(kept) * 2) % rows == 0
    weights = np.broadcast_to(np.where(alone, 1.0, 2.0)[:, np.newaxis], index.shape)
    return FourierPlan(rows, columns, kept, np.minimum(index, samples - index).ravel(), weights.ravel())


def power_spectrum(signals: GraphValue, samples: int, taper: Floats | None = None) -> GraphValue:
    """Squared magnitudes of the DFT of signals [batch, channels, samples].

    Gives [batch, channels, coefficients] in the order of `plan(samples).bins`; weighted by
    `plan(samples).weights` and summed it is samples x the sum of squares (Parseval).
    """
    cut = fourier_plan(samples)
    if taper is not None:
        signals = signals * taper
    both = _transformed(signals, cut, cut.kept)
    squares = both * both
    real, imaginary = _halves(squares, cut.columns)
    return (real + imaginary).reshape(0, 0, -1)


def magnitude(signals: GraphValue, samples: int, gains: Floats) -> GraphValue:
    """Magnitude of the inverse DFT of `gains` [samples] times the DFT of signals [batch, channels, samples].

    With gains of 2 for positive frequencies and 0 for negative ones that is the envelope: the magnitude of
    the analytic signal (Hilbert transform). Gives [batch, channels, samples].
    """
    cut = fourier_plan(samples)
    own = gains.reshape(cut.columns, cut.rows).T / samples  # row k1, column k2: frequency k1 + rows k2
    shaped = _transformed(signals, cut, cut.rows) * np.hstack([own, own])
    parts = _halves(shaped @ _second(cut.columns).T, cut.columns)
    stacked = signals.builder.concat(*_twiddled(*parts, -_turn(cut, cut.rows)), axis=-2)
    both = signals.builder.op("MatMul", _second(cut.rows), stacked)
    real, imaginary = _halves(both * both, cut.rows, axis=-2)
    return (real + imaginary).sqrt().reshape(0, 0, -1)


def _transformed(signals: GraphValue, cut: FourierPlan, rows: int) -> GraphValue:
    """Write the first `rows` rows of coefficients, real before imaginary parts: [.., rows, 2 columns]."""
    grid = signals.reshape(0, 0, cut.rows, cut.columns)
    angle = -2 * np.pi * np.outer(np.arange(rows), np.arange(cut.rows)) / cut.rows
    real = grid.builder.op("MatMul", np.cos(angle), grid)
    imaginary = grid.builder.op("MatMul", np.sin(angle), grid)
    return grid.builder.concat(*_twiddled(real, imaginary, _turn(cut, rows))) @ _second(cut.columns)


def _turn(cut: FourierPlan, rows: int) -> Floats:
    return np.asarray(-2 * np.pi * np.outer(np.arange(rows), np.arange(cut.columns)) / cut.rows / cut.columns)


def _twiddled(real: GraphValue, imaginary: GraphValue, angle: Floats) -> tuple[GraphValue, GraphValue]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return real * cosine - imaginary * sine, real * sine + imaginary * cosine


def _halves(both: GraphValue, length: int, axis: int = -1) -> tuple[GraphValue, GraphValue]:
    return both.part(0, length, axis), both.part(length, 2 * length, axis)


def _second(columns: int) -> Floats:
    """The complex DFT matrix as one real matrix, for rows that hold real parts, then imaginary parts."""
    angle = -2 * np.pi * np.outer(np.arange(columns), np.arange(columns)) / columns
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.block([[cosine, sine], [-sine, cosine]])
