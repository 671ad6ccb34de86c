"""Runs the suite under another Python: `python -m tests.other_python VERSION [--leave-out NAME] [WORD ...]`.

A python of that version on PATH is given a virtual environment of its own. Where there is none, a Debian or
Ubuntu that has it is set up in a folder, as the tests of the package do, which takes root, debootstrap and a
network the first time. Both are kept in build/. `--leave-out` names a requirement that is not installed, such
as torch, which is the largest; the tests that need it then fail to be collected. Further words go to pytest.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence

import pytest

from deploy.locking.closure import BUILD
from tests.deploy.machine import root_with
from tests.shared import ROOT

SUITES = {"3.11": "bookworm", "3.12": "noble", "3.13": "trixie"}
"""The releases that bring each Python."""
PACKAGES = ("python3-venv", "mosquitto", "strace", "iproute2", "nftables", "openssl", "procps", "util-linux")
"""What the tests use beside Python packages."""
GLIBC = ("2_34", "2_28", "2_27", "2_17", "2_5")
"""manylinux levels that all these releases satisfy."""
HOME = ROOT / "build" / "other_python"


def requirements(leave_out: Sequence[str]) -> list[str]:
    """What the project and its extras for training and development need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    # pip asks the markers of what it downloads of its own Python, and torch needs setuptools from 3.12 on.
    wanted = [*project["dependencies"], *extras["trainer"], *extras["dev"], BUILD]
    return [line for line in wanted if not line.startswith(tuple(leave_out))] if leave_out else wanted


class OnPath:
    """A python of this machine."""

    def __init__(self, version: str) -> None:
        self.version, self.python = version, f"python{version}"

    def command(self, *words: object) -> list[str]:
        """Words that run a command with that python, in the repository."""
        return list(map(str, words))

    def wheels(self, _wanted: Sequence[str]) -> list[str]:
        """Options of pip that say where packages come from: wherever this machine's pip looks."""
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

    def wheels(self, wanted: Sequence[str]) -> list[str]:
        """Download the wheels by this machine's pip, which knows its indexes; say where they lie."""
        folder = HOME / self.version / "wheels"
        machine = os.uname().machine
        tags = [f"--platform=manylinux_{glibc}_{machine}" for glibc in GLIBC]
        tags += [f"--platform=manylinux2014_{machine}", f"--platform=linux_{machine}"]
        tags += ["--only-binary=:all:", f"--python-version={self.version}", "--implementation=cp"]
        command = [sys.executable, "-m", "pip", "download", "-q", "--dest", folder, *tags, *wanted]
        subprocess.run(list(map(str, command)), check=True)
        return ["--no-index", "--find-links", str(folder)]


def is_on_path(version: str) -> bool:
    """Whether there is such a python; a version manager's command of that name may do nothing but fail."""
    probe = [f"python{version}", "-c", ""]
    if shutil.which(probe[0]) is None:
        return False
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", choices=sorted(SUITES))
    parser.add_argument("--leave-out", action="append", default=[])
    arguments, words = parser.parse_known_args()
    try:
        python = OnPath(arguments.version) if is_on_path(arguments.version) else InRoot(arguments.version)
    except pytest.skip.Exception as error:
        raise SystemExit(f"test-python: {error}") from error
    venv, wanted = HOME / arguments.version / "venv", requirements(arguments.leave_out)
    installed = venv / "installed.txt"
    if not installed.exists() or installed.read_text().splitlines() != wanted:
        subprocess.run(python.command(python.python, "-m", "venv", "--clear", venv), check=True)
        options = python.wheels(wanted)
        subprocess.run(
            python.command(venv / "bin/python", "-m", "pip", "install", "-q", *options, *wanted), check=True
        )
        installed.write_text("".join(f"{line}\n" for line in wanted))
    command = [venv / "bin/python", "-m", "pytest", "-p", "no:cacheprovider", *(words or ["tests"])]
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/bin:/sbin",
    }
    return subprocess.run(python.command(*command), env=environ, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
