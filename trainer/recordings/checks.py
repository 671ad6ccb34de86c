"""Quality checks on recordings before a fit: wrong rates, leaks, dead sensors, units, overlaps.

A detector that separates recorders, filters or offsets would look perfect and be worthless. Each guard uses
the data alone, as it was recorded: before filters and resampling. Refusals stop; warnings are for people to
judge.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from trainer.core import ChoiceError, RecordingError, nearest
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recorder_guards import leaks, offsets, overlaps, rates
from trainer.recordings.recording import Recording
from trainer.recordings.screening import TOWERING
from trainer.recordings.sensor_guards import clipped, copies, stuck, units

GUARDS: Final[Sequence[Callable[[Sequence[Recording]], Iterator[RecordingProblem]]]] = (
    rates,
    stuck,
    copies,
    units,
    overlaps,
    clipped,
    offsets,
    leaks,
)
GUARD_NAMES: Final = ("rate", "stuck", "copies", "unit", "overlap", "clipped", "offset", "leak", TOWERING)
"""Names by which problems are accepted, in the order of GUARDS; the last is of windows, found by a fit."""


def recording_problems(recordings: Sequence[Recording]) -> tuple[RecordingProblem, ...]:
    """Apply every guard; refusals come first."""
    found = [problem for guard in GUARDS for problem in guard(recordings)]
    return tuple(sorted(found, key=lambda problem: not problem.refuses))


def check_recordings(
    recordings: Sequence[Recording], accept: Sequence[str] = ()
) -> tuple[RecordingProblem, ...]:
    """Raise RecordingError for the first refusal of a guard that is not in `accept`; return all problems.

    Raises ChoiceError for a name in `accept` that is none of a guard.
    """
    check_accepted(accept)
    found = recording_problems(recordings)
    for problem in found:
        if problem.refuses and problem.guard not in accept:
            raise RecordingError(
                problem.what,
                where=problem.where,
                remedy=f"{problem.remedy}; where it is right as it is, accept {problem.guard!r}",
            )
    return found


def check_accepted(accept: Sequence[str]) -> None:
    """Raise ChoiceError for a name that is none of a guard: misspelt, it would accept nothing in silence."""
    for name in accept:
        if name not in GUARD_NAMES:
            raise ChoiceError(f"there is no guard {name!r}", remedy=nearest(name, GUARD_NAMES))


def problem_notes(found: Sequence[RecordingProblem]) -> dict[str, str]:
    """Note for the manifest: the guards whose problems were accepted."""
    names = dict.fromkeys(problem.guard for problem in found)
    return {"warnings": ", ".join(names)} if names else {}
