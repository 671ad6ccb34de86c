"""Reads random tables and says how many came out right: `python -m tests.tables --count N --seed S`."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.tables.dialects import draw
from tests.tables.judge import judge


def main() -> int:
    """Read the tables; return 1 where one was wrong by silence, or fewer than 99 % were read or refused
    rightly."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path, help="a folder for the tables that came out wrong")
    options.add_argument("--verbose", action="store_true")
    asked = options.parse_args()
    begun_s, counts = time.monotonic(), Counter[str]()
    for number in range(asked.count):
        seed = asked.seed * 1_000_000 + number
        table = draw(seed)
        outcome = judge(table)
        counts[outcome.verdict] += 1
        if outcome.verdict in ("silent", "needless") or asked.verbose:
            print(f"{seed} {outcome.verdict}: {outcome.why[:200]}")
            if asked.keep:
                asked.keep.mkdir(parents=True, exist_ok=True)
                (asked.keep / f"{seed}.csv").write_bytes(table.text)
    right = counts["read"] + counts["refused"]
    print(*(f"{name} {counts[name]}" for name in ("read", "refused", "needless", "silent")), sep=", ")
    print(f"{right / asked.count:.2%} of {asked.count} right in {time.monotonic() - begun_s:.0f} s")
    return 1 if counts["silent"] or right < 0.99 * asked.count else 0


if __name__ == "__main__":
    sys.exit(main())
