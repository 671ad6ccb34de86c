"""The package steadyhum-learn: what the service's package needs besides to learn at the machine."""

import shutil
from pathlib import Path
from typing import Final

from deploy.debian.packing import (
    HOME,
    SCRIPTS,
    copyright_of,
    finish,
    normalise,
    pack,
    unpack,
    write_papers,
)
from deploy.debian.sbom import epoch_s, sbom
from deploy.debian.wheels import fetch, own_wheel

NAME: Final = "steadyhum-learn"
EXTRA: Final = "learn"
"""Of pyproject.toml: what is needed."""
HERE: Final = Path(__file__).resolve().parent / EXTRA
UNITS: Final = ("steadyhum-learn.service", "steadyhum-learn.path")
_FOR_COMPILERS: Final = (".pyi", ".a", ".h", ".pxd", ".hpp", ".cc", ".proto")
_LEFT_OUT: Final = ("onnx/backend/test/", "onnx/test/")
"""Development tools inside wheels; no part of learning."""


def build_learner(arch: str, python: str, version: str, out: Path) -> Path:
    """Build the package that goes with the service's of the same version; returns the .deb."""
    stem = f"{NAME}_{version}_{arch}"
    work = out / f"work-{stem}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wheels = fetch(arch, python, out / f"wheels-{EXTRA}-{arch}-{python}", EXTRA)
    tree = work / "tree"
    packages = tree / HOME / f"lib/python{python}/site-packages"
    unpack(wheels, packages, _wanted)
    unpack([own_wheel(work)], packages, lambda name: name.startswith("trainer/"))
    # scipy takes all of numpy's names, and the service's package leaves this one out.
    service = (out / f"wheels-{arch}-{python}").glob("numpy-*.whl")
    unpack(service, packages, lambda name: name.startswith("numpy/f2py/") and _wanted(name))
    program = tree / HOME / "bin/trainer"
    program.parent.mkdir()
    program.write_text(f"#!/{HOME}/bin/python3\nfrom trainer.__main__ import main\n\nmain()\n")
    units = tree / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(HERE / unit, units)
    papers = tree / "usr/share/doc" / NAME
    papers.mkdir(parents=True)
    bill = sbom(wheels, NAME, version, epoch_s())
    write_papers(papers, NAME, version, copyright_of(wheels, python), bill)
    _control(tree, version, arch, python)
    normalise(tree, program)
    deb = out / f"{stem}.deb"
    pack(tree, deb)
    return finish(deb, bill, work)


def _wanted(name: str) -> bool:
    return not (name.startswith(_LEFT_OUT) or "/tests/" in name or name.endswith(_FOR_COMPILERS))


def _control(tree: Path, version: str, arch: str, python: str) -> None:
    folder = tree / "DEBIAN"
    size_kib = sum(file.lstat().st_size for file in tree.rglob("*")) // 1024
    folder.mkdir()
    text = (HERE / "control.in").read_text()
    (folder / "control").write_text(text.format(version=version, arch=arch, size_kib=size_kib))
    for script in SCRIPTS:
        text = (HERE / script).read_text()
        (folder / script).write_text(text.replace("@PACKAGES@", f"/{HOME}/lib/python{python}/site-packages"))
