"""Slow, obvious reference implementations, in double precision, one window at a time."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.signal
from numpy.typing import NDArray

Values = NDArray[np.floating]


def time_statistics(signal: Values) -> list[float]:
    """RMS, peak, crest, kurtosis, skewness, shape and impulse factor of one channel, by definition."""
    mean = sum(signal) / len(signal)
    centred = [float(value) - mean for value in signal]
    count = len(centred)
    rms = math.sqrt(sum(value**2 for value in centred) / count)
    peak = max(abs(value) for value in centred)
    magnitude = sum(abs(value) for value in centred) / count
    kurtosis = sum(value**4 for value in centred) / count / rms**4
    skewness = sum(value**3 for value in centred) / count / rms**3
    return [rms, peak, peak / rms, kurtosis, skewness, rms / magnitude, peak / magnitude]


def dft_power(signal: Values) -> Values:
    """Squared magnitudes of the one-sided DFT, from its definition."""
    count = len(signal)
    rows = np.arange(count // 2 + 1)[:, np.newaxis]
    turns = np.exp(-2j * np.pi * rows * np.arange(count) / count)
    power: Values = np.abs(turns @ np.asarray(signal, dtype=np.float64)) ** 2
    return power


def band_energies(signal: Values, rate_hz: float, edges_hz: Sequence[float], taper: Values) -> Values:
    """Mean square of the tapered signal in each band, lines at half-open ranges, both signs of frequency."""
    count = len(signal)
    centred = np.asarray(signal, dtype=np.float64) - np.mean(signal, dtype=np.float64)
    power = dft_power(centred * taper)
    energies = [0.0] * (len(edges_hz) - 1)
    for line, value in enumerate(power):
        twice = 1 if line in {0, count / 2} else 2
        frequency_hz = line * rate_hz / count
        for band in range(len(energies)):
            if edges_hz[band] <= frequency_hz < edges_hz[band + 1]:
                energies[band] += twice * value / count**2
    density: Values = np.array(energies) / np.mean(np.square(taper))
    return density


def gaussian_score(row: Values, mean: Values, deviation: Values) -> float:
    """-log p(x) of independent Gaussians, less its smallest value."""
    return sum(
        -math.log(normal_density(value, m, s)) + math.log(normal_density(m, m, s))
        for value, m, s in zip(row, mean, deviation, strict=True)
    )


def normal_density(value: float, mean: float, deviation: float) -> float:
    """The bell curve."""
    return math.exp(-((value - mean) ** 2) / (2 * deviation**2)) / (deviation * math.sqrt(2 * math.pi))


def mahalanobis_score(row: Values, rows: Values) -> float:
    """Half the squared Mahalanobis distance from `rows`, by solving, not by whitening."""
    mean = rows.mean(axis=0)
    covariance = np.cov(rows, rowvar=False, bias=True)
    return float(0.5 * (row - mean) @ np.linalg.solve(covariance, row - mean))


def outside_components(row: Values, rows: Values, components: int) -> float:
    """Mean square of what lies outside the leading components, by singular value decomposition."""
    mean = rows.mean(axis=0)
    _, _, axes = np.linalg.svd(rows - mean, full_matrices=False)
    kept = axes[:components]
    residual = (row - mean) - kept.T @ (kept @ (row - mean))
    return float(np.mean(residual**2))


def envelope_energies(
    signal: Values, rate_hz: float, carrier_hz: tuple[float, float], edges_hz: Sequence[float], taper: Values
) -> Values:
    """Band energies of the envelope: what lies outside `carrier_hz` cut, then scipy's Hilbert transform."""
    lines_hz = np.fft.rfftfreq(len(signal), 1 / rate_hz)
    kept = (lines_hz >= carrier_hz[0]) & (lines_hz <= carrier_hz[1])
    exact = np.asarray(signal, dtype=np.float64) - np.mean(signal, dtype=np.float64)
    carried = np.fft.irfft(np.fft.rfft(exact) * kept, len(signal))
    return band_energies(np.abs(scipy.signal.hilbert(carried)), rate_hz, edges_hz, taper)
