"""Foreign text, from every entrance of the trainer to every exit: shown as it is, and obeyed by nobody.

Entrances: recordings, lists, arrays, models. Exits: a terminal, a figure, a page, a card, a refusal.
"""

import html.parser
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edge_runtime.core import printable
from edge_runtime.models import scorer
from tests.artefacts import write_artefact
from tests.shared import ROOT
from tests.trainer.builders import recording, row, write_lines
from tests.trainer.pages import without_charts
from trainer import evaluation
from trainer.cli import terminal
from trainer.core.errors import RecordingError
from trainer.export import manifest_text
from trainer.fleet.ready_models import cards
from trainer.recordings import recording_from_array
from trainer.recordings.file_reading import read_recording
from trainer.recordings.listing import read_list
from trainer.report import report_page

MARKUP = [
    "[/nope]",
    "[bold red]x[/]",
    "$\\frac{$",
    "$x$ \\alpha",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "--><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "`x` **y** | z [a](http://a.invalid)",
    ":smile:",
]
"""Printable, so that a list may hold it."""
CONTROL = ["\x1b[2J\x1b]0;owned\x07", "a\rb", "line\nFAKE: ok", "\ud800", "\u202eb", "x" * 300_000, "\x9b31m"]
"""What no list may hold; recordings and models may."""


def console_of(table: Any) -> Any:
    made = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115  closed with the test
    with made.file:
        made.print(table)
    return made.export_text()


def odd(text: str) -> tuple[Any, list[Any]]:
    """A model and recordings that carry the text wherever text can be."""
    model = {"name": text, "producer": text, "notes": {text: text, "recorded": text}, "channels": (text,)}
    sound = [recording(seed=at, condition=text, level=0.3) for at in range(2)]
    faulty = recording(seed=9, label=text, condition=text, level=3.0)
    return model, [*sound, faulty]


def renamed(item: Any, text: str) -> Any:
    return type(item)(
        text,
        text,
        item.stored,
        item.rate_hz,
        None,
        (text,),
        text,
        item.label,
        item.condition,
        item.digest,
    )


def judged(tmp_path: Path, text: str) -> tuple[Any, Any, Any, Any]:
    """An evaluation, a manifest and recordings that hold the text; the file itself cannot, see schema 2."""
    model, items = odd(text)
    artefact = scorer.open_trusted(write_artefact(tmp_path / "m.onnx"))
    manifest = type(artefact.manifest)(
        **{name: getattr(artefact.manifest, name) for name in artefact.manifest.__dataclass_fields__}
        | {name: value for name, value in model.items() if name != "channels"}
    )
    found = evaluation.evaluate(artefact, items)
    return artefact, manifest, found, [renamed(item, text) for item in items]


@pytest.mark.parametrize("text", [*MARKUP, *CONTROL], ids=range(len(MARKUP) + len(CONTROL)))
def test_every_exit_shows_it_as_it_is(tmp_path: Path, text: Any) -> None:
    artefact, manifest, found, _ = judged(tmp_path, text)
    shown = printable(text)
    said = console_of(evaluation.recordings_table(found))
    assert all(char.isprintable() or char == "\n" for char in said)
    assert "(missed)" not in said
    if len(shown) < 20:
        assert shown in said
    lines = manifest_text(manifest, tmp_path / "m.onnx").split("\n")
    assert all(line.isprintable() and len(line) < 30_000 for line in lines)
    assert len(lines) == len(manifest_text(artefact.manifest, tmp_path / "m.onnx").split("\n")) + 2


@pytest.mark.parametrize("text", [*MARKUP, *CONTROL], ids=range(len(MARKUP) + len(CONTROL)))
def test_a_page_with_its_figures(tmp_path: Path, text: Any) -> None:
    artefact, _, _, items = judged(tmp_path, text)
    items = [type(item)(**fields(item) | {"channels": ("x",), "unit": "g"}) for item in items]
    page = report_page(artefact, items)
    page.encode()  # no lone surrogates
    assert all(char.isprintable() or char in "\n\t" for char in page)
    assert len(page) < 5_000_000
    seen = Tags()
    seen.feed(without_charts(page))
    assert not seen.found & {"script", "img", "a", "iframe"}
    assert not seen.handlers
    if text.startswith("{{"):
        assert "{{ 7 * 7 }}" in page


def fields(item: Any) -> Any:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[Any] = set()
        self.handlers: list[Any] = []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.found.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("text", [*MARKUP, *CONTROL], ids=range(len(MARKUP) + len(CONTROL)))
def test_a_card(tmp_path: Path, text: Any) -> None:
    _, manifest, found, items = judged(tmp_path, text)
    manifest = type(manifest)(**fields(manifest) | {"detector": "gaussian", "unit": text})
    card = cards.card(manifest, found, items, tmp_path / "m.onnx")
    card.encode()
    assert all(char.isprintable() or char == "\n" for char in card)
    assert not re.search(r"(?<!\\)[<|\[\]$]", card)
    headings = [line for line in card.split("\n") if line.startswith("#")]
    assert len(headings) == 8


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.007 in, 1797 rpm", "0.007 in, 1797 rpm"),
        ("ball_0.5 (a)", "ball_0.5 (a)"),
        ("- x", "\\- x"),
        ("1. x", "1\\. x"),
        ("# x", "\\# x"),
        ("_x_ __y__", "\\_x\\_ \\_\\_y\\_\\_"),
        ("a\nb", "a\\\\nb"),
    ],
)
def test_markdown_is_escaped_and_plain_text_is_not(text: str, wanted: str) -> None:
    assert cards.markdown_text(text) == wanted


