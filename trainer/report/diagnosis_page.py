"""One self-contained HTML page on a diagnosis: `DiagnosisPage`."""

import math
from dataclasses import dataclass
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
from trainer.report.diagnosed import DiagnosedStretch
from trainer.report.filled import template
from trainer.report.line_plots import envelope_plot, vibration_plot

PICTURES: Final = 24
"""Channels of recordings that are drawn: some 4 MB. The others are in the table."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A stretch in the table."""

    recording: str
    begin_s: float
    channel: str
    figures: tuple[str, ...]
    """In the order of the columns; empty where the sensor was at fault."""
    words: str


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
    envelope: str


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
        said, key = stretch.diagnosis, (stretch.recording, stretch.channel)
        figures = () if said is None else _figures(said)
        self._rows.append(_Row(stretch.recording, stretch.begin_s, stretch.channel, figures, stretch.words))
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
        return template("diagnosis.html.j2").render(
            stretches=self._rows,
            seconds=f"{SECONDS:g}",
            known=_known(self._machine),
            pictured=[_pictured(*drawn) for drawn in self._drawn.values()],
            left_out=len(self._left_out),
            usually=USUALLY,
        )


def _pictured(stretch: DiagnosedStretch, said: VibrationDiagnosis, spectra: Spectra) -> _Pictured:
    return _Pictured(
        stretch.recording,
        stretch.begin_s,
        stretch.channel,
        stretch.words,
        said.lines,
        said.unnamed,
        vibration_plot(spectra, said.lines),
        envelope_plot(spectra, said.lines),
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
