"""Reads random tables as a list would and judges the outcome against what they hold."""

import io
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.tables.dialects import Table
from trainer.core import RecordingError
from trainer.formats import Refusal, Request, check_head
from trainer.formats import child as parser_child
from trainer.formats import table as parser
from trainer.recordings.child_reader import ReadFile
from trainer.recordings.file_reading import read_parsed
from trainer.recordings.listing import ListRow
from trainer.recordings.raw_values import RawValues
from trainer.recordings.recording import Recording

UNKNOWN = "rate_hz is blank|does not say its unit"
CONTRARY = r"own rate is|goes on by .* say|beside its numbers the file says"
COMMA = "comma may separate"
GROUPED = "may group thousands|comma may separate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one table."""

    verdict: str
    """`read`, `refused` with a right reason, `needless` for any other refusal, `silent` for a wrong
    content."""
    why: str


def judge(table: Table) -> Outcome:
    """Read a table and compare."""
    reasons = right_reasons(table)
    allowed = [*reasons, *allowed_reasons(table)]
    try:
        parts = read(table)
    except (RecordingError, Refusal) as error:
        said = str(error)
        right = any(re.search(reason, said) for reason in allowed)
        return Outcome("refused" if right else "needless", said)
    if wrong := difference(table, parts):
        return Outcome("silent", wrong)
    if reasons:
        return Outcome("silent", f"read, and should be refused: {reasons}")
    return Outcome("read", "")


def read(table: Table) -> tuple[Recording, ...]:
    """Read it as its line of a list says."""
    signals, channels = asked(table)
    file = Path("table.csv")
    row = ListRow(file, signals, "normal", "c", table.listed_hz, None, None, channels, table.listed_unit)
    return parsed(table.text, row)


def parsed(text: bytes, row: ListRow) -> tuple[Recording, ...]:
    """Read a table through the parser's own answer and the parent's checks, in this process."""
    hints = replace(row.hints, rate_hz=row.rate_hz)
    request = Request("table", row.signals, row.channels, "", hints)
    values, head = None, None
    for line, body in parser_child.answer(parser.read, io.BytesIO(text), request):
        known = len(row.channels) if values is None else values.columns
        head = check_head(json.loads(json.dumps(line)), known, len(values or ()))
        values = values or RawValues(head.columns)
        values.add(body)
    assert head is not None
    assert values is not None
    return read_parsed(row, ReadFile(values, head.stated, head.names, head.starts), "table.csv")


def asked(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Signals and channels of the list's line."""
    own = tuple(f"c{at}" for at in range(len(table.names)))
    numbers = tuple(str(table.order.index(name) + 1) for name in table.names)
    ways = {
        "names": ((), table.names),
        "signals": (table.names, own),
        "numbers": (numbers, own),
        "order": ((), own),
    }
    if (
        table.wanted == "order"
        and table.header != "none"
        and tuple(n for n in table.order if n in table.names) != table.names
    ):
        return numbers, own  # after a shuffle their order is another
    return ways[table.wanted]


def says_unit(table: Table) -> bool:
    """Whether the table itself tells in which unit its time column counts."""
    dated = table.time in ("iso", "date time", "date and time", "time of day")
    return dated or "epoch" in table.time or table.time_named


def known_hz(table: Table) -> bool:
    """Whether anything tells the rate."""
    fine = table.time == "s" and table.rate_hz >= 1000
    return bool(table.listed_hz or table.said_hz or says_unit(table) or fine)


def rate_hz(table: Table) -> float:
    """What the rate is by all that is known: a list that is wrong and contradicted by nothing is believed."""
    listed_hz = table.listed_hz or table.rate_hz
    if abs(listed_hz / table.rate_hz - 1) <= 0.005 or table.said_hz or says_unit(table):
        return table.rate_hz
    thousand = listed_hz / table.rate_hz in (1000, 1e-3) and listed_hz <= 1e6
    return listed_hz if thousand or not table.time else table.rate_hz


def right_reasons(table: Table) -> list[str]:
    """What a refusal has to say; empty for a table that is to be read."""
    reasons = []
    if table.listed_hz and abs(table.listed_hz / rate_hz(table) - 1) > 0.005:
        reasons.append(CONTRARY + "|several rates")
    if table.listed_hz and table.listed_hz > 1e7:
        reasons.append("within 0.001 and 1e|" + CONTRARY)
    if table.second_clock:
        reasons.append("several rates|" + CONTRARY)
    if table.header in ("units", "row") and table.unit != table.listed_unit:
        reasons.append("values are in")
    if table.grouped and np.abs(table.values).max() >= 1000:
        reasons.append(GROUPED)
    if not known_hz(table):
        reasons.append(UNKNOWN)
    return reasons


def allowed_reasons(table: Table) -> list[str]:
    """What a refusal may say of a table that can be understood with some luck, too."""
    commas = (table.digits == "%d" and table.separator == ",") or (
        table.decimal == "," and len(table.order) == 1
    )
    fine = table.time == "s" and table.rate_hz == 1000
    reasons = [UNKNOWN] if fine else []
    reasons += [COMMA] if commas and table.header == "none" else []
    return (
        [*reasons, CONTRARY]
        if table.listed_hz and table.listed_hz != table.rate_hz and table.time
        else reasons
    )


def difference(table: Table, parts: tuple[Recording, ...]) -> str:
    """Say what of the recordings is not what the table holds; blank for nothing."""
    found_hz = parts[0].rate_hz
    expected_hz = rate_hz(table)
    if abs(found_hz / expected_hz - 1) > 0.005:
        return f"rate {found_hz:g} instead of {expected_hz:g} Hz"
    slack = 2 if table.coarse else 0
    edges = [0, *table.starts, len(table.values)]
    if len(parts) != len(edges) - 1:
        return f"{len(parts)} stretches instead of {len(edges) - 1}"
    held = np.array([[float(table.digits % value) for value in row] for row in table.values])
    for part, begin, end in zip(parts, edges[:-1], edges[1:], strict=True):
        if abs(len(part.samples) - (end - begin)) > slack:
            return f"a stretch of {len(part.samples)} samples instead of {end - begin}"
        expected = held[begin:end].astype(np.float32)
        if not slack and not np.array_equal(part.samples, expected):
            return "other values"
    return ""
