"""The plan of a fleet: which machines there are, where their recordings lie, and how each is learnt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainer.calibration import Order
from trainer.core import ChoiceError, RecordingError, nearest
from trainer.detectors import create
from trainer.recordings import ListForm, parted, read_entries

AUTO: Final = "auto"
"""In place of a detector: of those without a network the one that `trainer compare` recommends."""
USUAL: Final = "principal_components"
"""Where nothing is said, and where `auto` cannot compare: there is one condition."""
COLUMNS: Final = (
    "machine",
    "recordings",
    "site",
    "kind",
    "detector",
    "conditions",
    "budget",
    "samples",
    "hop",
    "speed",
)
_FORM: Final = ListForm("plan", "machines", ("machine", "recordings"))
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
"""A machine is a folder's name on every system, and a level of a topic."""
_TEXT: Final = 200
"""Characters of a site or kind."""


@dataclass(frozen=True, slots=True)
class PlannedMachine:
    """One line of a plan."""

    name: str
    patterns: tuple[str, ...]
    """Recordings, captures, recordings lists or folders, by `*`, `?`, `**` and `[...]`, too; relative to the
    plan, or addresses such as `s3://bucket/pump-7/*.frames`."""
    order: Order
    """How it is learnt; its detector is `USUAL` where that is to be found."""
    auto: bool
    """Whether the detector is to be found."""
    site: str
    kind: str
    """Machines of one kind are peers; all that are alike in rate, channels and unit where none is named."""


def read_plan(path: Path) -> tuple[PlannedMachine, ...]:
    """Read a plan, CSV, TOML or JSON; recordings are not looked at.

    Raises RecordingError for what cannot be read or contradicts itself, naming the line, ChoiceError or
    FitError for a detector, a budget or windows that cannot be.
    """
    entries = read_entries(path, _FORM)
    if not entries:
        raise RecordingError("plans no machines", where=str(path), remedy="Add a line for each machine")
    found, seen = list[PlannedMachine](), dict[str, str]()
    for where, named in entries:
        machine = planned(where, named)
        # Some systems take names that differ in case alone for one folder.
        other = seen.setdefault(machine.name.casefold(), machine.name)
        if len(seen) == len(found):
            raise RecordingError(
                f"machine {machine.name} is planned twice, also as {other}",
                where=where,
                remedy="Put all patterns of a machine into one line, separated by blanks",
            )
        found.append(machine)
    return tuple(found)


def check_name(name: str, where: str) -> None:
    """Raise RecordingError for a name that no machine may have."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise RecordingError(
            f"machine is {name[:40]!r}",
            where=where,
            remedy="Write 1 to 100 letters, digits and any of . _ + -, beginning with a letter or digit",
        )


def planned(where: str, named: Mapping[str, str]) -> PlannedMachine:
    """Understand one line, `named` by columns. Raises what `read_plan` does."""
    if unknown := next((name for name in named if name not in COLUMNS), ""):
        raise RecordingError(f"there is no {unknown}", where=where, remedy=nearest(unknown, COLUMNS))
    name = named.get("machine", "")
    check_name(name, where)
    patterns = parted(named.get("recordings", ""), "recordings", where)
    if not patterns:
        remedy = "Write files, folders or patterns, separated by blanks"
        raise RecordingError(f"no recordings are named for {name}", where=where, remedy=remedy)
    for column in ("site", "kind"):
        if len(named.get(column, "")) > _TEXT:
            remedy = f"Write at most {_TEXT} characters"
            raise RecordingError(f"{column} is too long", where=where, remedy=remedy)
    order, auto = ordered(where, name, named), named.get("detector") == AUTO
    return PlannedMachine(name, patterns, order, auto, named.get("site", ""), named.get("kind", ""))


def ordered(where: str, name: str, named: Mapping[str, str]) -> Order:
    """How the machine of a line is learnt. Raises what `read_plan` does."""
    detector, speed = named.get("detector") or USUAL, named.get("speed", "")
    try:
        order = Order(
            USUAL if detector == AUTO else detector,
            name=name,
            budget=named.get("budget", ""),
            conditions=named.get("conditions") or "new",
            samples=_whole(named, "samples", 1024, where),
            hop=_whole(named, "hop", 512, where),
            speed_hz=float(speed.replace(",", ".")) if speed else None,
        )
        create(order.detector)
        order.check()
    except ValueError as error:
        remedy = "Write turns of the shaft a second"
        raise RecordingError(f"speed is {speed[:40]!r}", where=where, remedy=remedy) from error
    except ChoiceError as error:
        raise ChoiceError(error.what, where=where, remedy=error.remedy) from error
    return order


def _whole(named: Mapping[str, str], column: str, usual: int, where: str) -> int:
    cell = named.get(column, "")
    if cell and not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
        raise RecordingError(f"{column} is {cell[:40]!r}", where=where, remedy="Write a whole number")
    return int(cell) if cell else usual
