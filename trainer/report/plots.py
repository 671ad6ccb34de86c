"""The report's pictures, as SVG. Colours of Okabe and Ito, and never colour alone: shapes and words, too."""

import functools
import io
from collections.abc import Callable, Sequence
from typing import Any, Final, ParamSpec

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from scipy import signal

from edge_runtime.core import Manifest
from edge_runtime.models import Scores
from trainer.evaluation import ScoredRecording
from trainer.recordings import NORMAL, Recording

_BLUE: Final = "#0072B2"
_ORANGE: Final = "#D55E00"
_GREY: Final = "#555555"
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "steadyhum",
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
_WAVEFORM_S: Final = 0.1
_WAVEFORM: Final = 256
"""Samples that are shown at least, however long they took."""
P = ParamSpec("P")


def _styled(draw: Callable[P, str]) -> Callable[P, str]:
    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        with style.context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


@_styled
def waveforms(normal: Recording, faulty: Recording | None) -> str:
    """A short stretch of normal vibration, and of a faulty machine on the same scale."""
    shown = [normal] if faulty is None else [normal, faulty]
    figure = _figure(len(shown) * 1.7)
    axes = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True, sharey=True))
    for axis, item in zip(axes, shown, strict=True):
        count = min(len(item.samples), max(_WAVEFORM, int(_WAVEFORM_S * item.rate_hz)))
        time_ms = 1000 * np.arange(count) / item.rate_hz
        axis.plot(time_ms, item.samples[:count, 0], color=_colour(item.label), linewidth=0.8)
        axis.set_ylabel(f"{item.channels[0]}, {item.unit}")
        axis.set_title(f"{item.label} ({item.condition}, {item.name})", loc="left", fontsize=10)
    axes[-1].set_xlabel("time, ms")
    return _svg(figure)


@_styled
def spectra(recordings: Sequence[Recording]) -> str:
    """The normal spectrum with its spread over windows and conditions, and the faulty ones' median."""
    figure = _figure(3.2)
    axis = figure.subplots()
    for label, colour, dash in ((NORMAL, _BLUE, "-"), ("faulty", _ORANGE, "--")):
        chosen = [item for item in recordings if (item.label == NORMAL) == (label == NORMAL)]
        if chosen:
            _spectrum(axis, chosen, label, colour, dash)
    axis.set_xlabel("frequency, Hz")
    axis.set_ylabel(f"{recordings[0].channels[0]}, {recordings[0].unit} per root Hz")
    axis.legend(loc="upper right")
    return _svg(figure)


@_styled
def distributions(watched: Sequence[ScoredRecording], threshold: float) -> str:
    """Scores of every condition's normal and of every fault, with the threshold."""
    groups: dict[str, list[Scores]] = {}
    for item in watched:
        name = f"{item.recording.label}, {item.recording.condition}"
        groups.setdefault(name, []).append(item.scores[np.isfinite(item.scores)])
    names = sorted(groups, key=lambda name: (not name.startswith(f"{NORMAL},"), name))
    figure = _figure(0.9 + 0.24 * len(names))
    axis = figure.subplots()
    for place, name in enumerate(names):
        _bar(axis, len(names) - place, np.concatenate(groups[name]), name.startswith(f"{NORMAL},"))
    axis.axvline(threshold, color="black", linewidth=1.5, linestyle="--")
    axis.set_yticks(range(len(names), 0, -1), names, fontsize=8)
    axis.set_ylim(0.3, len(names) + 0.7)
    if min(float(np.concatenate(part).min()) for part in groups.values()) > 0:
        axis.set_xscale("log")
    axis.set_xlabel(f"score; dashed: threshold {threshold:.4g}; bars: 5 to 95 % of windows, mark: median")
    return _svg(figure)


@_styled
def courses(watched: Sequence[ScoredRecording], threshold: float) -> str:
    """Scores over time with the alarms, of chosen recordings."""
    figure = _figure(1.5 * len(watched))
    axes = np.atleast_1d(figure.subplots(len(watched), 1, sharex=True))
    for axis, item in zip(axes, watched, strict=True):
        axis.plot(item.times_us / 1e6, item.scores, color=_colour(item.recording.label), linewidth=0.9)
        axis.axhline(threshold, color="black", linewidth=1.2, linestyle="--")
        for time_us in item.alarms_us:
            axis.axvline(time_us / 1e6, color=_GREY, linewidth=1)
            axis.annotate("alarm", (time_us / 1e6, 0.45), xycoords=("data", "axes fraction"), fontsize=8)
        if np.nanmin(item.scores) > 0:
            _plain_log(axis)
        title = f"{item.recording.label} ({item.recording.condition}, {item.recording.name})"
        axis.set_title(title, loc="left", fontsize=9)
    axes[-1].set_xlabel("time, s")
    return _svg(figure)


@_styled
def bands(manifest: Manifest, normal: Scores, faulty: Scores | None) -> str:
    """What made the score: mean contributions of normal windows and of faulty ones, by feature."""
    count = min(len(manifest.features), 24)
    reference = normal if faulty is None else faulty
    chosen = np.sort(np.argsort(reference)[::-1][:count])
    figure = _figure(0.9 + 0.22 * count)
    axis = figure.subplots()
    place = np.arange(count)
    axis.barh(place - 0.2, normal[chosen], 0.4, color=_BLUE, label=NORMAL)
    if faulty is not None:
        axis.barh(place + 0.2, faulty[chosen], 0.4, color=_ORANGE, hatch="//", label="faulty")
    axis.set_yticks(place, [manifest.features[index].name for index in chosen], fontsize=8)
    axis.set_xlabel("mean contribution to the score")
    if reference.min() > 0:
        axis.set_xscale("log")
    axis.legend(loc="best")
    return _svg(figure)


def _spectrum(axis: Axes, chosen: Sequence[Recording], label: str, colour: str, dash: str) -> None:
    length = min(1024, *(len(item.samples) for item in chosen))
    parts = [signal.spectrogram(item.samples[:, 0], item.rate_hz, nperseg=length)[2] for item in chosen]
    frequency = np.fft.rfftfreq(length, 1 / chosen[0].rate_hz)
    low, middle, high = np.quantile(np.sqrt(np.hstack(parts)), (0.05, 0.5, 0.95), axis=1)
    top = frequency <= (chosen[0].lowpass_hz or np.inf)
    axis.semilogy(
        frequency[top], middle[top], color=colour, linestyle=dash, linewidth=1, label=f"{label}, median"
    )
    if label == NORMAL:
        axis.fill_between(
            frequency[top], low[top], high[top], color=colour, alpha=0.25, label=f"{label}, 5 to 95 %"
        )


def _plain_log(axis: Axes) -> None:
    # Powers of ten with all digits between them run into one another on an axis this low.
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=7))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def _bar(axis: Axes, place: int, scores: Scores, normal: bool) -> None:
    low, middle, high = np.quantile(scores, (0.05, 0.5, 0.95))
    colour = _BLUE if normal else _ORANGE
    axis.plot([scores.min(), scores.max()], [place, place], color=colour, linewidth=0.8)
    axis.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.6, solid_capstyle="butt")
    axis.plot(middle, place, marker="o" if normal else "D", color=colour, markersize=5)


def _colour(label: str) -> str:
    return _BLUE if label == NORMAL else _ORANGE


def _figure(height: float) -> Figure:
    return Figure(figsize=(8.2, height), layout="constrained")


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
