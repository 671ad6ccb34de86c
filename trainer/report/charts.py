"""Charts that can be zoomed and read off on a screen, beside the still picture that is printed: `Chart`.

Drawn by uPlot (https://github.com/leeoniya/uPlot, MIT), which is part of the page: nothing is loaded.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import printable
from trainer.report.drawing import LABEL

MOST_POINTS: Final = 3000
"""Of a curve: as many as a large screen has columns of pixels, twice; a page of twenty stays below 3 MB."""
_DIGITS: Final = 5
_X_DIGITS: Final = 10
"""Seconds since 1970 have ten."""
Numbers = Sequence[float] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; a value that is not a number is a gap."""

    name: str
    colour: str
    y: Numbers
    points: bool = False
    """Whether its values are marked and not joined."""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. Names and labels may be foreign text."""

    x_label: str
    y_label: str
    x: Numbers
    series: tuple[Series, ...]
    logarithmic: bool = False
    limit: float | None = None
    """A horizontal line: the threshold."""
    marks: tuple[tuple[float, str], ...] = ()
    """Places of x that have a name, which stands above the frame."""
    turn_hz: float | None = None
    """Where x are frequencies and the speed is known: values are read off as orders, too."""
    names: tuple[str, ...] = field(default=())
    """Of each x, where it is one: what a reading shows in its place."""
    dates: bool = False
    """Whether x are seconds since 1970."""

    def data(self) -> str:
        """As JSON that may stand within a script element: no character in it begins or ends one."""
        body = asdict(self)
        body["x"] = _plain(self.x, _X_DIGITS)
        body["series"] = [
            asdict(each) | {"name": _said(each.name), "y": _plain(each.y)} for each in self.series
        ]
        body["marks"] = [[at, _said(name)] for at, name in self.marks]
        body["names"] = [_said(name) for name in self.names]
        body |= {"x_label": _said(self.x_label), "y_label": _said(self.y_label)}
        text = json.dumps(body, allow_nan=False, separators=(",", ":"))
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def thinned(x: Numbers, *curves: Numbers, most: int = MOST_POINTS) -> tuple[NDArray[Any], ...]:
    """Of each few neighbours the one that is highest in the first curve, so that no line is lost."""
    at = np.arange(len(x))
    each = max(1, math.ceil(len(x) / most))
    if each > 1:
        whole = len(x) // each * each
        first = np.where(np.isnan(curves[0]), -np.inf, curves[0])[:whole].reshape(-1, each)
        at = np.concatenate([first.argmax(axis=1) + np.arange(0, whole, each), np.arange(whole, len(x))])
    return tuple(np.asarray(values)[at] for values in (x, *curves))


def script() -> str:
    """uPlot and what makes charts of the page's data."""
    return "\n".join(_read(name) for name in ("vendor/uPlot.iife.min.js", "interactive.js"))


def styles() -> str:
    """uPlot's own."""
    return _read("vendor/uPlot.min.css")


def _read(name: str) -> str:
    return resources.files("trainer.report").joinpath(name).read_text(encoding="utf-8")


def _said(text: str) -> str:
    return printable(text, 2 * LABEL)


def _plain(values: Numbers, digits: int = _DIGITS) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in values]
