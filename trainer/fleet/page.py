"""The page over a fleet: machines that are good, that need recordings, that are alike, that failed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainer.fleet.peers import Standing, grouped, standings
from trainer.fleet.record import FITTED, Record
from trainer.report import template

_ENOUGH: Final = 3
"""Conditions from which a threshold is no longer set far too high, as the manifest has it."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A machine on the page."""

    record: Record
    standing: Standing | None
    good: bool


def fleet_page(title: str, found: Sequence[tuple[str, Record | None]]) -> str:
    """Return the page, HTML, on machines by name and what is known of each."""
    records = [record for _, record in found if record is not None]
    fitted = [record for record in records if record.outcome == FITTED]
    groups = grouped((f"{each.kind}\n{each.sensor}", each.machine) for each in fitted)
    by_name = {each.machine: each for each in fitted}
    outlines = {name: each.outline for name, each in by_name.items()}
    stand = standings(groups, outlines, {name: each.bands for name, each in by_name.items()})
    rows = [
        _Row(
            each,
            stand.get(each.machine),
            each.supported and each.hears and len(each.conditions) >= _ENOUGH,
        )
        for each in fitted
    ]
    return template("fleet.html.j2").render(
        title=title,
        machines=len(found),
        rows=rows,
        good=[row for row in rows if row.good],
        wanting=[row for row in rows if not row.good],
        unlike=sorted(
            (row for row in rows if row.standing and row.standing.unlike),
            key=lambda row: -(row.standing.distance if row.standing else 0.0),
        ),
        alike=[row for row in rows if row.standing and row.standing.alike],
        failed=[each for each in records if each.outcome != FITTED],
        lost=[name for name, record in found if record is None],
        compared=any(not math.isnan(one.distance) for one in stand.values()),
    )
