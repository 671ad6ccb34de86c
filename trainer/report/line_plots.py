"""Spectra with the names of their lines, as SVG. The names stand above the curve, never on it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis import LineFamily, NamedLine, Spectra
from trainer.report.charts import MOST_POINTS, Chart, Series, thinned
from trainer.report.drawing import BLUE, GREY, ORANGE, new_figure, styled, svg_of

_HEIGHT: Final = 3.4
_POINTS: Final = 1500
"""Points of a curve: twice as many as the page has columns of pixels, so that every line is drawn."""
_LEAST_HZ: Final = 2.0
"""Where the curve of velocity begins: below it is what the sensor drifts, lifted by the integration."""
_WITHOUT_LINES_HZ: Final = 500.0
"""Upper end where no line has a name. A judgement: twenty orders of a slow motor."""
_BEYOND: Final = 1.15
_APART: Final = 0.018
"""Least distance of two names, as a share of the width: a line of small letters, upright."""


def vibration_chart(spectra: Spectra, lines: Sequence[NamedLine], turn_hz: float | None) -> Chart:
    """The velocity spectrum, to be zoomed and read off; `turn_hz` gives orders."""
    named = [line for line in lines if line.family is not LineFamily.BEARING]
    frequencies, velocities = _thinned(*_velocities(spectra), named)
    curve = Series("velocity", BLUE, velocities)
    return Chart(
        "frequency, Hz",
        "velocity, mm/s RMS",
        frequencies,
        (curve,),
        logarithmic=True,
        marks=tuple((line.hz, line.name) for line in named),
        turn_hz=turn_hz,
    )


def envelope_chart(spectra: Spectra, lines: Sequence[NamedLine], turn_hz: float | None) -> Chart:
    """The spectrum of the squared envelope, likewise."""
    named = [line for line in lines if line.family is LineFamily.BEARING]
    frequencies, strengths = _thinned(*_strengths(spectra), named)
    curve = Series("envelope", BLUE, strengths)
    return Chart(
        "frequency, Hz",
        "times its surroundings",
        frequencies,
        (curve,),
        marks=tuple((line.hz, line.name) for line in named),
        turn_hz=turn_hz,
    )


@styled
def vibration_plot(spectra: Spectra, lines: Sequence[NamedLine]) -> str:
    """Draw the velocity spectrum, mm/s RMS, up to the highest line that has a name. Returns SVG."""
    named = [line for line in lines if line.family is not LineFamily.BEARING]
    figure = new_figure(_HEIGHT)
    axis = figure.subplots()
    axis.set_yscale("log")
    _draw(axis, *_velocities(spectra), named)
    axis.set_ylabel("velocity, mm/s RMS")
    return svg_of(figure)


@styled
def envelope_plot(spectra: Spectra, lines: Sequence[NamedLine]) -> str:
    """Draw the spectrum of the squared envelope, each bin over its surroundings. Returns SVG."""
    named = [line for line in lines if line.family is LineFamily.BEARING]
    figure = new_figure(_HEIGHT)
    axis = figure.subplots()
    _draw(axis, *_strengths(spectra), named)
    axis.set_ylabel("times its surroundings")
    axis.set_ylim(bottom=0)
    return svg_of(figure)


def _velocities(spectra: Spectra) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    step_hz, amplitudes = spectra.vibration.lines.step_hz, spectra.vibration.amplitudes
    first = max(1, round(_LEAST_HZ / step_hz))
    frequencies = step_hz * np.arange(first, len(amplitudes), dtype=np.float64)
    return frequencies, 1000 * amplitudes[first:] / (2 * np.pi * frequencies)


def _strengths(spectra: Spectra) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    strengths = spectra.envelope.strengths
    return spectra.envelope.step_hz * np.arange(1, len(strengths), dtype=np.float64), strengths[1:]


def _thinned(
    frequencies: NDArray[np.float64],
    values: NDArray[np.float64],
    named: Sequence[NamedLine],
    most: int = MOST_POINTS,
) -> tuple[NDArray[np.float64], ...]:
    """Up to a little beyond the highest line that has a name, of each few bins the strongest."""
    end_hz = _BEYOND * max((line.hz for line in named), default=_WITHOUT_LINES_HZ)
    count = int(np.searchsorted(frequencies, min(end_hz, frequencies[-1]))) + 1
    return thinned(frequencies[:count], values[:count], most=most)


def _draw(
    axis: Axes, frequencies: NDArray[np.float64], values: NDArray[np.float64], named: Sequence[NamedLine]
) -> None:
    frequencies, values = _thinned(frequencies, values, named, _POINTS)
    axis.plot(frequencies, values, color=BLUE, linewidth=0.8)
    low_hz, high_hz = float(frequencies[0]), float(frequencies[-1])
    axis.set_xlim(low_hz, high_hz)
    axis.set_xlabel("frequency, Hz")
    places = _spread([(line.hz - low_hz) / (high_hz - low_hz) for line in named])
    for line, place in zip(named, places, strict=True):
        axis.axvline(line.hz, color=ORANGE, linewidth=0.7, linestyle=":", zorder=0)
        axis.annotate(
            line.name,
            ((line.hz - low_hz) / (high_hz - low_hz), 1.0),
            xytext=(place, 1.06),
            xycoords="axes fraction",
            textcoords="axes fraction",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5},
        )


def _spread(places: Sequence[float]) -> list[float]:
    """Places on a line from 0 to 1, in their order, moved until none is nearer to another than a name."""
    order = np.argsort(places)
    moved = np.asarray(places, dtype=np.float64)
    for before, at in pairwise(order):
        moved[at] = max(moved[at], moved[before] + _APART)
    return [float(place) for place in moved]
