"""What a piece of evidence says in the words of the trade: `findings`."""

import math
from pathlib import Path
from typing import Any

from edge_runtime.book import Finding
from edge_runtime.core import EdgeError
from edge_runtime.pipeline.diagnosing import ChannelDiagnosis, diagnose_recording, machine_of
from edge_runtime.sensors import SensorSettings


def findings(path: Path, settings: SensorSettings) -> tuple[Finding, ...]:
    """Diagnose the last stretch of a capture, which is after the alarm, channel by channel.

    Where that cannot be, one finding says why.
    """
    try:
        found = list(diagnose_recording(str(path), machine_of(settings)))
    except (EdgeError, ValueError) as error:
        what = error.what if isinstance(error, EdgeError) else str(error)
        return (Finding("", f"not diagnosed: {what}"),)
    latest = [each for each in found if each.begin_s == found[-1].begin_s]
    return tuple(Finding(each.channel, each.diagnosis.words, **_figures(each)) for each in latest)


def _figures(said: ChannelDiagnosis) -> dict[str, Any]:
    """What is known of its figures."""
    if (found := said.indicators) is None:
        return {}
    figures = {"velocity_mm_s": found.velocity_mm_s, "rms_m_s2": found.rms}
    figures |= {"crest": found.crest, "kurtosis": found.kurtosis}
    known = {name: round(value, 6) for name, value in figures.items() if math.isfinite(value)}
    return known | {"zone": None if said.zone is None else str(said.zone)}
