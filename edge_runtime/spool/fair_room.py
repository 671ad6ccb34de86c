"""Which alarms go when there is no more room: those of the sensor that holds the most, never another's.

Updates go first, since the alarm's beginning and end say the same later; then alarms that are over, whole, so
that no beginning is left without its end; then whatever is oldest. Pure.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Candidate(NamedTuple):
    """A stored alarm of the sensor that holds the most."""

    id: int
    cost_bytes: int
    body: bytes


def fullest(rows: Counter[str]) -> str:
    """The topic with the most rows, the first by name of several; empty where there are none."""
    return max(sorted(rows), key=rows.__getitem__, default="")


def choose(candidates: Sequence[Candidate], excess_bytes: int) -> list[int]:
    """Ids of the rows to drop for that much room, of candidates from the oldest on; no more than needed."""
    events: list[tuple[Candidate, str, str]] = []
    for row in candidates:
        try:
            members = json.loads(row.body)
            events.append((row, str(members.get("type", "")), str(members.get("id", ""))))
        except (ValueError, AttributeError):  # no event
            events.append((row, "", ""))
    over = {alarm_id for _, kind, alarm_id in events if kind == "end"}
    updates = [[row] for row, kind, _ in events if kind == "update"]
    left = [(row, alarm_id) for row, kind, alarm_id in events if kind != "update"]
    pairs: dict[str, list[Candidate]] = {}
    for row, alarm_id in left:
        if alarm_id in over:
            pairs.setdefault(alarm_id, []).append(row)
    rest = [[row] for row, alarm_id in left if alarm_id not in over]
    ids: list[int] = []
    for group in (*updates, *pairs.values(), *rest):
        if excess_bytes <= 0:
            break
        ids += [row.id for row in group]
        excess_bytes -= sum(row.cost_bytes for row in group)
    return ids
