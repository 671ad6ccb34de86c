"""What docs/reliability.md says is tested must be: every test it names is there, every fault has its row."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.compile(r"`(deploy/)?(\w+)::(\w+)(\*?)`")


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) > 80
    for folder, file, name, many in named:
        path = ROOT / "tests" / (folder or "edge/") / f"test_{file}.py"
        ending = r"\w*" if many else ""
        found = re.search(rf"^(?:def|class) {name}{ending}\b", path.read_text(), re.MULTILINE)
        assert found, f"{path.name} has no {name}"


def test_every_class_of_faults_is_there() -> None:
    for letter, last in (("S", 10), ("B", 14), ("P", 13), ("F", 5)):
        for number in range(1, last + 1):
            assert re.search(rf"^\| (?:\w+, )?{letter}{number}\b", TEXT, re.MULTILINE), f"{letter}{number}"
    for number in range(1, 7):
        assert f"| I{number} " in TEXT


def test_nothing_is_left_to_be_measured() -> None:
    assert "@" not in TEXT
