"""Progress and messages of the commands: a progress bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from edge_runtime.core import printable
from trainer.core import Progress as Report

_EVERY_S: Final = 5.0
"""Seconds between lines where there is no bar: a log of an hour stays below a thousand lines."""
_LIBRARIES: Final = {
    "h5py",
    "imblearn",
    "jinja2",
    "matplotlib",
    "onnx",
    "scipy",
    "sklearn",
    "torch",
}
"""Modules of the extra `trainer`: without it one of them is the first that cannot be imported."""
_FLEET: Final = {"pyarrow"}
"""Likewise of the extra `fleet`."""

_COLUMNS: Final = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TimeElapsedColumn(),
    TextColumn("{task.fields[what]}", markup=False),
)
_LINE: Final = 20_000
"""Characters of a line that a command prints: a model's statement with all its conditions."""

# Nothing that is printed is markup: names and conditions are other people's text.
console = Console(stderr=True, highlight=False, markup=False, emoji=False)
# As wide as the widest table.
output = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160)


def say(*lines: str) -> None:
    """Print lines on standard output, printable characters only."""
    for line in lines:
        typer.echo(printable(line, _LINE))


def note(line: str) -> None:
    """Print a remark beside the output, on standard error."""
    console.print(printable(line, _LINE))


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Provide a function that reports the progress of one task."""
    if not console.is_terminal:
        yield _lines(title)
        return
    with Progress(*_COLUMNS, console=console, transient=True) as bar:
        yield _bar(bar, bar.add_task(printable(title), total=1.0, what=""))


@contextmanager
def bars(title: str) -> Iterator[Callable[[str, float, str], None]]:
    """Provide a function that reports the progress of several named tasks, each with its own bar."""
    lines: dict[str, Report] = {}
    if not console.is_terminal:
        yield lambda name, share, what: _of(lines, name, lambda: _lines(f"{title} {name}"))(share, what)
        return
    with Progress(*_COLUMNS, console=console) as bar:
        yield lambda name, share, what: _of(
            lines, name, lambda: _bar(bar, bar.add_task(printable(name), total=1.0, what=""))
        )(share, what)


def missing_library(error: ModuleNotFoundError) -> str | None:
    """Return what to install if one of the trainer's libraries is missing; None for any other module."""
    name = (error.name or "").partition(".")[0]
    if name in _FLEET:
        return f"{name} is not installed. Run: pip install 'steadyhum[trainer,fleet]'"
    if name not in _LIBRARIES:
        return None
    return (
        f"{name} is not installed; the plain install is the edge only. Run: pip install 'steadyhum[trainer]'"
    )


def _of(lines: dict[str, Report], name: str, make: Callable[[], Report]) -> Report:
    if name not in lines:
        lines[name] = make()
    return lines[name]


def _bar(bar: Progress, task: TaskID) -> Report:
    return lambda share, what: bar.update(task, completed=share, what=printable(what))


def _lines(title: str) -> Report:
    last = time.monotonic()

    def report(share: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY_S:
            last = time.monotonic()
            sys.stderr.write(f"{printable(title)}: {share:.0%}, {printable(what)}\n")

    return report
