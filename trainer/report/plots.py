"""The report's figures, as SVG."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from edge_runtime.core import Manifest, printable
from edge_runtime.models import Scores
from trainer.core import natural_key
from trainer.evaluation import ScoredRecording
from trainer.power import Power
from trainer.recordings import NORMAL, Recording
from trainer.report.drawing import BLUE, GREEN, GREY, LABEL, ORANGE, new_figure, plain_label, styled, svg_of

_WAVEFORM_S: Final = 0.1
"""Length drawn: a few turns of a motor, in which single impacts can be seen."""
_WAVEFORM: Final = 256
"""Least number of samples drawn, for slow sensors."""
_MOST_FEATURES: Final = 24
"""Bars of contributions: the number of bands of one channel, and as many labels as can be read."""
_QUANTILES: Final = (0.05, 0.5, 0.95)
"""Of the spread drawn, as the captions say."""


@styled
def waveforms(normal: Recording, faulty: Recording | None) -> str:
    """Draw the beginning of a normal recording, and of a faulty one on the same scale. Returns SVG."""
    shown = [normal] if faulty is None else [normal, faulty]
    figure = new_figure(len(shown) * 1.7)
    axes = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True, sharey=True))
    for axis, item in zip(axes, shown, strict=True):
        count = min(len(item.samples), max(_WAVEFORM, int(_WAVEFORM_S * item.rate_hz)))
        time_ms = 1000 * np.arange(count) / item.rate_hz
        axis.plot(time_ms, item.samples[:count, 0], color=_colour(item.label), linewidth=0.8)
        axis.set_ylabel(plain_label(f"{item.channels[0]}, {item.unit}"), parse_math=False)
        axis.set_title(course_title(item), loc="left", fontsize=10, parse_math=False)
    axes[-1].set_xlabel("time, ms")
    return svg_of(figure)


@styled
def spectra(recordings: Sequence[Recording]) -> str:
    """Draw the normal spectrum with its spread, and the median faulty one. Returns SVG."""
    figure = new_figure(3.2)
    axis = figure.subplots()
    for label, colour, dash in ((NORMAL, BLUE, "-"), ("faulty", ORANGE, "--")):
        if (found := spread_of(recordings, normal=label == NORMAL)) is None:
            continue
        frequency, low, middle, high = found
        axis.semilogy(frequency, middle, color=colour, linestyle=dash, linewidth=1, label=f"{label}, median")
        if label == NORMAL:
            spread = f"{label}, 5 to 95 %"
            axis.fill_between(frequency, low, high, color=colour, alpha=0.25, label=spread)
    axis.set_xlabel("frequency, Hz")
    axis.set_ylabel(density_label(recordings[0]), parse_math=False)
    _legend_above(axis)
    return svg_of(figure)


def spread_of(recordings: Sequence[Recording], *, normal: bool) -> NDArray[np.float64] | None:
    """Frequency and 5, 50, 95 % of the spectral density over time and conditions [4, frequencies], of the
    first channel of normal or of faulty recordings; None without any."""
    chosen = [item for item in recordings if (item.label == NORMAL) == normal]
    if not chosen:
        return None
    length = min(1024, *(len(item.samples) for item in chosen))
    parts = [scipy.signal.spectrogram(item.samples[:, 0], item.rate_hz, nperseg=length)[2] for item in chosen]
    frequency = np.fft.rfftfreq(length, 1 / chosen[0].rate_hz)
    table = np.vstack([frequency, *np.quantile(np.sqrt(np.hstack(parts)), _QUANTILES, axis=1)])
    return table[:, frequency <= (chosen[0].lowpass_hz or np.inf)]


def density_label(item: Recording) -> str:
    """Of the axis."""
    return f"{plain_label(f'{item.channels[0]}, {item.unit}')} per root Hz"


@styled
def distributions(watched: Sequence[ScoredRecording], threshold: float) -> str:
    """Draw the distribution of scores by label and condition, with the threshold. Returns SVG."""
    groups: dict[str, list[Scores]] = {}
    for item in watched:
        name = f"{item.recording.label}, {item.recording.condition}"
        groups.setdefault(name, []).append(item.scores[np.isfinite(item.scores)])
    names = sorted(groups, key=lambda name: (not name.startswith(f"{NORMAL},"), natural_key(name)))
    figure = new_figure(0.9 + 0.24 * len(names))
    axis = figure.subplots()
    for place, name in zip(range(len(names), 0, -1), names, strict=True):
        scores = np.concatenate(groups[name])
        colour, marker = (BLUE, "o") if name.startswith(f"{NORMAL},") else (ORANGE, "D")
        low, middle, high = np.quantile(scores, _QUANTILES)
        axis.plot([scores.min(), scores.max()], [place, place], color=colour, linewidth=0.8)
        axis.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.6, solid_capstyle="butt")
        axis.plot(middle, place, marker=marker, color=colour, markersize=5)
    axis.axvline(threshold, color="black", linewidth=1.5, linestyle="--")
    shown = [plain_label(name) for name in names]
    axis.set_yticks(range(len(names), 0, -1), shown, fontsize=8, parse_math=False)
    axis.set_ylim(0.3, len(names) + 0.7)
    if min(float(np.concatenate(part).min()) for part in groups.values()) > 0:
        axis.set_xscale("log")
    axis.set_xlabel(f"score; dashed: threshold {threshold:.4g}; bars: 5 to 95 % of windows, mark: median")
    return svg_of(figure)


@styled
def courses(watched: Sequence[ScoredRecording], threshold: float) -> str:
    """Draw scores over time with the threshold and the alarms, one row per recording. Returns SVG."""
    figure = new_figure(1.5 * len(watched))
    axes = np.atleast_1d(figure.subplots(len(watched), 1, sharex=True))
    for axis, item in zip(axes, watched, strict=True):
        axis.plot(item.times_us / 1e6, item.scores, color=_colour(item.recording.label), linewidth=0.9)
        axis.axhline(threshold, color="black", linewidth=1.2, linestyle="--")
        for time_us in item.alarms_us:
            above = axis.get_xaxis_transform()
            axis.axvline(time_us / 1e6, color=GREY, linewidth=1, zorder=0)
            axis.plot(time_us / 1e6, 1.05, marker="v", color=GREY, transform=above, clip_on=False)
        if np.nanmin(item.scores) > 0:
            # The default labels of a logarithmic axis overlap at this height.
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=7))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.yaxis.set_minor_locator(NullLocator())
        axis.set_title(course_title(item.recording), loc="left", fontsize=9, pad=11, parse_math=False)
    axes[-1].set_xlabel("time, s")
    return svg_of(figure)


@styled
def bands(manifest: Manifest, normal: Scores, faulty: Scores | None) -> str:
    """Draw the largest mean contributions [features] of normal and of faulty windows. Returns SVG."""
    count = min(len(manifest.features), _MOST_FEATURES)
    reference = normal if faulty is None else faulty
    chosen = np.sort(np.argsort(reference)[::-1][:count])
    figure = new_figure(0.9 + 0.22 * count)
    axis = figure.subplots()
    place = np.arange(count)
    axis.barh(place - 0.2, normal[chosen], 0.4, color=BLUE, label=NORMAL)
    if faulty is not None:
        axis.barh(place + 0.2, faulty[chosen], 0.4, color=ORANGE, hatch="//", label="faulty")
    shown = [plain_label(manifest.features[index].name) for index in chosen]
    axis.set_yticks(place, shown, fontsize=8, parse_math=False)
    axis.set_xlabel("mean contribution to the score")
    if reference.min() > 0:
        axis.set_xscale("log")
    _legend_above(axis)
    return svg_of(figure)


@styled
def hearing(power: Power) -> str:
    """Draw the smallest size of each standard fault that raises an alarm, and that windows exceed with."""
    figure = new_figure(0.9 + 0.26 * len(power.faults))
    axis = figure.subplots()
    marks: tuple[tuple[str, str, str, str], ...] = (
        ("alarm", "o", ORANGE, "an alarm, in a condition never seen"),
        ("worst", "|", "black", "an alarm, in the worst condition recorded"),
        ("half", "D", BLUE, "half of the windows"),
        ("most", "s", GREY, "95 % of the windows"),
    )
    if power.slow_s is not None:
        marks += (("slow", "^", GREEN, "the slow alarm, in a condition never seen"),)
    for place, item in zip(range(len(power.faults), 0, -1), power.faults, strict=True):
        for name, marker, colour, _ in marks:
            if (size := getattr(item, name)) is not None:
                axis.plot(size, place, marker=marker, color=colour, markersize=6, linestyle="")
        if item.worst is None:
            axis.annotate("not heard", (power.largest, place), ha="right", va="center", fontsize=8)
    for _, marker, colour, label in marks:
        axis.plot([], [], marker=marker, color=colour, linestyle="", label=label)
    shown = [plain_label(f"{item.name}, {item.unit}") for item in power.faults]
    axis.set_yticks(range(len(power.faults), 0, -1), shown, fontsize=8, parse_math=False)
    axis.set_ylim(0.3, len(power.faults) + 0.7)
    axis.set_xscale("log")
    axis.set_xlim(0.01, 1.3 * power.largest)
    axis.set_xlabel("size of the fault, relative to the healthy vibration")
    _legend_above(axis)
    return svg_of(figure)


def course_title(item: Recording) -> str:
    """What a recording is called beside its curve."""
    return printable(f"{item.label} ({item.condition}, {item.name})", 2 * LABEL)


def _colour(label: str) -> str:
    return BLUE if label == NORMAL else ORANGE


def _legend_above(axis: Axes) -> None:
    """Put the legend over the frame: within it, it would lie on a curve."""
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=8, frameon=False)
