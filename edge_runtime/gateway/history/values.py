"""What a stretch of time comes to: `Values`, and how those of shorter ones become those of a longer. Pure.

A column that is not there is not known. Names with a point are of a channel, a state or a reading.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

Values = Mapping[str, float]
"""Finite numbers by the name of their column."""
SECONDS, WINDOWS, LOOKS = "seconds", "windows", "looks"
"""Watched seconds, windows with a score, and looks at a second of the vibration: what the others weigh by."""
SCORE_MIN, SCORE_MEAN, SCORE_MAX = "score_min", "score_mean", "score_max"
USABLE, ERRORS, DOUBT = "usable_share", "link_errors", "clock_doubt"
"""Share of the time that gave usable windows; errors of the line; 1 where the clock was not known to be
set."""
VELOCITY, RMS, PEAK, CREST, KURTOSIS = "velocity.", "rms.", "peak.", "crest.", "kurtosis."
"""Beginnings of a channel's columns; velocity in mm/s, RMS and peak of the acceleration in m/s2."""
STATE, READING = "state.", "reading."
"""Beginnings of a state's seconds, and of a reading's mean."""
_SUMS: Final = (SECONDS, WINDOWS, LOOKS, ERRORS, STATE)
_LARGEST: Final = (SCORE_MAX, PEAK, DOUBT)
_SQUARES: Final = (VELOCITY, RMS)
"""Of an RMS over parts of equal length the square is the mean of theirs."""
_WEIGHTS: Final = {
    SCORE_MEAN: WINDOWS,
    **dict.fromkeys((VELOCITY, RMS, CREST, KURTOSIS), LOOKS),
    **dict.fromkeys((USABLE, READING), SECONDS),
}


def merged(parts: Sequence[Values]) -> dict[str, float]:
    """The values of all parts together, in any order."""
    if len(parts) == 1:
        return dict(parts[0])
    found: dict[str, float] = {}
    for column in dict.fromkeys(column for part in parts for column in part):
        of_it = [part for part in parts if column in part]
        kind = _kind(column)
        if kind in _SUMS:
            found[column] = sum(part[column] for part in of_it)
        elif kind in _LARGEST:
            found[column] = max(part[column] for part in of_it)
        elif kind == SCORE_MIN:
            found[column] = min(part[column] for part in of_it)
        else:
            weighted = [(part[column], part.get(_WEIGHTS.get(kind, SECONDS), 0.0)) for part in of_it]
            found[column] = _mean(weighted, squares=kind in _SQUARES)
    return found


def state_of(values: Values) -> str:
    """The state that lasted longest; empty where none was known."""
    states = {name: seconds for name, seconds in values.items() if name.startswith(STATE)}
    return max(states, key=states.__getitem__).removeprefix(STATE) if states else ""


def history_columns(columns: Iterable[str]) -> list[str]:
    """Columns as they are shown: what is of the sensor, then of each channel, then readings and states."""
    first = [WINDOWS, SCORE_MIN, SCORE_MEAN, SCORE_MAX, USABLE, ERRORS]
    then = [VELOCITY, RMS, PEAK, CREST, KURTOSIS, READING, STATE]
    rank = {name: place for place, name in enumerate([SECONDS, *first, *then, LOOKS, DOUBT])}
    return sorted(columns, key=lambda column: (rank.get(_kind(column), len(rank)), column))


def _kind(column: str) -> str:
    head, point, _ = column.partition(".")
    return head + point


def _mean(weighted: Sequence[tuple[float, float]], *, squares: bool) -> float:
    weight = sum(part for _, part in weighted)
    if not weight:  # nothing says which counts for more
        weighted, weight = [(value, 1.0) for value, _ in weighted], float(len(weighted))
    if squares:
        return math.sqrt(sum(part * value**2 for value, part in weighted) / weight)
    return sum(part * value for value, part in weighted) / weight
