"""What a check found: `Finding`, and the exit code that many of them come to."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Final

from edge_runtime.core import EdgeError

WARNINGS_ONLY: Final = 1
"""Exit code where things work and something should be seen to."""
_GRAVEST_FIRST: Final = (70, 78, 77, 65, 75, 69)
"""Order of mending: nothing else can be judged without a configuration; a cable may be plugged in last."""


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    SKIPPED = 1
    """Could not be checked, and `what` says why; never bad by itself."""
    WARNING = 2
    """Works now; will hurt one day."""
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    check: str
    """Stable name of the check, such as `port.busy`."""
    about: str
    """The sensor, file or address it was about."""
    level: Level
    what: str
    remedy: str = ""
    code: int = 0
    """Exit code of sysexits.h that this fault calls for."""


Findings = Iterator[Finding]


def ok(check: str, about: str, what: str) -> Finding:
    """All is well with this."""
    return Finding(check, about, Level.OK, what)


def skipped(check: str, about: str, why: str) -> Finding:
    """This could not be looked at."""
    return Finding(check, about, Level.SKIPPED, why)


def warning(check: str, about: str, what: str, remedy: str) -> Finding:
    """This works and should be seen to."""
    return Finding(check, about, Level.WARNING, what, remedy)


def fault(check: str, about: str, what: str, remedy: str, code: int) -> Finding:
    """This must be mended."""
    return Finding(check, about, Level.FAULT, what, remedy, code)


def refused(check: str, error: EdgeError) -> Finding:
    """The service itself would refuse this; its own words and remedy."""
    return fault(check, error.where, error.what, error.remedy, error.exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 when all is well, WARNINGS_ONLY, or the code of the fault to be mended first."""
    seen = list(findings)
    codes = {finding.code for finding in seen if finding.level is Level.FAULT}
    if codes:
        return next((code for code in _GRAVEST_FIRST if code in codes), max(codes))
    return WARNINGS_ONLY if any(finding.level is Level.WARNING for finding in seen) else 0


def as_text(finding: Finding) -> str:
    """One line for people, and the remedy below it."""
    head = f"{finding.level.name:8}{finding.check:22}{finding.about}: {finding.what}"
    return f"{head}\n{'':8}{'':22}-> {finding.remedy}" if finding.remedy else head


def as_json(finding: Finding) -> str:
    """One JSON object with every field."""
    return json.dumps({**asdict(finding), "level": finding.level.name.lower()})
