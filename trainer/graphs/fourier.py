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
"""Of a length. A judgement: a matrix of 1024 x 1024 values is the most that a file holds for a spectrum."""


@dataclass(frozen=True, slots=True)
class FourierPlan:
    """Factors of a length, and the frequency of each coefficient."""

    rows: int
    columns: int
    kept: int
    """Rows of coefficients that are computed, rows // 2 + 1; the rest are their conjugates."""
    bins: NDArray[np.int64]
    """Frequency index 0..n/2 of each coefficient, [kept x columns]."""
    weights: Floats
    """How often each coefficient counts in the total power; the weights sum to n."""


@lru_cache(maxsize=32)  # lengths of a comparison and of its tests: each plan is kept but for odd use
def fourier_plan(samples: int) -> FourierPlan:
    """Split a length into the two factors nearest to each other.

    Raises FitError for lengths without two small factors, such as large primes.
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
    # Row k also counts for row rows - k, except rows 0 and rows / 2, which hold their own conjugates.
    alone = (np.arange(kept) * 2) % rows == 0
    weights = np.broadcast_to(np.where(alone, 1.0, 2.0)[:, np.newaxis], index.shape)
    return FourierPlan(rows, columns, kept, np.minimum(index, samples - index).ravel(), weights.ravel())


def power_spectrum(signals: GraphValue, samples: int, taper: Floats | None = None) -> GraphValue:
    """Squared magnitudes of the DFT of signals [batch, channels, samples].

    Gives [batch, channels, coefficients] in the order of `fourier_plan(samples).bins`; weighted by
    `fourier_plan(samples).weights` and summed it is samples x the sum of squares (Parseval).
    """
    plan = fourier_plan(samples)
    if taper is not None:
        signals = signals * taper
    both = _transformed(signals, plan, plan.kept)
    squares = both * both
    real, imaginary = _halves(squares, plan.columns)
    return (real + imaginary).reshape(0, 0, -1)


def magnitude(signals: GraphValue, samples: int, gains: Floats) -> GraphValue:
    """Magnitude of the inverse DFT of `gains` [samples] times the DFT of signals [batch, channels, samples].

    With gains of 2 for positive frequencies and 0 for negative ones that is the envelope: the magnitude of
    the analytic signal (Hilbert transform). Gives [batch, channels, samples].
    """
    plan = fourier_plan(samples)
    own = gains.reshape(plan.columns, plan.rows).T / samples  # row k1, column k2: frequency k1 + rows k2
    shaped = _transformed(signals, plan, plan.rows) * np.hstack([own, own])
    parts = _halves(shaped @ _dft_matrix(plan.columns).T, plan.columns)
    stacked = signals.builder.concat(*_rotated(*parts, -_twiddle_angles(plan, plan.rows)), axis=-2)
    both = signals.builder.op("MatMul", _dft_matrix(plan.rows), stacked)
    real, imaginary = _halves(both * both, plan.rows, axis=-2)
    return (real + imaginary).sqrt().reshape(0, 0, -1)


def _transformed(signals: GraphValue, plan: FourierPlan, rows: int) -> GraphValue:
    """Write the first `rows` rows of coefficients, real before imaginary parts: [.., rows, 2 columns]."""
    grid = signals.reshape(0, 0, plan.rows, plan.columns)
    angle = -2 * np.pi * np.outer(np.arange(rows), np.arange(plan.rows)) / plan.rows
    real = grid.builder.op("MatMul", np.cos(angle), grid)
    imaginary = grid.builder.op("MatMul", np.sin(angle), grid)
    return grid.builder.concat(*_rotated(real, imaginary, _twiddle_angles(plan, rows))) @ _dft_matrix(
        plan.columns
    )


def _twiddle_angles(plan: FourierPlan, rows: int) -> Floats:
    return np.asarray(
        -2 * np.pi * np.outer(np.arange(rows), np.arange(plan.columns)) / plan.rows / plan.columns
    )


def _rotated(real: GraphValue, imaginary: GraphValue, angle: Floats) -> tuple[GraphValue, GraphValue]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return real * cosine - imaginary * sine, real * sine + imaginary * cosine


def _halves(both: GraphValue, length: int, axis: int = -1) -> tuple[GraphValue, GraphValue]:
    return both.part(0, length, axis), both.part(length, 2 * length, axis)


def _dft_matrix(length: int) -> Floats:
    """The complex DFT matrix as one real matrix, for rows that hold real parts, then imaginary parts."""
    angle = -2 * np.pi * np.outer(np.arange(length), np.arange(length)) / length
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.block([[cosine, sine], [-sine, cosine]])
