"""The service as systemd knows it: installed, started at boot, watched, and which groups it gets."""

import contextlib
from pathlib import Path
from typing import Final

from edge_runtime.core import UnavailableError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, fault, ok, skipped, warning
from edge_runtime.doctor.host import Host

UNIT: Final = "edge-runtime.service"
_FOLDERS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
"""Later ones take precedence, as in systemd.unit(5)."""


def examine_unit(host: Host) -> Findings:
    """Examine the unit, its drop-ins and its link into the boot."""
    installed = _installed(host)
    if installed is None:
        yield skipped(Check.SERVICE, UNIT, "not installed as a service here")
        return
    if installed.is_symlink() and str(installed.readlink()) == "/dev/null":  # masked, systemctl(1)
        remedy = "systemctl unmask edge-runtime && systemctl enable --now edge-runtime"
        yield fault(
            Check.SERVICE, UNIT, "is masked and cannot be started", remedy, UnavailableError.exit_code
        )
        return
    wanted = host.path(f"/etc/systemd/system/multi-user.target.wants/{UNIT}")
    if wanted.is_symlink():
        yield ok(Check.SERVICE, UNIT, "starts at boot")
    else:
        yield warning(Check.SERVICE, UNIT, "does not start at boot", "systemctl enable --now edge-runtime")
    watchdog = (settings(host, "WatchdogSec") or ["0"])[-1]
    watchdog = watchdog.removesuffix("s").rstrip()  # a plain number is seconds, systemd.time(7)
    if watchdog in ("", "0"):
        remedy = f"Remove what sets WatchdogSec from /etc/systemd/system/{UNIT}.d"
        yield warning(Check.WATCHDOG, UNIT, "WatchdogSec is off: a hang would go unnoticed", remedy)
    else:
        yield ok(Check.WATCHDOG, UNIT, f"restarts the service after {watchdog} s without progress")


def settings(host: Host, key: str) -> list[str]:
    """Every value the unit and its drop-ins give `key`, in order; the last one counts for single values."""
    installed = _installed(host)
    if installed is None:
        return []
    files = [installed]
    for folder in _FOLDERS:
        files += sorted(host.path(f"{folder}/{UNIT}.d").glob("*.conf"))
    lines: list[str] = []
    for file in files:
        with contextlib.suppress(OSError):
            lines += file.read_text(errors="replace").splitlines()
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
    return [value.strip() for name, _, value in pairs if name.strip() == key]


def _installed(host: Host) -> Path | None:
    places = [host.path(f"{folder}/{UNIT}") for folder in _FOLDERS]
    found = [place for place in places if place.is_symlink() or place.exists()]
    return found[-1] if found else None
