"""The remedy for a name that does not exist: the most similar one, and all that exist."""

import difflib
from collections.abc import Iterable
from typing import Final

_SIMILAR: Final = 0.5
"""Least ratio of difflib that is suggested, below its default of 0.6: short names differ in a large share of
their letters, and a wrong suggestion costs little, as all names follow it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Write the remedy for an unknown `name` as one clause, without a full stop."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=_SIMILAR)
    all_names = f"There are: {', '.join(names)}"
    return f"Did you mean {close[0]!r}? {all_names}" if close else all_names
