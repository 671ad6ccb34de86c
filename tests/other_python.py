"""Runs the suite under another Python: `python -m tests.other_python VERSION [--leave-out NAME] [WORD ...]`.

A python of that version on PATH is given a virtual environment of its own. Where there is none, a Debian or
Ubuntu that has it is set up in a folder, as the tests of the package do, which takes root, debootstrap and a
network the first time. Both are kept in build/. Packages are installed from the locks for that version, by
hash. `--leave-out` names one that is not installed, such as torch, which is the largest; the tests that need
it then fail to be collected. `--leave-out torch-cpu` takes PyPI's build of it, where no index that pip knows
has the one for the CPU. Further words go to pytest.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.locking.lock import CUDA, SOURCE, TORCH, TORCH_CPU, lock_file, wheels_for
from tests.deploy.machine import root_with
from tests.shared import ROOT

SUITES = {"3.11": "bookworm", "3.12": "noble", "3.13": "trixie"}
"""The releases that bring each Python."""
PACKAGES = ("python3-venv", "mosquitto", "strace", "iproute2", "nftables", "openssl", "procps", "util-linux")
"""What the tests use beside Python packages."""
HOME = ROOT / "build" / "other_python"


def locked(version: str, leave_out: Sequence[str]) -> dict[str, str]:
    """The locks for a version in the order of their installation, without what is left out: name and text.

    What has no wheel is built by the setuptools of the first. A build of PyTorch for the CPU needs none of
    CUDA's libraries.
    """
    has_cpu = TORCH_CPU not in leave_out and lock_file(version, TORCH_CPU).exists()
    torch = [TORCH_CPU] if has_cpu else [TORCH, CUDA]
    texts = {}
    for what in ("", SOURCE, *([] if TORCH in leave_out else torch)):
        file = lock_file(version, what)
        lines = file.read_text().splitlines(keepends=True)
        texts[file.name] = "".join(line for line in lines if line.partition("==")[0] not in leave_out)
    return texts


class OnPath:
    """A python of this machine."""

    def __init__(self, version: str) -> None:
        self.version, self.python = version, f"python{version}"

    def command(self, *words: object) -> list[str]:
        """Words that run a command with that python, in the repository."""
        return list(map(str, words))

    def source(self, _lock: Path) -> list[str]:
        """Options of pip that say where a lock's packages come from: wherever this machine's pip looks."""
        return []


class InRoot:
    """The python of a release that is set up in a folder; the repository lies in there where it lies here."""

    def __init__(self, version: str) -> None:
        self.version, self.python = version, "python3"
        self._root = root_with(SUITES[version], *PACKAGES, name=f"python{version}")

    def command(self, *words: object) -> list[str]:
        """Words that run a command with that python, in the repository."""
        steps = [
            'mount --bind "$0" "$0"',  # a mount point, as the tests' own network namespaces need it
            'mount --rbind /dev "$0/dev"',
            'mount -t proc proc "$0/proc"',
            'mount --rbind /sys "$0/sys"',
            'mount -t tmpfs tmpfs "$0/tmp"',
            'mount -t tmpfs tmpfs "$0/run"',
            'mkdir -p "$0$1"',
            'mount --bind "$1" "$0$1"',
            'exec chroot "$0" sh -ec \'cd "$0" && exec "$@"\' "$@"',
        ]
        return ["unshare", "--mount", "sh", "-ec", " && ".join(steps), *map(str, (self._root, ROOT, *words))]

    def source(self, lock: Path) -> list[str]:
        """Download a lock's packages by this machine's pip, which knows its indexes; say where they lie."""
        folder = lock.parent / "packages"
        kind = ["--no-binary=:all:", "--no-build-isolation"]
        if not lock.name.startswith(f"tested-{SOURCE}"):
            kind = ["--only-binary=:all:", *wheels_for(self.version, os.uname().machine)]
        command = [sys.executable, "-m", "pip", "download", "-q", "--dest", folder, "--no-deps", *kind]
        subprocess.run(list(map(str, [*command, "--require-hashes", "-r", lock])), check=True)
        return ["--no-index", "--find-links", str(folder)]


def is_on_path(version: str) -> bool:
    """Whether there is such a python; a version manager's command of that name may do nothing but fail."""
    probe = [f"python{version}", "-c", ""]
    if shutil.which(probe[0]) is None:
        return False
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def install(python: OnPath | InRoot, venv: Path, locks: dict[str, str]) -> None:
    """Make the virtual environment, where it does not hold just this already."""
    installed, whole = venv / "installed.txt", "".join(locks.values())
    if installed.exists() and installed.read_text() == whole:
        return
    subprocess.run(python.command(python.python, "-m", "venv", "--clear", venv), check=True)
    for name, text in locks.items():
        lock = venv.parent / name
        lock.write_text(text)
        options = ["-q", "--no-deps", "--no-build-isolation", *python.source(lock), "--require-hashes"]
        command = python.command(venv / "bin/python", "-m", "pip", "install", *options, "-r", lock)
        subprocess.run(command, check=True)
    installed.write_text(whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", choices=sorted(SUITES))
    parser.add_argument("--leave-out", action="append", default=[])
    arguments, words = parser.parse_known_args()
    try:
        python = OnPath(arguments.version) if is_on_path(arguments.version) else InRoot(arguments.version)
    except pytest.skip.Exception as error:
        raise SystemExit(f"test-python: {error}") from error
    venv = HOME / arguments.version / "venv"
    install(python, venv, locked(arguments.version, arguments.leave_out))
    command = [venv / "bin/python", "-m", "pytest", "-p", "no:cacheprovider", *(words or ["tests"])]
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/bin:/sbin",
    }
    return subprocess.run(python.command(*command), env=environ, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
