"""What a piece of evidence says in the words of the trade: `findings`."""

import math
from pathlib import Path
from typing import Any

from edge_runtime.analysis.diagnosis import ChannelDiagnosis
from edge_runtime.book import Finding, FoundLine
from edge_runtime.core import EdgeError
from edge_runtime.pipeline.diagnosing import diagnose_recording, machine_of
from edge_runtime.sensors import SensorSettings


def findings(path: Path, settings: SensorSettings) -> tuple[Finding, ...]:
    """Diagnose the last stretch of a capture, which is after the alarm, channel by channel.

    Where that cannot be, one finding says why.
    """
    begin_s, found = -1.0, list[Finding]()
    try:
        reading = settings.diagnosis.speed_reading
        for each in diagnose_recording(str(path), machine_of(settings), reading):
            if each.begin_s != begin_s:  # spectra are not held: one of a channel is 1 MB
                begin_s, found = each.begin_s, []
            found.append(Finding(each.channel, each.words, **_figures(each)))
    except (EdgeError, ValueError) as error:
        what = error.what if isinstance(error, EdgeError) else str(error)
        return (Finding("", f"not diagnosed: {what}"),)
    return tuple(found)


def _figures(said: ChannelDiagnosis) -> dict[str, Any]:
    """What is known of its figures, and the lines that have a name."""
    if said.diagnosis is None:
        return {}
    found, severity = said.diagnosis.indicators, said.diagnosis.zone
    figures = {"velocity_mm_s": found.velocity_mm_s, "rms_m_s2": found.rms}
    figures |= {"crest": found.crest, "kurtosis": found.kurtosis}
    known = {name: round(value, 6) for name, value in figures.items() if math.isfinite(value)}
    lines = tuple(
        FoundLine(
            line.name,
            round(line.hz, 2),
            round(line.strength, 1),
            None if line.velocity_mm_s is None else round(line.velocity_mm_s, 4),
        )
        for line in said.diagnosis.lines
    )
    return known | {"zone": None if severity is None else str(severity), "lines": lines}
