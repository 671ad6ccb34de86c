"""The rows of build/bench.json as a Markdown table."""


def text(rows, *, heading=False):
    """One line a row: measure, goal, median, range, whether the goal is met."""
    lines = ["| measure | goal | median | min to max | met |", "|---|---|---|---|---|"] if heading else []
    return "\n".join([*lines, *map(_line, rows)])


def _line(row):
    unit = "" if row["unit"] == "ratio" else f" {row['unit']}"
    met = {True: "yes", False: "**no**", None: ""}[row["met"]]
    spread = f"{row['min']:.4g} to {row['max']:.4g}"
    return f"| {row['name']} | {row['goal'] or ''} | {row['median']:.4g}{unit} | {spread} | {met} |"
