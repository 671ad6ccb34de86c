"""Runs attacks, and holds what became of them against what each kind says: `tried`."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attack.updates import device, files, forged, lists, models, servers
from tests.attack.updates.lab import KINDS, Case, Lab

__all__ = ["KINDS", "Lab", "Result", "tried", "try_variant"]
_ROOMS = (device, files, forged, lists, models, servers)
"""Importing them registers their kinds."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one variant."""

    kind: str
    variant: str
    said: str
    accepted: bool
    """Whether the device runs what it must not."""
    as_expected: bool
    """Whether it was refused, and by the check that this kind is about."""


def try_variant(lab: Lab, name: str, variant: str, case: Case, said: object) -> Result:
    """Let the device look, unless the attack did, and judge."""
    was = lab.first_digest
    text = said if isinstance(said, str) else case.look()
    on_disk = text.startswith(("fell back", "ran the site's own"))  # the link is what was attacked
    accepted = text.startswith("new") or (not on_disk and case.runs() not in (was, ""))
    expected = not accepted and re.search(KINDS[name].says, text, re.DOTALL) is not None
    return Result(name, variant, text, accepted, expected)


def tried(folder: Path, wanted: Sequence[str] = (), most: int = 10**6) -> Iterator[Result]:
    """Try all kinds, or these, with at most so many variants of each."""
    lab = Lab(folder)
    for name in wanted or KINDS:
        for number, (variant, attack) in enumerate(KINDS[name].attack(lab)):
            if number >= most:
                break
            case = lab.case()
            yield try_variant(lab, name, variant, case, attack(case))
            shutil.rmtree(case.folder)
