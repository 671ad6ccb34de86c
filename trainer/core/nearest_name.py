"""What to say when a name does not exist: the nearest one, and all there are."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Write the remedy for an unknown `name` as one clause, without a full stop."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = f"There are: {', '.join(names)}"
    return f"Did you mean {close[0]!r}? {listed}" if close else listed
