"""Parts of `make demo-learn`: which recordings are learnt, which are played afterwards."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.sensors import Signal
from trainer.core import TrainerError
from trainer.recordings import NORMAL, Recording, load_list

SAMPLE: Final = Path("tests/data/cwru.csv")
LEFT_OUT: Final = "2 hp"
"""The load that is left out unless another is named: the one at which the sample has faults."""
FAULT: Final = "inner race"
"""Faults that are played where there are some."""
LONGEST_S: Final = 8.0
"""Of a recording that is played over and over. A judgement: longer than what is recorded of it, and the
sample's have 5.5 s."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played in which part."""

    known: dict[str, Signal]
    """Normal vibration by its condition: what is learnt."""
    unseen: Signal
    left_out: str
    fault: Signal
    said: str
    """What the fault is."""


def plan(listing: Path, left_out: str, seed: int, folder: Path) -> Plan:
    """Choose from a recordings list; a list of what was chosen is written into the folder.

    The seed chooses among recordings, their order and where a long one is cut. Ends the program in words
    where the list has too few.
    """
    drawn = random.Random(seed)
    rows = _rows(listing)
    normal = {condition: drawn.choice(of) for condition, of in _by_condition(rows).items()}
    if left_out not in normal or len(normal) < 2:
        raise SystemExit(
            f"demo: {listing} has normal vibration of {', '.join(normal) or 'no condition'}: that takes two "
            f"conditions or more, of which LEAVE_OUT names one, and not {left_out!r}"
        )
    faults = [row for row in rows if row["label"] != NORMAL]
    for wanted in ((FAULT, left_out), ("", left_out), (FAULT, ""), ("", "")):
        if fitting := [row for row in faults if wanted[0] in row["label"] and wanted[1] in row["condition"]]:
            break
    else:
        raise SystemExit(
            f"demo: every row of {listing} is labelled {NORMAL}: one of a fault has to be played"
        )
    fault = drawn.choice(fitting)
    conditions = [name for name in normal if name != left_out]
    drawn.shuffle(conditions)
    chosen = [*(normal[name] for name in conditions), normal[left_out], fault]
    *known, unseen, faulty = [_cut(item, drawn) for item in _read(chosen, folder / "chosen.csv")]
    said = f"{fault['label']}, {fault['condition']}"
    return Plan(dict(zip(conditions, known, strict=True)), unseen, left_out, faulty, said)


def _rows(listing: Path) -> list[Row]:
    try:
        with listing.open(newline="", encoding="utf-8") as file:
            rows = [dict(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise SystemExit(f"demo: {listing} is no recordings list ({error}); see README.md") from error
    if missing := {"file", "label", "condition"} - set(rows[0] if rows else ()):
        raise SystemExit(f"demo: {listing} is no recordings list, {', '.join(sorted(missing))} is missing")
    return [{**row, "file": str((listing.parent / row["file"]).resolve())} for row in rows]


def _by_condition(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["label"] == NORMAL:
            found.setdefault(row["condition"], []).append(row)
    return found


def _read(rows: list[Row], listing: Path) -> list[Recording]:
    """The recording of each row, at the list's rate; where gaps part it, the longest stretch."""
    with listing.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    try:
        read = load_list(listing)
    except TrainerError as error:
        raise SystemExit(f"demo: {error}") from error
    return [
        max(
            (item for item in read if (item.label, item.condition) == (row["label"], row["condition"])),
            key=lambda item: item.duration_s,
        )
        for row in rows
    ]


def _cut(whole: Recording, drawn: random.Random) -> Signal:
    """At most so much of it, from anywhere in it."""
    most = round(LONGEST_S * whole.rate_hz)
    begin = drawn.randint(0, max(0, len(whole.samples) - most))
    samples = np.array(whole.samples[begin : begin + most])
    return Signal(samples, whole.rate_hz, whole.channels, whole.unit)
