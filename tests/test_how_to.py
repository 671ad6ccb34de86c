"""Every page of docs/how-to is followed in a copy of the tree: blocks are applied, commands succeed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.shared import ROOT

FOLDER = ROOT / "docs" / "how-to"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
BLOCK = re.compile(r"^(New file [^\n]+|In `[^\n]+|Run):\n\n```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = r"(?:`` (.+) ``|`([^`]+)`)"
PLACE = re.compile(rf"New file `(\S+)`|In `(\S+)`, (after|before|in place of) {CODE}")
MOST_FILES = 3
MADE = ("tests/", "docs/")
"""What is beside the files to touch: tests, and pages, which are generated or say what was added."""
CACHE = ROOT / ".mypy_cache"
NOT_COPIED = ("exported_models/", "docs/pictures/")


@dataclass(frozen=True)
class Step:
    """One block of a page."""

    verb: str
    """new, after, before, in place of, or run."""
    file: str
    text: str
    block: str


def steps_of(page: Any) -> Iterator[Any]:
    for place, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if place == "Run":
            yield Step("run", "", "", block)
            continue
        found = PLACE.fullmatch(place)
        assert found, f"{page.name}: no such place: {place}"
        made, changed, verb, *texts = found.groups()
        yield Step(verb or "new", made or changed, "".join(filter(None, texts)), block)


def apply(step: Any, tree: Any) -> None:
    """Do what the page says to one file of the copy."""
    path = tree / step.file
    if step.verb == "new":
        assert not path.exists(), f"{step.file} is there already"
        path.write_text(step.block, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    assert before.count(step.text) == 1, f"{step.file} holds {step.text!r} {before.count(step.text)} times"
    if step.verb == "in place of":
        path.write_text(before.replace(step.text, step.block.rstrip("\n")), encoding="utf-8")
        return
    lines = before.splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(lines) if step.text in line)
    lines.insert(at + (step.verb == "after"), step.block)
    path.write_text("".join(lines), encoding="utf-8")


def copied(folder: Path) -> Any:
    """A copy of the tree as it stands, without what git does not know."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, listed.split("\0")):
        if not name.startswith(NOT_COPIED) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run(commands: Any, tree: Any) -> None:
    """Run a block of shell commands in the copy, whose packages come first."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(tree),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_is_true(page: Any, tmp_path: Path) -> None:
    steps = list(steps_of(page))
    assert [step for step in steps if step.verb == "run"], "a page says how to check what was added"
    touched = {step.file for step in steps if step.verb != "run"}
    assert 1 <= len([name for name in touched if not name.startswith(MADE)] or touched) <= MOST_FILES
    tree = copied(tmp_path)
    for step in steps:
        if step.verb == "run":
            run(step.block, tree)
        else:
            apply(step, tree)


def test_all_pages_together_pass_the_linters_types_and_contracts(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    for page in PAGES:
        for step in steps_of(page):
            if step.verb != "run":
                apply(step, tree)
    files = [step for page in PAGES for step in steps_of(page) if step.file.endswith(".py")]
    run(f"ruff format --check {' '.join(step.file for step in files if step.verb == 'new')}", tree)
    changed = " ".join(sorted({step.file for step in files}))
    run(f"ruff format -q {changed}\nruff check {changed}", tree)
    if CACHE.is_dir():  # `make check` has just made it, of the same files with the same dates
        shutil.copytree(CACHE, tree / CACHE.name)
    run("lint-imports --no-cache\nmypy\n", tree)


def test_every_fence_of_a_page_is_followed() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("\n```") == 2 * len(list(steps_of(page))), page.name


def test_the_list_of_pages_is_whole() -> None:
    listed = re.findall(r"\]\(([a-z-]+\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [page.name for page in PAGES]
