"""A rate that the lines before a table's numbers state in words."""

import re
from collections.abc import Iterable
from typing import Final

from trainer.formats.rates import roundest

_NUMBER: Final = r"(?P<number>\d+(?:[.,]\d+)?(?:e[+-]?\d+)?)"
_PER_SECOND: Final = r"(?P<factor>[kM])?(?:hz|s/s|sps|samples/s(?:ec)?|samples per second)\b"
_WHAT: Final = r"(?:sampl\w*|data|scan|acqui\w*|abtast\w*)[\s_.-]*"
_RATES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_WHAT}(?:rate|freq\w*)?\W*{_NUMBER}\s*{_PER_SECOND}",
        rf"{_WHAT}(?:rate|freq\w*)\W*\(?\s*{_PER_SECOND}\W*{_NUMBER}",
        rf"\bat\s+{_NUMBER}\s*{_PER_SECOND}",
    )
)
"""A rate with its unit, in either order: what bears no unit may be anything."""
_STEP: Final = re.compile(r"\d*[.,]?\d+(?:[eE][+-]?\d+)?")
_EXACT: Final = 1e-5
"""Share by which a rate may be off the round number that it stands for: steps are written to six digits."""
_FACTORS: Final = {"": 1.0, "k": 1e3, "m": 1e6}


def stated_rate(lines: Iterable[str]) -> float | None:
    """Return the rate in Hz that lines state with its unit, or by LabVIEW's step in seconds; None for none,
    or for several."""
    found = set()
    words = [line.split() for line in lines]
    over_time = all(set(row[1:]) <= {"Time"} for row in words if row[:1] == ["X_Dimension"])
    for row in words:
        line = " ".join(row)
        if row[:1] == ["Delta_X"] and over_time:
            steps = {float(word.replace(",", ".")) for word in row[1:] if _STEP.fullmatch(word)}
            found |= {roundest(1 / step, _EXACT) for step in steps if step > 0}
        for pattern in _RATES:
            for match in pattern.finditer(line):
                number = float(match["number"].replace(",", "."))
                found.add(number * _FACTORS[(match["factor"] or "").lower()])
    return found.pop() if len(found) == 1 else None
