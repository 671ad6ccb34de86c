"""The service as systemd knows it: installed, started at boot, watched, and which groups it gets."""

from pathlib import Path
from typing import Final

from edge_runtime.doctor.findings import Findings, fault, ok, skipped, warning
from edge_runtime.doctor.host import UNAVAILABLE, Host

UNIT: Final = "edge-runtime.service"
_FOLDERS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
"""Later ones win."""


def examine_unit(host: Host) -> Findings:
    """Look at the unit, its drop-ins and its link into the boot."""
    installed = _installed(host)
    if installed is None:
        yield skipped("service", UNIT, "not installed as a service here")
        return
    if _masked(installed):
        remedy = "systemctl unmask edge-runtime && systemctl enable --now edge-runtime"
        yield fault("service", UNIT, "is masked and cannot be started", remedy, UNAVAILABLE)
        return
    wanted = host.path(f"/etc/systemd/system/multi-user.target.wants/{UNIT}")
    if wanted.is_symlink():
        yield ok("service", UNIT, "starts at boot")
    else:
        yield warning("service", UNIT, "does not start at boot", "systemctl enable --now edge-runtime")
    watchdog = (settings(host, "WatchdogSec") or ["0"])[-1]
    watchdog = watchdog.removesuffix("s").rstrip()  # seconds are what a plain number means
    if watchdog in ("", "0"):
        remedy = f"Remove what sets WatchdogSec from /etc/systemd/system/{UNIT}.d"
        yield warning("watchdog", UNIT, "WatchdogSec is off: a hang would go unnoticed", remedy)
    else:
        yield ok("watchdog", UNIT, f"restarts the service after {watchdog} s without progress")


def settings(host: Host, key: str) -> list[str]:
    """Every value the unit and its drop-ins give `key`, in order; the last one counts for single values."""
    installed = _installed(host)
    if installed is None:
        return []
    files = [installed]
    for folder in _FOLDERS:
        files += sorted(host.path(f"{folder}/{UNIT}.d").glob("*.conf"))
    lines = [line for file in files for line in _read(file).splitlines()]
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
    return [value.strip() for name, _, value in pairs if name.strip() == key]


def _installed(host: Host) -> Path | None:
    places = [host.path(f"{folder}/{UNIT}") for folder in _FOLDERS]
    found = [place for place in places if place.is_symlink() or place.exists()]
    return found[-1] if found else None


def _masked(unit: Path) -> bool:
    return unit.is_symlink() and str(unit.readlink()) == "/dev/null"


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
