"""Figures of the code's structure: `python -m tests.structure [ROOT]` prints them, `--json` for programs.

Counts files and definitions from the source's syntax trees; runs nothing of what it counts. ROOT may be a
checkout of an earlier commit, for before and after.
"""

import ast
import json
import statistics
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = ("edge_runtime", "trainer")
HERE = Path(__file__).resolve().parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one package."""

    entries: int
    """Files and folders at its top."""
    layer_rows: int
    """Rows of all layer contracts inside it."""
    files: int
    functions: int
    median_lines: float
    p90_lines: float
    most_lines: int
    private_functions: int
    used_once: float
    """Share of the private functions that are named at one place of their file beside their definition."""


def figures(root: Path, package: str) -> Figures:
    """Count one package of the checkout at `root`."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (root / package).rglob("*.py")}
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, Function)]
    lengths = sorted(_lines(node) for node in functions)
    private = [count for tree in trees.values() for count in _uses_of_private(tree)]
    return Figures(
        entries=sum(path.name != "__pycache__" for path in (root / package).iterdir()),
        layer_rows=_layer_rows(root, package),
        files=len(trees),
        functions=len(functions),
        median_lines=statistics.median(lengths),
        p90_lines=lengths[int(0.9 * len(lengths))],
        most_lines=lengths[-1],
        private_functions=len(private),
        used_once=round(private.count(1) / len(private), 3),
    )


def _lines(node: Function) -> int:
    """Lines of the body, its docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def _uses_of_private(tree: ast.AST) -> list[int]:
    """How often each private function of a file is named in it, its definition left out."""
    names = Counter(_names(tree))
    defined = (node.name for node in ast.walk(tree) if isinstance(node, Function))
    return [names[name] for name in defined if name.startswith("_") and not name.endswith("__")]


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _layer_rows(root: Path, package: str) -> int:
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return sum(
        len(contract["layers"])
        for contract in contracts
        if contract["type"] == "layers" and contract["containers"][0].partition(".")[0] == package
    )


def main() -> None:
    """Print the figures of both packages."""
    words = [word for word in sys.argv[1:] if word != "--json"]
    root = Path(words[0]) if words else HERE
    found = {package: asdict(figures(root, package)) for package in PACKAGES}
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    for name in found[PACKAGES[0]]:
        print(f"{name:18}", *(f"{found[package][name]:>14}" for package in PACKAGES))


if __name__ == "__main__":
    main()
