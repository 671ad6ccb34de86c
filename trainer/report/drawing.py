"""What the pages' figures have in common: style, size, foreign text, and the way to SVG.

Colours are from the palette of M. Okabe and K. Ito, "Color universal design" (2008), which colour-blind
people can distinguish; shapes and labels say the same.
"""

import functools
import io
from collections.abc import Callable
from typing import Any, Final, ParamSpec

from matplotlib import style
from matplotlib.figure import Figure

from edge_runtime.core import printable

BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREY: Final = "#555555"
GREEN: Final = "#009E73"
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "steadyhum",
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
LABEL: Final = 60
"""Characters of a name beside an axis, which leave room for it; a title over it may have twice as many."""
P = ParamSpec("P")


def styled(draw: Callable[P, str]) -> Callable[P, str]:
    """Draw in the pages' style."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        with style.context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def plain_label(text: str) -> str:
    """Foreign text for a figure; what draws it passes `parse_math=False`, for `$` would begin TeX."""
    return printable(text, LABEL)


def new_figure(height: float) -> Figure:
    """Make a figure as wide as the page; `height` in inches."""
    return Figure(figsize=(8.2, height), layout="constrained")


def svg_of(figure: Figure) -> str:
    """Turn a figure into SVG. Without date and creator the same data give the same bytes."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
