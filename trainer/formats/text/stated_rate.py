"""A rate that the lines before a table's numbers state in words."""

import re
from collections.abc import Iterable
from typing import Final

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
_FACTORS: Final = {"": 1.0, "k": 1e3, "m": 1e6}


def stated_rate(lines: Iterable[str]) -> float | None:
    """Return the rate in Hz that lines state with its unit; None for none, or for several."""
    found = set()
    for line in lines:
        for pattern in _RATES:
            for match in pattern.finditer(line):
                number = float(match["number"].replace(",", "."))
                found.add(number * _FACTORS[(match["factor"] or "").lower()])
    return found.pop() if len(found) == 1 else None
