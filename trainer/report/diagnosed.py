"""Recordings to what is said of them in the words of the trade: `diagnose_files`, stretch by stretch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.analysis import problem
from edge_runtime.analysis.diagnosis import (
    ACCELERATIONS,
    SECONDS,
    Machine,
    VibrationDiagnosis,
    as_members,
    diagnose,
    in_words,
    sentence,
)
from edge_runtime.core import printable
from trainer.core import RecordingError
from trainer.recordings import Recording, read_any

LOWEST_RATE_HZ: Final = 100.0
"""As on the gateway: at one turn of the shaft in a second there is something to be seen below 50 Hz."""


@dataclass(frozen=True, slots=True)
class DiagnosedStretch:
    """Five seconds of one channel of a recording."""

    recording: str
    """Its name."""
    begin_s: float
    """Of the stretch, in its file."""
    channel: str
    diagnosis: VibrationDiagnosis | None
    """None where the sensor was at fault."""
    words: str
    """A sentence for people."""

    def in_words(self) -> list[str]:
        """Lines of text, as `edge-runtime diagnose` prints them."""
        said = [self.words] if self.diagnosis is None else in_words(self.diagnosis)
        at = f"{printable(self.recording, 60)}  {self.begin_s:.1f} s  {printable(self.channel, 40)}"
        return [f"{at}: {said[0]}", *(f"            {line}" for line in said[1:])]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        known: dict[str, Any] = {"words": self.words, "indicators": None}
        if self.diagnosis is not None:
            known = as_members(self.diagnosis)
        return {"recording": self.recording, "begin_s": self.begin_s, "channel": self.channel} | known


def diagnose_files(
    paths: Sequence[Path],
    machine: Machine,
    *,
    signals: Sequence[str] = (),
    unit: str = "",
    rate_hz: float | None = None,
) -> Iterator[DiagnosedStretch]:
    """Judge recordings, captures and what recordings lists name, in stretches of 5 s without a gap.

    Raises RecordingError where one cannot be read, has another unit than one of acceleration, is too slow,
    or where a file has no stretch.
    """
    for path in paths:
        found = False
        for recording in read_any(path, signals=signals, unit=unit, rate_hz=rate_hz):
            for stretch in _stretches(recording, machine):
                found = True
                yield stretch
        if not found:
            what = f"no stretch of {SECONDS:g} s without a gap is in it"
            raise RecordingError(what, where=str(path), remedy="Give a longer recording")


def _stretches(recording: Recording, machine: Machine) -> Iterator[DiagnosedStretch]:
    what = remedy = ""
    if recording.unit not in ACCELERATIONS:
        stated = printable(recording.unit, 40) or "not stated"
        what = f"its unit is {stated}, and velocity is made of acceleration"
        remedy = f"Give recordings in {', '.join(ACCELERATIONS)}; --unit says it of a file that does not"
    elif recording.rate_hz < LOWEST_RATE_HZ:
        what = f"its rate is {recording.rate_hz:g} Hz, and a diagnosis takes {LOWEST_RATE_HZ:g} Hz at least"
        remedy = "Record at the highest rate that the sensor has"
    if what:
        raise RecordingError(what, where=recording.file, remedy=remedy)
    length, samples = round(SECONDS * recording.rate_hz), recording.samples
    for first in range(0, len(samples) - length + 1, length):
        part, begin_s = samples[first : first + length], recording.begin_s + first / recording.rate_hz
        fault = problem(part, recording.channels, inf)
        for index, channel in enumerate(recording.channels):
            if fault is not None:
                words = f"not nameable: the sensor is at fault, {fault}"
                yield DiagnosedStretch(recording.name, begin_s, channel, None, words)
                continue
            values = part[:, index].astype(np.float64) * ACCELERATIONS[recording.unit]
            said = diagnose(values, recording.rate_hz, machine)
            yield DiagnosedStretch(recording.name, begin_s, channel, said, sentence(said))
