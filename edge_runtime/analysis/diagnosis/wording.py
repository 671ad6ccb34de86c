"""A diagnosis for people and for programs: `sentence`, `in_words`, `as_members`."""

import math
from dataclasses import asdict
from typing import Any

from edge_runtime.analysis.diagnosis.vibration_diagnosis import VibrationDiagnosis


def sentence(found: VibrationDiagnosis) -> str:
    """What knocks or why no part is named, and what the strongest line usually means where it is said."""
    return "; ".join(filter(None, (found.bearing.words, found.suggestion)))


def in_words(found: VibrationDiagnosis) -> list[str]:
    """Lines of text: figures with the sentence, lines with a name, and those without one."""
    figures = found.indicators
    mm_s = figures.velocity_mm_s
    velocity = "velocity not known" if math.isnan(mm_s) else f"{mm_s:.2f} mm/s"
    severity = f" (zone {found.zone} of ISO 20816-3, a screening)" if found.zone else ""
    said = (
        f"{velocity}{severity}, {figures.rms:.3g} m/s2, peak {figures.peak:.3g}, crest {figures.crest:.1f}, "
        f"kurtosis {figures.kurtosis:.1f}; {sentence(found)}"
    )
    named = [f"lines: {'; '.join(map(str, found.lines))}"] if found.lines else []
    return [said, *named, *([f"not named: {'; '.join(map(str, found.unnamed))}"] if found.unnamed else [])]


def as_members(found: VibrationDiagnosis) -> dict[str, Any]:
    """Members of a JSON object; a figure that is not known is None."""
    figures = asdict(found.indicators)
    return {
        "words": sentence(found),
        "indicators": {name: None if math.isnan(value) else value for name, value in figures.items()},
        "zone": found.zone,
        "fault": None if found.bearing.fault is None else asdict(found.bearing.fault),
        "speed": None if found.speed is None else asdict(found.speed),
        "lines": list(map(asdict, found.lines)),
        "not_named": list(map(asdict, found.unnamed)),
    }
