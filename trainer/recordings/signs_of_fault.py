"""Signs of a fault in what is said to be healthy: what is learnt at the machine must not be one.

On a workstation a person has chosen the recordings; at the machine nobody has looked at them. Each sign can
be accepted by its name, by a person who knows the machine.
"""

from collections.abc import Sequence
from typing import Final

from trainer.core import ChoiceError, RecordingError, nearest
from trainer.recordings.checks import GUARD_NAMES
from trainer.recordings.drift import drifting, restless
from trainer.recordings.knocking import knocking
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording
from trainer.recordings.severity import severe

SIGN_NAMES: Final = ("drift", "restless", "severity", "knocking")
"""Names by which signs are accepted."""


def fault_signs(
    recordings: Sequence[Recording], samples: int, machine_group: str = ""
) -> tuple[RecordingProblem, ...]:
    """Look for signs of a fault in windows of `samples`; those that refuse come first.

    `machine_group` is one of ISO 20816-3 with its support, such as `2-rigid`; empty where unknown.
    """
    found = [
        *drifting(recordings, samples),
        *restless(recordings, samples),
        *severe(recordings, machine_group),
        *knocking(recordings),
    ]
    return tuple(sorted(found, key=lambda problem: not problem.refuses))


def check_known(accept: Sequence[str]) -> None:
    """Raise ChoiceError for a name that is neither a sign's nor a guard's: it would accept nothing."""
    known = (*SIGN_NAMES, *GUARD_NAMES)
    for name in accept:
        if name not in known:
            raise ChoiceError(f"there is no check {name!r}", remedy=nearest(name, known))


def refuse_faults(found: Sequence[RecordingProblem], accept: Sequence[str]) -> tuple[RecordingProblem, ...]:
    """Raise RecordingError for the first sign that refuses and is not accepted; return all."""
    for problem in found:
        if problem.refuses and problem.guard not in accept:
            raise RecordingError(
                problem.what,
                where=problem.where,
                remedy=f"{problem.remedy}. Who knows that it is right as it is may accept {problem.guard!r}",
            )
    return tuple(found)
