"""The wheels of the package: `lock` writes down versions and digests, `fetch` gets exactly those.

Wheels for another processor are fetched by their platform tags, so an amd64 machine builds the arm64 package
without emulation.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's name of an architecture to Python's."""
_GLIBC: Final = ("2_28", "2_27", "2_17")
"""manylinux levels that both Debian 12 and Raspberry Pi OS 12 satisfy."""
_NAME: Final = re.compile(r"^([A-Za-z0-9_.]+)-([^-]+)-")


def lock_file(python: str) -> Path:
    """The lock for a Python version such as 3.11."""
    return Path(__file__).with_name(f"wheels-py{python}.txt")


def fetch(arch: str, python: str, folder: Path) -> list[Path]:
    """Download the locked wheels into `folder`; pip checks every digest. Returns the files."""
    _pip_download(arch, python, folder, "--require-hashes", "--no-deps", "-r", str(lock_file(python)))
    locked = lock_file(python).read_text()
    return [wheel for wheel in sorted(folder.glob("*.whl")) if digest_of(wheel) in locked]


def lock(python: str, folder: Path) -> Path:
    """Resolve what the plain install needs, for both architectures; write and return the lock."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    digests: dict[tuple[str, str], set[str]] = {}
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier lock fetched is not what is needed now
    for arch in MACHINES:
        _pip_download(arch, python, folder / arch, *needed)
        for wheel in sorted((folder / arch).glob("*.whl")):
            digests.setdefault(name_of(wheel), set()).add(digest_of(wheel))
    lines = [f"# What the Debian package for Python {python} holds; written by `make lock-deb`."]
    for (name, version), found in sorted(digests.items()):
        lines.append(
            " ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(found))])
        )
    lock_file(python).write_text("\n".join(lines) + "\n")
    return lock_file(python)


def own_wheel(folder: Path) -> Path:
    """Build this project's wheel from a clean copy: setuptools would take stale files from ./build."""
    copy = folder / "source"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in ("edge_runtime", "trainer"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
        else:
            (copy / name).write_text("steadyhum\n")
    _pip("wheel", "--no-deps", "--wheel-dir", folder, copy)
    return next(folder.glob("steadyhum-*.whl"))


def name_of(wheel: Path) -> tuple[str, str]:
    """Project and version, from the file's name."""
    match = _NAME.match(wheel.name)
    if match is None:
        raise ValueError(f"{wheel.name} is not named like a wheel")
    return match[1].replace("_", "-").lower(), match[2]


def digest_of(file: Path) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _pip_download(arch: str, python: str, folder: Path, *wanted: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_{glibc}_{MACHINES[arch]}" for glibc in _GLIBC]
    platforms.append(f"--platform=manylinux2014_{MACHINES[arch]}")
    tags = [f"--python-version={python}", "--implementation=cp", "--only-binary=:all:", *platforms]
    _pip("download", "--dest", folder, *tags, *wanted)


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "-q", "--disable-pip-version-check"]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"deb: pip could not {arguments[0]} the wheels; its message is above")
