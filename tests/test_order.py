"""The order of the suite names files that are there."""

from tests.conftest import LONGEST_FIRST
from tests.shared import ROOT


def test_the_files_that_go_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / name).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)
