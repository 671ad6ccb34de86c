"""`make deb`: wheels to a package tree to a .deb, with checksums and a bill of materials beside it."""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.debian.learner import EXTRA, build_learner
from deploy.debian.packing import (
    HOME,
    SCRIPTS,
    compressed,
    copyright_of,
    finish,
    normalise,
    pack,
    unpack,
    write_papers,
)
from deploy.debian.sbom import epoch_s, sbom
from deploy.debian.wheels import MACHINES, ROOT, fetch, lock, own_wheel
from edge_runtime.core import VERSION

HERE: Final = Path(__file__).resolve().parent
NAME: Final = "steadyhum-edge"
RELEASES: Final = {"3.11": "deb12", "3.12": "ubuntu24.04", "3.13": "deb13"}
"""Releases by their Python: Raspberry Pi OS is a Debian, JetPack 7 an Ubuntu. `make test-deb` has all."""
NAMES_USERS: Final = frozenset({"deb13"})
"""Releases whose systemd knows PrivateUsers=identity: 257 in Debian 13, and 252 and 255 in the others."""
LEFT_OUT: Final = (
    "trainer/",
    "numpy/_core/tests/",
    "numpy/f2py/",
    "onnxruntime/datasets/",
    "onnxruntime/quantization/",
    "onnxruntime/tools/",
    "onnxruntime/transformers/",
)
"""Training and development tools inside wheels; no part of running."""
_FOR_COMPILERS: Final = (".pyi", ".a", ".h", ".pxd")


@dataclass(frozen=True, slots=True)
class Package:
    """One package to be built."""

    arch: str
    python: str
    revision: str
    out: Path

    @property
    def version(self) -> str:
        """Upstream's version, and the Debian release whose Python it was made for."""
        return f"{VERSION}-{self.revision}~{RELEASES[self.python]}"

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return f"{NAME}_{self.version}_{self.arch}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="deploy.debian.build", description=__doc__)
    parser.add_argument("--arch", nargs="+", choices=MACHINES, default=tuple(MACHINES))
    parser.add_argument("--python", nargs="+", choices=RELEASES, default=tuple(RELEASES))
    parser.add_argument("--revision", default="1", help="Debian revision of the package")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "deb")
    parser.add_argument("--lock", action="store_true", help="write a new lock instead of building")
    asked = parser.parse_args()
    for python in asked.python:
        if asked.lock:
            print(lock(python), lock(python, EXTRA))
            continue
        for arch in asked.arch:
            package = Package(arch, python, asked.revision, asked.out)
            print(build(package))
            print(build_learner(arch, python, package.version, package.out))


def build(package: Package) -> Path:
    """Build a package; returns the .deb. SBOM and checksums lie beside it."""
    work = package.out / f"work-{package.stem}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wheels = fetch(package.arch, package.python, package.out / f"wheels-{package.arch}-{package.python}")
    wheels.append(own_wheel(work))
    tree = work / "tree"
    _environment(tree / HOME, package.python, wheels)
    _system_files(tree, RELEASES[package.python])
    bill = sbom(wheels, NAME, package.version, epoch_s())
    _documents(tree / "usr/share/doc" / NAME, package, wheels, bill)
    _control(tree, package)
    normalise(tree, tree / HOME / "bin/edge-runtime")
    deb = package.out / f"{package.stem}.deb"
    pack(tree, deb)
    return finish(deb, bill, work)


def _environment(home: Path, python: str, wheels: list[Path]) -> None:
    """Lay a virtual environment out: what `python -m venv` and an installer of wheels would have made."""
    packages = home / f"lib/python{python}/site-packages"
    unpack(wheels, packages, _wanted)
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to(f"../../../bin/python{python}")
    settings = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    (home / "pyvenv.cfg").write_text(settings)
    program = home / "bin/edge-runtime"
    program.write_text(f"#!/{HOME}/bin/python3\nfrom edge_runtime.__main__ import main\n\nmain()\n")


def _wanted(name: str) -> bool:
    return not (
        name.startswith(LEFT_OUT) or "/tests/" in name or "_tests." in name or name.endswith(_FOR_COMPILERS)
    )


def _system_files(tree: Path, release: str) -> None:
    for folder in ("usr/bin", "usr/lib/systemd/system", "etc/default", "etc/edge-runtime"):
        (tree / folder).mkdir(parents=True)
    (tree / "usr/bin/edge-runtime").symlink_to("../lib/steadyhum/bin/edge-runtime")
    for unit in ("edge-runtime.service", "edge-runtime-metrics.service", "edge-runtime-page.service"):
        shutil.copy(HERE / unit, tree / "usr/lib/systemd/system")
    if release in NAMES_USERS:
        beside = tree / "usr/lib/systemd/system/edge-runtime.service.d"
        beside.mkdir()
        shutil.copy(HERE / "names-users.conf", beside)
    shutil.copy(HERE / "edge-runtime.default", tree / "etc/default/edge-runtime")
    overrides = tree / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    shutil.copy(HERE / "lintian-overrides", overrides / NAME)
    compressed(HERE / "edge-runtime.1", tree / "usr/share/man/man1/edge-runtime.1.gz")


def _documents(folder: Path, package: Package, wheels: list[Path], bill: str) -> None:
    folder.mkdir(parents=True)
    shutil.copy(HERE / "README.Debian", folder)
    shutil.copytree(ROOT / "deploy/examples", folder / "examples")
    shutil.copytree(ROOT / "deploy/mosquitto", folder / "examples/mosquitto")
    write_papers(folder, NAME, package.version, copyright_of(wheels, package.python), bill)


def _control(tree: Path, package: Package) -> None:
    folder = tree / "DEBIAN"
    size_kib = sum(file.lstat().st_size for file in tree.rglob("*")) // 1024
    folder.mkdir()
    major, minor = package.python.split(".")
    text = (HERE / "control.in").read_text()
    fields = {
        "version": package.version,
        "arch": package.arch,
        "size_kib": size_kib,
        "python": package.python,
    }
    (folder / "control").write_text(text.format(**fields, next_python=f"{major}.{int(minor) + 1}"))
    (folder / "conffiles").write_text("/etc/default/edge-runtime\n")
    for script in SCRIPTS:
        shutil.copy(HERE / script, folder)


if __name__ == "__main__":
    main()
