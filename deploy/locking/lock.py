"""Locks: every version with the hash of every wheel that Linux may choose, for a Python and both processors.

PyTorch comes in two builds: one for the CPU, which some indexes offer and which is enough, and PyPI's, which
wants CUDA's libraries. Each has a file of its own: of builds in one file pip takes an index's, whose link has
the hash. CUDA's libraries are a third file, for PyPI's build. A fourth has what comes as source only: the
setuptools of the first builds it, and none that is fetched for it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from deploy.locking.closure import ROOT

PYTHONS: Final = ("3.11", "3.12", "3.13")
MACHINES: Final = ("x86_64", "aarch64")
_GLIBC: Final = range(28, 4, -1)
"""Minor versions of glibc 2 whose wheels are taken: 28 is the oldest that onnxruntime runs with."""
_ALIASES: Final = ("manylinux2014", "manylinux2010", "manylinux1")
_MISSING: Final = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
_UNUSED: Final = "--target=unused"
"""pip asks for a folder wherever it is to resolve for another Python, and writes nothing to it."""
TORCH: Final = "torch"
TORCH_CPU: Final = "torch-cpu"
CUDA: Final = "cuda"
SOURCE: Final = "source"
CPU: Final = "+cpu"


@dataclass(slots=True)
class Locked:
    """One package."""

    name: str
    version: str
    hashes: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)

    def line(self) -> str:
        """As pip reads it."""
        only = f" ; platform_machine == '{next(iter(self.machines))}'" if len(self.machines) == 1 else ""
        hashes = [f"--hash=sha256:{one}" for one in sorted(self.hashes)]
        return " ".join([f"{self.name}=={self.version}{only}", *hashes])


def lock_file(python: str, what: str = "") -> Path:
    """The lock for a Python: of everything else, or of `torch`, `torch-cpu`, `cuda` or `source`."""
    return ROOT / "deploy" / f"tested-{what}{'-' if what else ''}python{python}.txt"


def read_lock(path: Path) -> dict[str, Locked]:
    """What a lock says, by canonical name."""
    found: dict[str, Locked] = {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, version = line.split()[0].split("==")
        only = re.search(r"platform_machine == '(\w+)'", line)
        machines = {only[1]} if only else set(MACHINES)
        hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
        found[canonicalize_name(name)] = Locked(name, version, hashes, machines)
    return found


def read_locks(python: str) -> dict[str, Locked]:
    """All that is installed for development, but for what only PyPI's build of PyTorch needs."""
    found: dict[str, Locked] = {}
    for what in ("", TORCH, SOURCE):
        found |= read_lock(lock_file(python, what))
    return found


def write_lock(path: Path, packages: Iterable[Locked], about: str, by: str = "make lock") -> None:
    """Write a lock, in the order of the names."""
    lines = [package.line() for package in sorted(packages, key=lambda package: package.name.lower())]
    path.write_text("\n".join([f"# {about}; written by `{by}`.", *lines]) + "\n")


def lock_pins(python: str, pins: dict[str, dict[str, str]]) -> tuple[dict[str, Locked], dict[str, Locked]]:
    """Lock these versions, by machine and name: the wheels, and the sources of what has none."""
    locked, sources = dict[str, Locked](), dict[str, Locked]()
    for machine, versions in pins.items():
        wanted = {name: f"{name}=={version}" for name, version in versions.items()}
        while wanted and (missing := _add_wheels(locked, python, machine, wanted)):
            for item in _resolve(["--no-deps", f"--no-binary={missing}"], [wanted.pop(missing)]):
                _add(sources, item, machine)
    return locked, sources


def _add_wheels(locked: dict[str, Locked], python: str, machine: str, wanted: dict[str, str]) -> str:
    """Add them all, or none and say which has no wheel."""
    try:
        items = _resolve(["--no-deps", _UNUSED, *wheels_for(python, machine)], wanted.values())
    except LookupError as error:
        return canonicalize_name(str(error.args[0]))
    for item in items:
        _add(locked, item, machine)
    return ""


def lock_cpu_torch(version: str) -> Locked | None:
    """PyTorch's build for the CPU, this Python and this processor; None where pip finds none."""
    (item,) = _resolve(["--no-deps"], [f"{TORCH}=={version}"])  # a build with a suffix counts as newer
    found = item["metadata"]["version"]
    # No marker: on another processor it is to be missed, and not to be passed over.
    return Locked(TORCH, found, {_digest(item)}, set(MACHINES)) if found.endswith(CPU) else None


def lock_torch(python: str, version: str) -> tuple[Locked, dict[str, Locked]]:
    """PyTorch as PyPI has it, and what that needs beside it."""
    torch, cuda = Locked(TORCH, version), dict[str, Locked]()
    for machine in MACHINES:
        wanted = [f"{TORCH}==={version}"]  # the version to the letter: no build with a suffix
        for item in _resolve([_UNUSED, *wheels_for(python, machine)], wanted):
            if canonicalize_name(item["metadata"]["name"]) == TORCH:
                torch.hashes.add(_digest(item))
            else:
                _add(cuda, item, machine)
    torch.machines = set(MACHINES)
    return torch, cuda


def _add(locked: dict[str, Locked], item: dict[str, Any], machine: str) -> None:
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    entry = locked.setdefault(canonicalize_name(name), Locked(name, version))
    if entry.version != version:
        raise SystemExit(f"lock: {name} is {entry.version} for one processor and {version} for the other")
    entry.hashes.add(_digest(item))
    entry.machines.add(machine)


def _resolve(options: list[str], wanted: Iterable[str]) -> list[dict[str, Any]]:
    """What pip would install; nothing is. Raises LookupError with the name that has no wheel."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--report", str(report), *options, *wanted]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=folder
        )
        if done.returncode == 0:
            return list(json.loads(report.read_text())["install"])
    if missing := _MISSING.search(done.stderr):
        raise LookupError(missing[1])
    raise SystemExit(f"lock: {done.stderr.strip()}")


def wheels_for(python: str, machine: str) -> list[str]:
    """Options of pip that let it take the wheels of a lock for another Python or processor than its own."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC]
    platforms += [f"{alias}_{machine}" for alias in _ALIASES] + [f"linux_{machine}"]
    tags = [f"--python-version={python}", "--implementation=cp"]
    return [*tags, *(f"--platform={name}" for name in platforms)]


def _digest(item: dict[str, Any]) -> str:
    return str(item["download_info"]["archive_info"]["hashes"]["sha256"])
