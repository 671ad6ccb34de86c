"""The wheels of the package: `lock` writes down versions and digests, `fetch` gets exactly those.

Wheels for another processor are fetched by their platform tags, so an amd64 machine builds the arm64 package
without emulation.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from deploy.locking.closure import closure, platform
from deploy.locking.lock import SOURCE, read_lock, read_locks, write_lock
from deploy.locking.lock import lock_file as development_lock

ROOT: Final = Path(__file__).resolve().parents[2]
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's name of an architecture to Python's."""
_GLIBC: Final = ("2_28", "2_27", "2_17")
"""manylinux levels that both Debian 12 and Raspberry Pi OS 12 satisfy."""
_STABLE_ABI: Final = "0x030B0000"
"""Python 3.11's: an extension built against it is loaded by every later Python also."""
EXTENSIONS: Final = {"cobs": "cobs/cobs/_cobs_ext.abi3.so"}
"""What was compiled of a source, by project. Without it cobs decodes a frame of 256 samples in 200 to 1830 us
where it takes 0.7 to 4.6 (measured), and it falls back in silence."""
SERVED: Final = ("page",)
"""Extras whose libraries the service's package brings: they are small, pure Python, and of units in it."""
_NAME: Final = re.compile(r"^([A-Za-z0-9_.]+)-([^-]+)-")


def lock_file(python: str, what: str = "") -> Path:
    """The lock for a Python version such as 3.11: of the service's package, or of `learn`."""
    return Path(__file__).with_name(f"wheels-{what}{'-' if what else ''}py{python}.txt")


def fetch(arch: str, python: str, folder: Path, what: str = "") -> list[Path]:
    """Download the locked wheels into `folder`; pip checks every digest. Returns the files.

    What comes as source only is compiled here, for that processor.
    """
    sources = read_lock(development_lock(python, SOURCE))
    locked = read_lock(lock_file(python, what))
    folder.mkdir(parents=True, exist_ok=True)
    wheels, source = folder / "wheels.txt", folder / "source.txt"
    write_lock(wheels, [part for name, part in locked.items() if name not in sources], "Wheels")
    write_lock(source, [part for name, part in locked.items() if name in sources], "What has none")
    _pip_download(arch, python, folder, "--require-hashes", "--no-deps", "-r", str(wheels))
    digests = lock_file(python, what).read_text()
    found = [wheel for wheel in sorted(folder.glob("*.whl")) if digest_of(wheel) in digests]
    compiled = _compiled(arch, source, folder / "compiled") if set(locked) & set(sources) else []
    return found + compiled


def lock(python: str, what: str = "") -> Path:
    """Write and return a lock, of versions as in the development's, which were tested.

    The service's package holds what the plain install and SERVED need, that of an extra what more it needs.
    """
    tested = read_locks(python)
    served = _needed(python, SERVED)
    needed = _needed(python, (what,)) - served if what else served
    about = f"What the Debian package {what}{' ' if what else ''}for Python {python} holds"
    write_lock(lock_file(python, what), [tested[name] for name in needed], about, "make lock-deb")
    return lock_file(python, what)


def _needed(python: str, extras: tuple[str, ...]) -> set[str]:
    return {name for machine in MACHINES.values() for name in closure(extras, platform(python, machine))}


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


def _compiled(arch: str, source: Path, folder: Path) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    # Without pip's cache, in which there may be one for another processor or without its extension.
    options = ["--no-cache-dir", "--no-build-isolation", "--no-binary", ":all:", "--wheel-dir", folder]
    environ = _compiler(arch, folder.resolve() / "include")
    _pip("wheel", "--require-hashes", "--no-deps", *options, "-r", source, environ=environ)
    wheels = sorted(folder.glob("*.whl"))
    for wheel in wheels:
        extension = EXTENSIONS.get(name_of(wheel)[0])
        if extension and extension not in zipfile.ZipFile(wheel).namelist():
            raise SystemExit(
                f"deb: {wheel.name} was built without {extension}: its C did not compile. It takes Python's "
                "headers: apt-get install libpython3-dev"
            )
    return wheels


def _compiler(arch: str, include: Path) -> dict[str, str]:
    """Variables that make setuptools build for the processor, and the same bytes each time.

    Debian's headers of Python include one of the processor's own, which only differs in what the stable ABI
    does not show: this processor's serves, from the folder `include`.
    """
    machine = MACHINES[arch]
    name = "gcc" if machine == os.uname().machine else f"{machine}-linux-gnu-gcc"
    if shutil.which(name) is None:
        package = "gcc" if name == "gcc" else f"gcc-{machine.replace('_', '-')}-linux-gnu"
        raise SystemExit(f"deb: no {name} here, which cobs is compiled by: apt-get install {package}")
    for config in Path("/usr/include").glob(f"{os.uname().machine}-linux-gnu/python3.*/pyconfig.h"):
        target = include / f"{machine}-linux-gnu" / config.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(config, target)
    return {
        "CC": name,
        "LDSHARED": f"{name} -shared -s",  # stripped, as Debian has its libraries
        "CFLAGS": f"-I{include} -O2 -g0 -DPy_LIMITED_API={_STABLE_ABI}",
        "SETUPTOOLS_EXT_SUFFIX": ".abi3.so",
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def _pip_download(arch: str, python: str, folder: Path, *wanted: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_{glibc}_{MACHINES[arch]}" for glibc in _GLIBC]
    platforms.append(f"--platform=manylinux2014_{MACHINES[arch]}")
    tags = [f"--python-version={python}", "--implementation=cp", "--only-binary=:all:", *platforms]
    _pip("download", "--dest", folder, *tags, *wanted)


def _pip(*arguments: object, environ: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "-q", "--disable-pip-version-check"]
    if subprocess.run(command, check=False, env={**os.environ, **(environ or {})}).returncode:
        raise SystemExit(f"deb: pip could not {arguments[0]} the wheels; its message is above")
