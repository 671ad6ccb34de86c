"""What any package of ours is made of: a tree with modes and times of its own, papers, and the .deb."""

import gzip
import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from deploy.debian.sbom import epoch_s, licence, metadata
from deploy.debian.wheels import digest_of

HOME: Final = "usr/lib/steadyhum"
_COPYRIGHT_FORMAT: Final = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
SCRIPTS: Final = ("postinst", "prerm", "postrm")
"""What dpkg runs."""


def unpack(wheels: Iterable[Path], packages: Path, wanted: Callable[[str], bool]) -> None:
    """Lay wheels out in a folder of packages, as an installer does; of each what is wanted."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages, [name for name in archive.namelist() if wanted(name)])


def write_papers(folder: Path, name: str, version: str, copyright_text: str, bill: str) -> None:
    """Write copyright, changelog and bill of materials."""
    (folder / "SBOM.json").write_text(bill)
    (folder / "copyright").write_text(copyright_text)
    changelog = folder / "changelog"
    date = subprocess.check_output(["date", "-Ru", "-d", f"@{epoch_s()}"], text=True).strip()
    changelog.write_text(
        f"{name} ({version}) stable; urgency=medium\n\n  * See the project's CHANGELOG.md.\n\n"
        f" -- steadyhum maintainers <maintainers@steadyhum.invalid>  {date}\n"
    )
    compressed(changelog, folder / "changelog.Debian.gz")
    changelog.unlink()


def copyright_of(wheels: list[Path], python: str) -> str:
    """The machine-readable copyright file, with each library's licence."""
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


def normalise(tree: Path, *programs: Path) -> None:
    """Modes and times that do not depend on who builds, so that the same source gives the same file."""
    runnable = {*programs, *(tree / "DEBIAN" / script for script in SCRIPTS)}
    listed = [f"{digest_md5(file)}  {file.relative_to(tree)}" for file in _plain_files(tree)]
    (tree / "DEBIAN/md5sums").write_text("".join(f"{line}\n" for line in listed))
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in runnable else 0o644)
        os.utime(path, (epoch_s(), epoch_s()), follow_symlinks=False)


def _plain_files(tree: Path) -> list[Path]:
    inside = [file for file in sorted(tree.rglob("*")) if file.is_file() and not file.is_symlink()]
    return [file for file in inside if file.relative_to(tree).parts[0] != "DEBIAN"]


def digest_md5(file: Path) -> str:
    """MD5 as dpkg wants it in md5sums; a checksum, no protection."""
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def checksums(out: Path) -> None:
    """Write the checksums of all packages and bills in a folder."""
    files = sorted([*out.glob("*.deb"), *out.glob("*.cdx.json")])
    (out / "SHA256SUMS").write_text("".join(f"{digest_of(file)}  {file.name}\n" for file in files))


def compressed(source: Path, target: Path) -> None:
    """Compress a file, to the same bytes each time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


def pack(tree: Path, deb: Path) -> None:
    """Build a package of a tree."""
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, deb],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s())},
    )


def finish(deb: Path, bill: str, work: Path) -> Path:
    """Lay bill and checksums beside a package, and remove what it was made from."""
    (deb.parent / f"{deb.stem}.cdx.json").write_text(bill)
    checksums(deb.parent)
    shutil.rmtree(work)
    return deb
