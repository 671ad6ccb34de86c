"""`make deb`: wheels to a package tree to a .deb, with checksums and a bill of materials beside it."""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.debian.sbom import epoch_s, licence, metadata, sbom
from deploy.debian.wheels import MACHINES, ROOT, digest_of, fetch, lock, own_wheel
from edge_runtime.core import VERSION

HERE: Final = Path(__file__).resolve().parent
NAME: Final = "steadyhum-edge"
RELEASES: Final = {"3.11": "deb12", "3.12": "ubuntu24.04", "3.13": "deb13"}
"""Releases by their Python: Raspberry Pi OS is a Debian, JetPack 7 an Ubuntu. `make test-deb` has all."""
_COPYRIGHT_FORMAT: Final = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
HOME: Final = "usr/lib/steadyhum"
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
            print(lock(python))
            continue
        for arch in asked.arch:
            print(build(Package(arch, python, asked.revision, asked.out)))


def build(package: Package) -> Path:
    """Build a package; returns the .deb. SBOM and checksums lie beside it."""
    work = package.out / f"work-{package.stem}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wheels = fetch(package.arch, package.python, package.out / f"wheels-{package.arch}-{package.python}")
    wheels.append(own_wheel(work))
    tree = work / "tree"
    _environment(tree / HOME, package.python, wheels)
    _system_files(tree)
    bill = sbom(wheels, NAME, package.version, epoch_s())
    _documents(tree / "usr/share/doc" / NAME, package, wheels, bill)
    _control(tree, package)
    _normalise(tree)
    deb = package.out / f"{package.stem}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, deb],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s())},
    )
    (package.out / f"{package.stem}.cdx.json").write_text(bill)
    _checksums(package.out)
    shutil.rmtree(work)
    return deb


def _environment(home: Path, python: str, wheels: list[Path]) -> None:
    """Lay a virtual environment out: what `python -m venv` and an installer of wheels would have made."""
    packages = home / f"lib/python{python}/site-packages"
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages, [name for name in archive.namelist() if _wanted(name)])
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


def _system_files(tree: Path) -> None:
    for folder in ("usr/bin", "usr/lib/systemd/system", "etc/default", "etc/edge-runtime"):
        (tree / folder).mkdir(parents=True)
    (tree / "usr/bin/edge-runtime").symlink_to("../lib/steadyhum/bin/edge-runtime")
    shutil.copy(HERE / "edge-runtime.service", tree / "usr/lib/systemd/system")
    shutil.copy(HERE / "edge-runtime.default", tree / "etc/default/edge-runtime")
    overrides = tree / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    shutil.copy(HERE / "lintian-overrides", overrides / NAME)
    _compressed(HERE / "edge-runtime.1", tree / "usr/share/man/man1/edge-runtime.1.gz")


def _documents(folder: Path, package: Package, wheels: list[Path], bill: str) -> None:
    folder.mkdir(parents=True)
    shutil.copy(HERE / "README.Debian", folder)
    shutil.copytree(ROOT / "deploy/examples", folder / "examples")
    shutil.copytree(ROOT / "deploy/mosquitto", folder / "examples/mosquitto")
    (folder / "SBOM.json").write_text(bill)
    (folder / "copyright").write_text(_copyright(wheels, package.python))
    changelog = folder / "changelog"
    date = subprocess.check_output(["date", "-Ru", "-d", f"@{epoch_s()}"], text=True).strip()
    changelog.write_text(
        f"{NAME} ({package.version}) stable; urgency=medium\n\n  * See the project's CHANGELOG.md.\n\n"
        f" -- steadyhum maintainers <maintainers@steadyhum.invalid>  {date}\n"
    )
    _compressed(changelog, folder / "changelog.Debian.gz")
    changelog.unlink()


def _copyright(wheels: list[Path], python: str) -> str:
    head = f"Format: {_COPYRIGHT_FORMAT}\nUpstream-Name: steadyhum\n"
    apache = " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n"
    parts = [f"{head}\nFiles: *\nCopyright: 2026 the steadyhum authors\nLicense: Apache-2.0\n{apache}"]
    for wheel in wheels:
        said = metadata(wheel)
        if said["Name"] == "steadyhum":
            continue
        name = wheel.name.split("-")[0]
        files = f"{HOME}/lib/python{python}/site-packages/{name}*"
        parts.append(
            f"Files: {files}\nCopyright: {_holder(said['Author'], name)}\n"
            f"License: {name}\n {licence(said)}; the text is in this wheel's .dist-info folder.\n"
        )
    return "\n".join(parts)


def _holder(author: str | None, name: str) -> str:
    return " ".join(author.split()) if author else f"the authors of {name}, see its .dist-info folder"


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
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / script, folder)


def _normalise(tree: Path) -> None:
    """Modes and times that do not depend on who builds, so that the same source gives the same file."""
    programs = {
        tree / f"{HOME}/bin/edge-runtime",
        *(tree / "DEBIAN" / s for s in ("postinst", "prerm", "postrm")),
    }
    listed = [f"{digest_md5(file)}  {file.relative_to(tree)}" for file in _plain_files(tree)]
    (tree / "DEBIAN/md5sums").write_text("".join(f"{line}\n" for line in listed))
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
        os.utime(path, (epoch_s(), epoch_s()), follow_symlinks=False)


def _plain_files(tree: Path) -> list[Path]:
    inside = [file for file in sorted(tree.rglob("*")) if file.is_file() and not file.is_symlink()]
    return [file for file in inside if file.relative_to(tree).parts[0] != "DEBIAN"]


def digest_md5(file: Path) -> str:
    """MD5 as dpkg wants it in md5sums; a checksum, no protection."""
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def _checksums(out: Path) -> None:
    files = sorted([*out.glob("*.deb"), *out.glob("*.cdx.json")])
    (out / "SHA256SUMS").write_text("".join(f"{digest_of(file)}  {file.name}\n" for file in files))


def _compressed(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
