"""`python -m tests.attack.updates [KIND...]`: all variants; exit 1 where one is accepted."""

import sys
import tempfile
from pathlib import Path

from tests.attack.updates.running import tried


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = list(tried(Path(folder) / "lab", sys.argv[1:]))
    accepted = [each for each in results if each.accepted]
    strange = [each for each in results if not each.as_expected]
    for each in results:
        if each.accepted or not each.as_expected:
            print(f"{each.kind}, {each.variant}: {each.said}")
    kinds = len({each.kind for each in results})
    print(
        f"{kinds} kinds, {len(results)} variants, {len(accepted)} accepted, {len(strange)} refused otherwise"
    )
    sys.exit(1 if strange else 0)


if __name__ == "__main__":
    main()
