"""Where a device's files go: `check_folder`, `check_card`; both refuse before anything is written."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, ConfigError, UnavailableError

SLACK_BYTES: Final = 8 * 1024 * 1024
"""Left free on a card, a judgement: the system writes a few megabytes there, too."""
_BOOT_FILES: Final = ("config.txt", "cmdline.txt")
_FAT: Final = ("vfat", "msdos", "exfat")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_OWN: Final = ("/", "/boot", "/boot/efi", "/boot/firmware", "/home", "/usr", "/var")
"""Mount points of a running system: a disk with one of them is not a card."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of /proc/mounts."""

    source: str
    folder: str
    kind: str


def read_mounts(text: str) -> list[Mount]:
    """The mounts in the kernel's list; blanks, #, backslashes and the like are written as octal there."""
    rows = [line.split(" ") for line in text.split("\n")]
    return [Mount(_plain(row[0]), _plain(row[1]), row[2]) for row in rows if len(row) > 2]


def _plain(name: str) -> str:
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), name)


def disk_of(source: str, block: Path = Path("/sys/class/block")) -> str:
    """The whole disk below a partition, as the kernel names it; the source itself where there is none."""
    entry = block / Path(source).name
    if not entry.exists():
        return source
    real = entry.resolve()
    return real.parent.name if (real / "partition").exists() else real.name


def check_folder(folder: Path, needed: int, names: Iterable[str]) -> None:
    """Refuse a folder that cannot be written, is too full, or has these devices already."""
    there = [name for name in names if (folder / name).exists()]
    if there:
        remedy = "Give an empty folder, or delete these: they hold keys that a device may be using"
        raise ConfigError(f"already has {', '.join(there)}", where=str(folder), remedy=remedy)
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise ConfigError("is a file and no folder", where=str(nearest), remedy="Choose another folder")
    _check_room(nearest, needed, "Choose another folder, or free some space")


def check_card(
    folder: Path,
    needed: int,
    mounts: list[Mount],
    disk: Callable[[str], str] = disk_of,
) -> None:
    """Refuse whatever is not the mounted, writable boot partition of a card with room for `needed` bytes."""
    mount = next((mount for mount in mounts if mount.folder == str(folder.resolve())), None)
    if not folder.is_dir() or mount is None:
        remedy = "Give the folder where the card's boot partition is mounted, such as /media/you/bootfs"
        raise ConfigError("no card is mounted here", where=str(folder), remedy=remedy)
    own = {disk(other.source) for other in mounts if other.folder in _OWN}
    if disk(mount.source) in own:
        remedy = "Give the card's boot partition; `lsblk` shows which disk is which"
        raise ConfigError("this is a disk of this computer, not a card", where=str(folder), remedy=remedy)
    if mount.kind not in _FAT or not all((folder / name).is_file() for name in _BOOT_FILES):
        what = f"this {mount.kind} is no boot partition of Raspberry Pi OS, with {' and '.join(_BOOT_FILES)}"
        remedy = "Choose the small FAT partition, called bootfs; write the image to the card first"
        raise ConfigError(what, where=str(folder), remedy=remedy)
    _check_room(folder, needed + SLACK_BYTES, "Use a fresh image: its boot partition has 512 MB")


def installs_itself(card: Path) -> bool:
    """Whether the card's image reads cloud-init's files: Raspberry Pi OS does from 13 on, and brings them."""
    return (card / "meta-data").exists()


def _check_room(folder: Path, needed: int, remedy: str) -> None:
    status = os.statvfs(folder)
    if status.f_flag & os.ST_RDONLY:
        switch = "Move the card's little switch away from LOCK, or mount it again"
        raise AccessError("is read-only", where=str(folder), remedy=switch)
    if not os.access(folder, os.W_OK):
        rights = "Choose another folder, or get the right to write there (`ls -ld` shows who has it)"
        raise AccessError("may not be written by you", where=str(folder), remedy=rights)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        what = f"{needed / 2**20:.0f} MiB are needed, {free / 2**20:.0f} MiB are free"
        raise UnavailableError(what, where=str(folder), remedy=remedy)
