"""Decision records: numbered without a hole, each with a date and a status, in one format."""

import re
from datetime import date
from typing import Any

import pytest

from tests.shared import ROOT

RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
HEAD = re.compile(
    r"# (\d+)\. [^\n]+\n\n\*\*Date\.\*\* (\d{4}-\d\d-\d\d)\. \*\*Status\.\*\* ([A-Z][^\n]*)\n\n"
)
STATUSES = ("Accepted", "Superseded", "Rejected", "Proposed")


def test_they_are_numbered_without_a_hole() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_each_has_its_number_a_date_and_a_status(path: Any) -> None:
    found = HEAD.match(path.read_text())
    assert found, "begin with `# N. Title` and `**Date.** YYYY-MM-DD. **Status.** Accepted.`"
    number, day, status = found.groups()
    assert int(number) == int(path.name[:4])
    date.fromisoformat(day)  # raises for what is no day
    assert status.startswith(STATUSES)
    if status.startswith("Superseded"):
        successor = int(re.search(r"record (\d+)", status)[1])
        assert successor > int(number)
