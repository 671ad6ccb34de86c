"""Bytes of a plain install, beside those of onnxruntime and numpy alone.

Counted from what the installed packages' own lists name, following the requirements that a plain
`pip install steadyhum` follows on this machine; nothing is downloaded.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from tests.benchmarks.measure import Measure
from tests.shared import ROOT

STACK = ("onnxruntime", "numpy")
OWN = ("edge_runtime", "trainer")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def measure() -> Iterator[Measure]:
    """Megabytes of the whole, and what is ours or needed beside the stack."""
    plain = _following(_needed(metadata.requires("steadyhum") or []))
    stack = _following(STACK)
    own_mb = sum(_own_bytes(ROOT / folder) for folder in OWN) / 1e6
    plain_mb, stack_mb = (sum(map(_bytes, names)) / 1e6 for names in (plain, stack))
    beside = sorted(plain - stack, key=_bytes, reverse=True)
    largest = ", ".join(f"{name} {_bytes(name) / 1e6:.1f}" for name in beside[:5])
    note = f"own code {own_mb:.1f}, {', '.join(STACK)} and what they need {stack_mb:.1f}; then {largest}"
    yield Measure("installed_mb", "MB", [plain_mb + own_mb], note=note)
    yield Measure("installed_over_stack", "ratio", [(plain_mb + own_mb) / stack_mb])


def _following(names: Iterable[str]) -> set[str]:
    """Give the names and all that they need, and so on."""
    found: set[str] = set()
    left = [_canonical(name) for name in names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _needed(metadata.requires(name) or [])
    return found


def _needed(requirements: Iterable[str]) -> list[str]:
    """Names of the requirements of a plain install, without extras and what other systems need."""
    found = [(_NAME.match(line), line.partition(";")[2]) for line in requirements]
    names = [(_canonical(match.group()), marker) for match, marker in found if match]
    return [name for name, marker in names if "extra" not in marker and _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:  # a marker we do not read: for another system or version
        return False
    return True


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _bytes(name: str) -> int:
    paths = [Path(str(file.locate())) for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _own_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
