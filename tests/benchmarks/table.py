"""The rows of build/bench.json as a Markdown table."""

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
"""A measure as `Measure.as_json` gives it."""


def text(rows: Iterable[Row], *, heading: bool = False) -> str:
    """One line a row: measure, goal, median, range, whether the goal is met."""
    lines = ["| measure | goal | median | min to max | met |", "|---|---|---|---|---|"] if heading else []
    return "\n".join([*lines, *map(_line, rows)])


def _line(row: Row) -> str:
    unit = "" if row["unit"] == "ratio" else f" {row['unit']}"
    met = {True: "yes", False: "**no**", None: ""}[row["met"]]
    spread = f"{row['min']:.4g} to {row['max']:.4g}"
    return f"| {row['name']} | {row['goal'] or ''} | {row['median']:.4g}{unit} | {spread} | {met} |"
