"""One self-contained HTML page on a diagnosis: `DiagnosisPage`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from edge_runtime.analysis.diagnosis import (
    SECONDS,
    USUALLY,
    Machine,
    NamedLine,
    Spectra,
    Unnamed,
    VibrationDiagnosis,
)
from trainer.recordings import NORMAL
from trainer.report.charts import Chart
from trainer.report.diagnosed import DiagnosedStretch
from trainer.report.filled import template
from trainer.report.line_plots import envelope_chart, envelope_plot, vibration_chart, vibration_plot
from trainer.report.trend import Origin, TrendPoint, origins_in_words, trend_chart, trend_plot

PICTURES: Final = 24
"""Channels of recordings that are drawn: some 4 MB. The others are in the table."""
_TRENDS: Final = 3
"""Channels whose trend is drawn: those of one sensor."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A stretch in the table."""

    recording: str
    begin_s: float
    channel: str
    figures: tuple[str, ...]
    """In the order of the columns; empty where the sensor was at fault."""
    words: str
    origin: Origin
    velocity_mm_s: float
    """NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class _Pictured:
    """A stretch with pictures, as SVG."""

    recording: str
    begin_s: float
    channel: str
    words: str
    lines: tuple[NamedLine, ...]
    unnamed: tuple[Unnamed, ...]
    vibration: str
    vibration_chart: Chart
    envelope: str
    envelope_chart: Chart
    turn_hz: float | None
    """Where the speed of the shaft is sure: of lines as orders."""


class DiagnosisPage:
    """Collects stretches. Of each channel of a recording one is drawn: the first in which a part of the
    bearing is named, or else the one that vibrates most."""

    def __init__(self, machine: Machine, pictures: int = PICTURES) -> None:
        """Draw so many channels at most."""
        self._machine, self._pictures = machine, pictures
        self._rows: list[_Row] = []
        self._drawn: dict[tuple[str, str], tuple[DiagnosedStretch, VibrationDiagnosis, Spectra]] = {}
        self._left_out: set[tuple[str, str]] = set()

    def add(self, stretch: DiagnosedStretch) -> None:
        """Take another one; of those that are not to be drawn only the words are held."""
        at, said = stretch.said, stretch.said.diagnosis
        key = stretch.recording, at.channel
        figures = () if said is None else _figures(said)
        velocity_mm_s = math.nan if said is None else said.indicators.velocity_mm_s
        of_it = stretch.recording, at.begin_s, at.channel
        self._rows.append(_Row(*of_it, figures, at.words, stretch.origin, velocity_mm_s))
        if said is None or said.spectra is None:
            return
        if key not in self._drawn and len(self._drawn) >= self._pictures:
            self._left_out.add(key)
            return
        if key in self._drawn:  # one with a name tells more than one without, and of those the stronger
            before = self._drawn[key][1]
            named = said.bearing.fault is not None
            if before.bearing.fault is not None or (
                not named and said.indicators.rms <= before.indicators.rms
            ):
                return
        self._drawn[key] = (stretch, said, said.spectra)

    def html(self) -> str:
        """Return the page."""
        trends = []
        for channel in dict.fromkeys(row.channel for row in self._rows):
            chart = trend_chart(list(self._points(channel)), "velocity, mm/s RMS")
            if chart is not None:
                trends.append((channel, trend_plot(chart), chart))
        return template("diagnosis.html.j2").render(
            stretches=self._rows,
            of=origins_in_words(row.origin for row in self._rows),
            trends=trends[:_TRENDS],
            seconds=f"{SECONDS:g}",
            known=_known(self._machine),
            pictured=[_pictured(*drawn) for drawn in self._drawn.values()],
            left_out=len(self._left_out),
            usually=USUALLY,
        )

    def _points(self, channel: str) -> Iterator[TrendPoint]:
        """Its velocity in each stretch."""
        for row in self._rows:
            if row.channel == channel:
                when = row.origin.recorded
                when = when and when + timedelta(seconds=row.begin_s)
                name = f"{row.recording}, {row.begin_s:.1f} s"
                yield TrendPoint(name, NORMAL, when, row.velocity_mm_s)


def _pictured(stretch: DiagnosedStretch, said: VibrationDiagnosis, spectra: Spectra) -> _Pictured:
    turn_hz = said.speed.hz if said.speed is not None and said.speed.sure else None
    return _Pictured(
        stretch.recording,
        stretch.said.begin_s,
        stretch.said.channel,
        stretch.said.words,
        said.lines,
        said.unnamed,
        vibration_plot(spectra, said.lines),
        vibration_chart(spectra, said.lines, turn_hz),
        envelope_plot(spectra, said.lines),
        envelope_chart(spectra, said.lines, turn_hz),
        turn_hz,
    )


def _figures(said: VibrationDiagnosis) -> tuple[str, ...]:
    found = said.indicators
    return (
        "-" if math.isnan(found.velocity_mm_s) else f"{found.velocity_mm_s:.2f}",
        said.zone or "-",
        f"{found.rms:.3g}",
        f"{found.peak:.3g}",
        f"{found.crest:.1f}",
        f"{found.kurtosis:.1f}",
    )


def _known(machine: Machine) -> str:
    """What was stated of the machine, in a sentence."""
    stated = []
    if (speed := machine.speed) is not None:
        about = f"about {speed.stated_hz:g}" if speed.stated_hz else f"{speed.low_hz:g} to {speed.high_hz:g}"
        stated.append(f"{about} turns a second")
    if (bearing := machine.bearing) is not None:
        ratios = f"BPFO {bearing.outer:.3f}, BPFI {bearing.inner:.3f}, BSF {bearing.spin:.3f}"
        stated.append(f"a bearing with {ratios}, FTF {bearing.cage:.3f}")
    if machine.gear_teeth is not None:
        stated.append(f"a gear of {machine.gear_teeth} teeth")
    if machine.mains_hz is not None:
        stated.append(f"mains of {machine.mains_hz:g} Hz")
    if machine.group is not None and machine.support is not None:
        stated.append(f"group {machine.group} on a {machine.support} support")
    return f"Stated of the machine: {'; '.join(stated)}." if stated else "Nothing is stated of the machine."
