"""`make bench`: everything side by side in one run; writes build/bench.json and a table.

`python -m tests.benchmarks [WORD ...]` runs only the parts named, of only the detectors named.
"""

import os

# Before the first import of numpy, torch and onnxruntime: one thread, unless a measure says otherwise.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}

import json
import sys

from tests.benchmarks import suite
from tests.benchmarks.table import text
from tests.priority import come_first
from tests.shared import ROOT


def main(words: list[str]) -> None:
    """Run the parts named, or all, and write what was found; parts not run keep their last figures."""
    come_first()
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    known = {row["name"]: row for row in json.loads(target.read_text())} if target.exists() and words else {}
    for found in suite.run(words):
        row = found.as_json()
        known[row["name"]] = row
        print(text([row]), flush=True)
        target.write_text(json.dumps(list(known.values()), indent=1) + "\n")
    target.with_suffix(".md").write_text(text(known.values(), heading=True) + "\n")
    missed = [row["name"] for row in known.values() if row["met"] is False]
    print(f"bench: {len(known)} measures in {target}; not met: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1:])
