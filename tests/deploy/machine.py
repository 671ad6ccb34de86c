"""A system of its own to install packages into: Debian, or Ubuntu as Jetsons have it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.heavy import BUILD
from tests.waiting import HANG_S, scaled

RELEASES = {"deb12": "bookworm", "deb13": "trixie", "ubuntu24.04": "noble"}
"""Suites by the mark of their packages."""
PACKAGES = ("python3", "adduser", "libstdc++6", "libgcc-s1", "openssl")
UBUNTU = "noble"
UBUNTUS_KEYS = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
KEYS_FROM = "trixie"
"""Debian's own package says which keys are Ubuntu's."""
AS_SERVICE = (
    *("setpriv", "--reuid=edge-runtime", "--regid=edge-runtime", "--init-groups"),
    *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
)
"""Words before a command that make it run as the unit would."""
LEFT_BEHIND = (
    "/var/lib/dpkg/",
    "/var/log/",
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/run/",
)
"""What dpkg and adduser write beside any package: their own books, and backups of the old ones."""


def clean_root(suite: str) -> Path:
    """A root with a release's smallest system, kept between runs; skips where none can be had."""
    root = BUILD / "roots" / f"{suite}-amd64"
    needed = ["usr/bin/python3", "usr/bin/openssl", *([UBUNTUS_KEYS] if suite == KEYS_FROM else [])]
    if all((root / path).exists() for path in needed):
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    packages = [*PACKAGES, *(["ubuntu-keyring"] if suite == KEYS_FROM else [])]
    # Some debootstraps leave /proc mounted in there: it goes with a mount namespace.
    command: list[str | Path] = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
    command += [f"--include={','.join(packages)}"]
    if suite == UBUNTU:  # the script of all Ubuntus, and its mirror: older debootstraps know no noble
        command += [f"--keyring={clean_root(KEYS_FROM) / UBUNTUS_KEYS}", suite, root, "", "gutsy"]
    else:
        command += [suite, root]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(root, ignore_errors=True)
        pytest.skip(f"debootstrap got no {suite}: {(done.stderr or done.stdout).strip()[-200:]}")
    return root


def root_with(suite: str, *packages: str, name: str = "") -> Path:
    """A clean root and more packages of its release, kept between runs; skips where they cannot be had."""
    name = name or "-".join(packages)
    root = BUILD / "roots" / f"{suite}-amd64-{name}"
    if root.exists():
        return root
    part = root.with_name(f"{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(["cp", "-ax", clean_root(suite), part], check=True)
    for file in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{file}", part / "etc")
    install = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    install_command = Machine(part).command("env", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", install)
    done = subprocess.run(install_command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        pytest.skip(f"apt-get got no {name}: {done.stderr.strip()[-200:]}")
    part.rename(root)
    return root


class Machine:
    """A clean system to install into; every command in it gets mounts of its own that vanish with it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *words: object) -> list[str]:
        """Words for Popen that run a command in there; /dev and the network are the host's."""
        mounts = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return ["unshare", "--mount", "sh", "-ec", mounts, str(self.root), *map(str, words)]

    def run(self, *words: object, code: int = 0) -> str:
        """Run a command in there to its end, with this exit code; what it said."""
        limit_s = scaled(5 * HANG_S)  # dpkg unpacks some hundred megabytes
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=limit_s
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, deb: Path) -> str:
        """Install a package; what dpkg said."""
        shutil.copy(deb, self.root / "tmp")
        said = self.run(
            "env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", "-i", f"/tmp/{deb.name}"
        )
        (self.root / "tmp" / deb.name).unlink()
        return said

    def files(self) -> set[str]:
        """Every path outside of what changes by itself."""
        found: set[str] = set()
        for folder, names, files in os.walk(self.root):
            inside = folder.removeprefix(str(self.root)) or "/"
            if inside.startswith(("/proc", "/dev", "/sys")):
                names.clear()
                continue
            found |= {os.path.join(inside, name) for name in [*names, *files]}
        return {path for path in found if not path.startswith(LEFT_BEHIND)}
