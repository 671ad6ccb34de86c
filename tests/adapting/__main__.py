"""Adapting a model against shipping it as it is and learning afresh: `python -m tests.adapting [cwru] [fan]`.

Prints the tables of docs/adaptation.md: means over all pairs, the worst in brackets. Windows are scored by
the edge's own scorer, and learnt from captures as a gateway writes them.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.adapting import cwru, fan
from tests.adapting.ways import table


def _cwru(folder: Path) -> None:
    for front in ("spectrum", "spectrum,time"):
        found = cwru.bearings(folder, options={"front_end": front})
        print(f"\nCWRU, 12 pairs of loads, multivariate_gaussian with {front}", flush=True)
        print(table(cwru.ways(found)), flush=True)
        print(cwru.faults_while_learning(found), flush=True)


def _fan(folder: Path) -> None:
    for samples, front in ((128, "spectrum"), (200, "spectrum")):
        print(f"\nCeiling fan, 6 pairs of speeds, {samples} samples, multivariate_gaussian with {front}")
        print(table(fan.ways(folder, front_end=front, samples=samples)), flush=True)


PARTS: Mapping[str, Callable[[Path], None]] = {"cwru": _cwru, "fan": _fan}


def main() -> None:
    """Print the tables named, or all."""
    for word in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[word](Path(folder))


if __name__ == "__main__":
    main()
