"""What a check found: `Finding`, and the exit code that many of them come to."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Final

from edge_runtime.core import AccessError, BusyError, ConfigError, DataError, EdgeError, UnavailableError
from edge_runtime.doctor.checks import Check

WARNINGS_ONLY: Final = 1
"""Exit code where everything works and something needs attention; sysexits.h begins at 64."""
_MOST_SEVERE_FIRST: Final = tuple(
    error.exit_code for error in (EdgeError, ConfigError, AccessError, DataError, BusyError, UnavailableError)
)
"""Order of repair: nothing else can be judged without a configuration; a cable may be plugged in last."""


class Level(IntEnum):
    """How severe a finding is."""

    OK = 0
    SKIPPED = 1
    """Could not be checked, and `what` says why; never a fault by itself."""
    WARNING = 2
    """Works now and will fail one day."""
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    check: Check
    about: str
    """The sensor, file or address examined."""
    level: Level
    what: str
    remedy: str = ""
    code: int = 0
    """Exit code of sysexits.h for this fault."""


Findings = Iterator[Finding]


def ok(check: Check, about: str, what: str) -> Finding:
    """Nothing is wrong with this."""
    return Finding(check, about, Level.OK, what)


def skipped(check: Check, about: str, why: str) -> Finding:
    """This could not be examined."""
    return Finding(check, about, Level.SKIPPED, why)


def warning(check: Check, about: str, what: str, remedy: str) -> Finding:
    """This works and needs attention."""
    return Finding(check, about, Level.WARNING, what, remedy)


def fault(check: Check, about: str, what: str, remedy: str, code: int) -> Finding:
    """This must be repaired."""
    return Finding(check, about, Level.FAULT, what, remedy, code)


def refused(check: Check, error: EdgeError) -> Finding:
    """The service itself would refuse this; its own words and remedy."""
    return fault(check, error.where, error.what, error.remedy, error.exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 when nothing is wrong, WARNINGS_ONLY, or the code of the fault to be repaired first."""
    seen = list(findings)
    codes = {finding.code for finding in seen if finding.level is Level.FAULT}
    if codes:
        return next((code for code in _MOST_SEVERE_FIRST if code in codes), max(codes))
    return WARNINGS_ONLY if any(finding.level is Level.WARNING for finding in seen) else 0


def as_text(finding: Finding) -> str:
    """One line for people, and the remedy below it."""
    # Columns: the longest level has 7 letters; three of four checks have at most 21.
    head = f"{finding.level.name:8}{finding.check:22}{finding.about}: {finding.what}"
    return f"{head}\n{'':8}{'':22}-> {finding.remedy}" if finding.remedy else head


def as_json(finding: Finding) -> str:
    """One JSON object with every field; the level in lower case."""
    return json.dumps({**asdict(finding), "level": finding.level.name.lower()})