@pytest.mark.parametrize("text", CONTROL, ids=range(len(CONTROL)))
def test_names_that_no_model_may_hold_are_refused_at_the_entrance(tmp_path: Path, text: Any) -> None:
    for name in ("label", "condition", "unit"):
        with pytest.raises(RecordingError, match=f"{name} is") as caught:
            recording_from_array(recording().samples, rate_hz=1000, **{name: text})
        assert caught.value.what.isprintable()
        assert len(caught.value.what) < 500
    if "\ud800" in text or "\n" in text or "\r" in text or len(text) > 100_000:
        return  # no CSV file holds it in a line
    for line in ("a.mat,,normal,{},1,,,x,g", "a.mat,{},worn,c,1,,,x,g", "a.mat,,worn,c,1,,,x,{}"):
        with pytest.raises(RecordingError, match="not a short printable text"):
            read_list(write_lines(tmp_path / "list.csv", line.format(text)))


@pytest.mark.parametrize("text", [*MARKUP, *CONTROL[:3]], ids=range(len(MARKUP) + 3))
def test_names_within_a_recording_in_a_refusal(tmp_path: Path, text: Any) -> None:
    name = text.replace("/", "_")
    arrays: dict[str, Any] = {name: np.zeros(3), "b": np.zeros(3)}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RecordingError) as caught:
        read_recording(row(tmp_path / "a.npz"))
    assert str(caught.value).isprintable()
    assert printable(name) in str(caught.value)


def test_progress_and_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_EVERY_S", 0.0)
    for text in (*MARKUP, *CONTROL):
        with terminal.progress(text) as report:
            report(0.5, text)
        terminal.say(text)
        terminal.note(text)
    said = capsys.readouterr()
    assert all(char.isprintable() or char == "\n" for char in said.out + said.err)
    assert "[bold red]x[/]" in said.out
    assert "[bold red]x[/]" in said.err
    assert said.out.count("\n") == len(MARKUP) + len(CONTROL)


def test_a_bar_shows_markup_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/null", "w") as file:
        shown = Console(file=file, force_terminal=True, record=True, markup=False, width=120)
        monkeypatch.setattr(terminal, "console", shown)
        for text in (*MARKUP, *CONTROL):
            with terminal.bars("x") as bars:
                bars(text, 0.5, text)
        assert "[/nope]" in shown.export_text()


@pytest.mark.parametrize("text", [MARKUP[0], MARKUP[1], MARKUP[2], MARKUP[4], MARKUP[8]])
def test_the_commands_from_a_list_to_each_exit(
    tmp_path: Path, text: Any, run: Callable[..., tuple[int | str | None, str, str]]
) -> None:
    for at, level in enumerate((0.3, 3.0)):
        samples = recording(seed=at, level=level).samples
        np.savez(tmp_path / f"{at}.npz", samples=samples, rate_hz=1000.0, unit="g")
    cell = '"' + text.replace('"', '""') + '"'
    lines = [f"{at}.npz,,{cell if at else 'normal'},{cell},,,,x,g" for at in range(2)]
    listing = write_lines(tmp_path / "list.csv", *lines)
    model = write_artefact(tmp_path / "m.onnx", name=text, notes={"said": text})
    assert text in run("inspect", model)[1]
    code, table, _ = run("evaluate", model, listing)
    assert code == 0
    assert len(text) > 20 or text in table
    assert run("report", model, listing, "-o", tmp_path / "page.html")[0] == 0
    assert text in run("recordings", "convert", listing, "-o", tmp_path / "edge")[1]
    code, said, _ = run("evaluate", model, listing, "--json", "-")
    assert (code, json.loads(said)["model"]) == (0, text)


def test_a_refusal_is_one_printable_line(tmp_path: Path) -> None:
    code = "from edge_runtime.core.exit_codes import complain; complain('x', '\\x1b[2J\\ud800\\r' * 100_000)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stderr.startswith("x: \\x1b[2J\\ud800")
    assert done.stderr.rstrip("\n").isprintable()
    assert len(done.stderr) < 10_000
