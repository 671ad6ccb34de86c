"""A Debian of its own to install packages into."""

import os
import shutil
import subprocess

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


class Machine:
    """A clean Debian to install into; every command in it gets mounts of its own that vanish with it."""

    def __init__(self, root):
        self.root = root

    def command(self, *words):
        """Words for Popen that run a command in there; /dev and the network are the host's."""
        mounts = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return ["unshare", "--mount", "sh", "-ec", mounts, str(self.root), *map(str, words)]

    def run(self, *words, code=0):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, deb):
        shutil.copy(deb, self.root / "tmp")
        said = self.run(
            "env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", "-i", f"/tmp/{deb.name}"
        )
        (self.root / "tmp" / deb.name).unlink()
        return said

    def files(self):
        """Every path outside of what changes by itself."""
        found = set()
        for folder, names, files in os.walk(self.root):
            inside = folder.removeprefix(str(self.root)) or "/"
            if inside.startswith(("/proc", "/dev", "/sys")):
                names.clear()
                continue
            found |= {os.path.join(inside, name) for name in [*names, *files]}
        return {path for path in found if not path.startswith(LEFT_BEHIND)}
