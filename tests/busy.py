"""`make busy`: the suite beside programs that do nothing but take the processor.

`make busy` runs `make test` once; `make busy ARGS="--times 10"` runs the tests that wait on processes,
brokers or ports, so often, and ARGS="--times 10 tests/edge/test_service*.py" only those files.
"""

import argparse
import ast
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.shared import ROOT

LOOPS: Final = 8
"""Four for each core of the reference machine, on which every test then gets a fifth of one or less."""
WAITING: Final = frozenset({"multiprocessing", "pty", "socket", "subprocess"})
"""Whoever imports one of these, or a helper that does, waits on a process, a broker or a port."""


def main() -> None:
    """Run the command line; exit as what failed first, 0 where nothing did."""
    parser = argparse.ArgumentParser(prog="make busy", description=__doc__)
    parser.add_argument("--loops", type=int, default=LOOPS)
    parser.add_argument("--times", type=int, default=0, help="of the tests that wait; 0 is `make test`, once")
    parser.add_argument("files", nargs="*", help="instead of all that wait")
    asked = parser.parse_args()
    command = ["make", "test"]
    if asked.times:
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "loadfile"]
        command = [*pytest, *(asked.files or map(str, waiting_files()))]
    with busy(asked.loops):
        for turn in range(max(1, asked.times)):
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            print(f"busy: turn {turn + 1} ended with {code}", flush=True)
            if code:
                sys.exit(code)


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processes computing for the length of the block."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def waiting_files() -> list[Path]:
    """Files of tests that wait, by what they import, themselves or through helpers in tests/."""
    modules = {_name(path): _imports(path) for path in (ROOT / "tests").rglob("*.py")}
    waiting = set(WAITING)
    while found := {name for name, imported in modules.items() if imported & waiting} - waiting:
        waiting |= found
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in files if _name(path) in waiting]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from tests.edge import sites` is of a module, `from tests.broker import Broker` of a name.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


if __name__ == "__main__":
    main()
