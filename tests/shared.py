"""Where the full recordings are, for the tests that need them; they skip by name where there are none."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "data"
FULL = Path(os.environ.get("STEADYHUM_SHARED_DATA", ROOT.parent / "shared" / "data"))


def needs(folder):
    """Mark a test that needs a folder of the full recordings."""
    missing = not (FULL / folder).exists()
    skip = pytest.mark.skipif(missing, reason=f"the full recordings in {folder} are not here")
    return lambda test: pytest.mark.shared_data(skip(test))
