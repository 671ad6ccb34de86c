"""How recordings followed one another: of which machine and sensor, when: `Origin`, `trend_chart`.

Dates, machines and sensors are what a recordings list's further columns say, or the notes of captures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from trainer.recordings import NORMAL
from trainer.report.charts import Chart, Series
from trainer.report.drawing import BLUE, ORANGE, new_figure, plain_label, styled, svg_of

_DATES: Final = ("recorded", "date", "day", "datetime", "timestamp")
"""Names of columns with a date, as people write them."""
_YEARS: Final = (1970, 2200)
"""Beyond them it is no date of a recording, and drawing it may fail."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Of what a recording is; empty where nothing says it."""

    machine: str
    sensor: str
    recorded: datetime | None

    @classmethod
    def of(cls, further: Mapping[str, str]) -> "Origin":
        """Find it among what a list or a note says of a recording beside its vibration."""
        known = {name.strip().lower(): value.strip() for name, value in further.items()}
        found = None
        for name in _DATES:
            try:
                said = datetime.fromisoformat(known[name])
            except (KeyError, ValueError):
                continue
            if _YEARS[0] <= said.year <= _YEARS[1]:
                found = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
                break
        return cls(known.get("machine", ""), known.get("sensor", ""), found)

    @property
    def day(self) -> str:
        """When it was, for people: the minute where the time is known, else the day."""
        if self.recorded is None:
            return ""
        plain = self.recorded.hour or self.recorded.minute or self.recorded.second
        return self.recorded.strftime("%Y-%m-%d %H:%M" if plain else "%Y-%m-%d")


UNKNOWN: Final = Origin("", "", None)


def origins_in_words(origins: Iterable[Origin]) -> str:
    """All of them in a sentence; empty where nothing is known."""
    known = list(origins)
    said = []
    for what in ("machine", "sensor"):
        names = list(dict.fromkeys(getattr(each, what) for each in known if getattr(each, what)))
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            said.append(f"{what} {', '.join(names[:4])}{more}")
    if days := sorted(each.recorded for each in known if each.recorded is not None):
        first, last = (each.strftime("%Y-%m-%d") for each in (days[0], days[-1]))
        said.append(f"recorded {first}" if first == last else f"recorded {first} to {last}")
    return "; ".join(said)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A recording, or a stretch of one."""

    name: str
    label: str
    recorded: datetime | None
    value: float
    """NaN where it is not known."""


def trend_chart(points: Sequence[TrendPoint], y_label: str, limit: float | None = None) -> Chart | None:
    """Values in the order of time, or of the list where one has no date; None of fewer than two."""
    known = [point for point in points if np.isfinite(point.value)]
    if len(known) < 2:
        return None
    dated = all(point.recorded is not None for point in known)
    if dated:
        known.sort(key=lambda point: point.recorded.timestamp() if point.recorded else 0.0)
    x = [
        point.recorded.timestamp() if dated and point.recorded else float(place)
        for place, point in enumerate(known, 1)
    ]
    groups = [("healthy", BLUE, True), ("faulty", ORANGE, False)]
    series = tuple(
        Series(
            name,
            colour,
            [point.value if (point.label == NORMAL) == normal else np.nan for point in known],
            points=True,
        )
        for name, colour, normal in groups
        if any((point.label == NORMAL) == normal for point in known)
    )
    return Chart(
        "recorded" if dated else "recording, in the order of the list",
        y_label,
        x,
        series,
        limit=limit,
        names=tuple(point.name for point in known) if not dated else (),
        dates=dated,
    )


@styled
def trend_plot(chart: Chart) -> str:
    """The same as a still picture. Returns SVG."""
    figure = new_figure(2.6)
    axis = figure.subplots()
    x: Any = [datetime.fromtimestamp(at, UTC) for at in chart.x] if chart.dates else chart.x
    for each in chart.series:
        marker = "o" if each.colour == BLUE else "D"
        axis.plot(x, each.y, linestyle="", marker=marker, markersize=4, color=each.colour, label=each.name)
    if chart.limit is not None:
        axis.axhline(chart.limit, color="black", linewidth=1.2, linestyle="--")
    axis.set_ylim(
        bottom=min(0.0, *(value for each in chart.series for value in each.y if np.isfinite(value)))
    )
    axis.set_xlabel(chart.x_label)
    axis.set_ylabel(plain_label(chart.y_label), parse_math=False)
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=8, frameon=False)
    return svg_of(figure)
