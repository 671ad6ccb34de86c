"""Where the full recordings are, for the tests that need them; they skip by name where there are none."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "data"
FULL = Path(os.environ.get("STEADYHUM_SHARED_DATA", ROOT.parent / "shared" / "data"))


def needs(folder: str) -> Callable[[Test], Test]:
    """Mark a test that needs a folder of the full recordings."""
    missing = not (FULL / folder).exists()
    skip = pytest.mark.skipif(missing, reason=f"the full recordings in {folder} are not here")

    def mark(test: Test) -> Test:
        marked: Test = pytest.mark.shared_data(skip(test))
        return marked

    return mark
