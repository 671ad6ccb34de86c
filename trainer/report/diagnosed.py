"""Recordings to what is said of them in the words of the trade: `diagnose_files`, stretch by stretch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.analysis.diagnosis import (
    SECONDS,
    ChannelDiagnosis,
    Machine,
    as_members,
    check_diagnosable,
    diagnose_channels,
    in_words,
)
from edge_runtime.core import printable
from trainer.core import RecordingError
from trainer.recordings import read_any
from trainer.report.trend import UNKNOWN, Origin


@dataclass(frozen=True, slots=True)
class DiagnosedStretch:
    """Five seconds of one channel of a recording."""

    recording: str
    """Its name."""
    said: ChannelDiagnosis
    origin: Origin = UNKNOWN

    def in_words(self) -> list[str]:
        """Lines of text, as `edge-runtime diagnose` prints them."""
        said = self.said
        first, *more = [said.words] if said.diagnosis is None else in_words(said.diagnosis)
        at = f"{printable(self.recording, 60)}  {said.begin_s:.1f} s  {printable(said.channel, 40)}"
        return [f"{at}: {first}", *(f"            {line}" for line in more)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        known: dict[str, Any] = {"words": self.said.words, "indicators": None}
        if self.said.diagnosis is not None:
            known = as_members(self.said.diagnosis)
        at = {"begin_s": self.said.begin_s, "channel": self.said.channel}
        return {"recording": self.recording} | at | known


def diagnose_files(
    paths: Sequence[Path],
    machine: Machine,
    *,
    signals: Sequence[str] = (),
    unit: str = "",
    rate_hz: float | None = None,
) -> Iterator[DiagnosedStretch]:
    """Judge recordings, captures and what recordings lists name, in stretches of 5 s without a gap.

    Raises RecordingError where one cannot be read or has no stretch, DataError where it has another unit than
    one of acceleration or is too slow.
    """
    for path in paths:
        found = False
        for recording in read_any(path, signals=signals, unit=unit, rate_hz=rate_hz):
            check_diagnosable(
                recording.unit, recording.rate_hz, recording.file, "; --unit says it of a file that does not"
            )
            length = round(SECONDS * recording.rate_hz)
            for first in range(0, len(recording.samples) - length + 1, length):
                found = True
                part = recording.samples[first : first + length]
                begin_s = recording.begin_s + first / recording.rate_hz
                for said in diagnose_channels(
                    part, recording.rate_hz, recording.unit, recording.channels, machine, begin_s=begin_s
                ):
                    yield DiagnosedStretch(recording.name, said, Origin.of(recording.further))
        if not found:
            what = f"no stretch of {SECONDS:g} s without a gap is in it"
            raise RecordingError(what, where=str(path), remedy="Give a longer recording")
