"""The disk: can the spool be kept, will it survive a power cut, for how long does it last."""

import os
import tempfile
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config
from edge_runtime.core import AccessError, UnavailableError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, fault, ok, warning
from edge_runtime.doctor.host import Host
from edge_runtime.spool import service_pid

ALARM_BYTES: Final = 1500
"""What one stored alarm message takes, its row included."""
ALARM_EVERY_S: Final = 10.0
"""A flapping alarm on every sensor sends about this often: the rate that the hours are computed for."""
HOURS_WANTED: Final = 72.0
"""A long weekend without a broker, the time for which telemetry is kept by default as well."""
_VOLATILE: Final = ("tmpfs", "ramfs")
_RESERVE_BYTES: Final = 16 * 1024 * 1024
"""Less free space than this is a full disk: room for SQLite's journal and the system's own logs."""


def examine_storage(host: Host, config: Config) -> Findings:
    """Examine the state folder, the disk below it and what is in it."""
    folder = config.state_folder
    pid = service_pid(folder)
    if pid is not None:
        yield ok(Check.STATE_FOLDER, str(folder), f"used by the service, which runs as process {pid}")
    else:
        try:
            with tempfile.TemporaryFile(dir=_nearest_existing(folder)):
                pass
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            remedy = f"mkdir -p {folder} and chown it to the service's user; is the disk mounted read-only?"
            yield fault(Check.STATE_FOLDER, str(folder), what, remedy, AccessError.exit_code)
        else:
            yield ok(Check.STATE_FOLDER, str(folder), "can be written")
    yield from _examine_disk(host, folder, config)
    left = max(config.spool.max_bytes - _size(folder / "spool.db"), 0)
    hours = left / ALARM_BYTES / len(config.sensor) * ALARM_EVERY_S / 3600
    what = f"room for {left // ALARM_BYTES} alarm messages, {hours:.0f} h of one every {ALARM_EVERY_S:.0f} s"
    what += " from each sensor"
    if hours < HOURS_WANTED:
        remedy = f"Raise spool.max_bytes for {HOURS_WANTED:.0f} h, or bring the broker back so that it drains"
        yield warning(Check.SPOOL_CAPACITY, str(folder), what, remedy)
    else:
        yield ok(Check.SPOOL_CAPACITY, str(folder), what)
    copies = sorted(copy for copy in folder.glob("spool.db.corrupt-*") if not copy.name.endswith("-wal"))
    if copies:
        what = f"{len(copies)} damaged spool files were set aside, the last is {copies[-1].name}"
        remedy = "Check the power supply and the card, then delete the copies"
        yield warning(Check.SPOOL_DAMAGED, str(folder), what, remedy)


def _examine_disk(host: Host, folder: Path, config: Config) -> Findings:
    mounts = [line.split() for line in host.text("/proc/mounts").splitlines()]
    inside = [row for row in mounts if len(row) > 2 and folder.resolve().is_relative_to(row[1])]
    if inside and max(inside, key=lambda row: len(row[1]))[2] in _VOLATILE:
        remedy = "Put state_folder on the card or a disk, such as /var/lib/edge-runtime"
        what = "lies in memory: stored alarms are gone after a power cut"
        yield warning(Check.STATE_VOLATILE, str(folder), what, remedy)
    try:
        status = os.statvfs(_nearest_existing(folder))
    except OSError:
        return
    free = status.f_bavail * status.f_frsize + _size(folder / "spool.db")
    wanted = config.spool.max_bytes + config.spool.reserve_bytes
    remedy = "Free space on the disk, or lower spool.max_bytes"
    what = f"{free / 2**20:.0f} MiB are free, the spool may take {wanted / 2**20:.0f} MiB"
    if free < _RESERVE_BYTES:
        yield fault(Check.DISK_SPACE, str(folder), what, remedy, UnavailableError.exit_code)
    elif free < wanted:
        yield warning(Check.DISK_SPACE, str(folder), what, remedy)
    else:
        yield ok(Check.DISK_SPACE, str(folder), what)


def _nearest_existing(folder: Path) -> Path:
    """The folder itself, or the one in which it would be created."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
