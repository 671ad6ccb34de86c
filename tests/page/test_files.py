"""What browsers load: known files, nothing from elsewhere, nothing inline, every text in both languages."""

import hashlib
import re
from pathlib import Path

import pytest

from edge_runtime.page.assets import assets
from tests.page.open_page import OpenPage

STATIC = Path(__file__).resolve().parents[2] / "edge_runtime" / "page" / "static"
OWN = sorted(path for path in STATIC.iterdir() if not path.name.startswith("uPlot."))
UPLOT = {
    # uPlot 1.6.32 (MIT), from its package at the npm registry: two files of its dist, and LICENSE.
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uPlot.LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
TEXT = re.compile(r'(?:^|[ {])"?([a-z_-]+)"?: "((?:[^"\\]|\\.)*)"')


def texts(tongue: str) -> dict[str, str]:
    """The texts of a language by their names."""
    found = TEXT.findall((STATIC / f"texts.{tongue}.js").read_text())
    names = [name for name, _ in found]
    assert len(names) == len(set(names)), "a name is there twice"
    return dict(found)


def test_what_is_not_ours_is_as_it_was_published() -> None:
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in STATIC.glob("uPlot.*")}
    assert there == UPLOT
    assert "MIT License" in (STATIC / "uPlot.LICENSE.txt").read_text()


def test_every_file_is_served_and_small() -> None:
    assert {asset.name for asset in assets().values()} == {path.name for path in STATIC.iterdir()}
    assert sum(len(asset.body) for asset in assets().values()) < 200_000, "a phone's first load, in bytes"
    index = (STATIC / "index.html").read_text()
    for path in STATIC.glob("*.js"):
        assert f'="{path.name}"' in index, f"{path.name} would be loaded after another"


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_nothing_is_inline_foreign_or_made_of_text(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z]+\.[a-z]+/|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text)
    assert len(text.splitlines()) <= 250


def test_every_text_is_there_in_both_languages_and_used() -> None:
    english, german = texts("en"), texts("de")
    assert english.keys() == german.keys()
    slots = {name: set(re.findall(r"{\w+}", text)) for name, text in english.items()}
    assert {name: set(re.findall(r"{\w+}", text)) for name, text in german.items()} == slots
    code = "\n".join(path.read_text() for path in OWN if path.suffix == ".js" and "texts." not in path.name)
    used = set(re.findall(r'\bt\("([a-z_-]+)"', code))
    assert used <= english.keys(), "no text of this name"
    beginnings = tuple(re.findall(r"`([a-z]+_)\$", code))
    quoted = set(re.findall(r'"([a-z_-]+)"', code))
    assert [name for name in english if name not in quoted and not name.startswith(beginnings)] == []


def test_what_is_as_it_was_is_not_sent_again(tmp_path: Path) -> None:
    with OpenPage(tmp_path) as page:
        first = page.ask("GET", "/")
        assert (first.status, first.header("content-type")) == (200, "text/html; charset=utf-8")
        assert page.ask("GET", "/", headers={"If-None-Match": first.header("etag")}).status == 304
