"""The way to a sensor: is the port there, by which name, for whom, and who holds it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge_runtime.core import BusyError, EdgeError
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.doctor.host import Host
from edge_runtime.doctor.permissions import examine_permission
from edge_runtime.sensors import SensorSettings, Source

_BY_ID: Final = "/dev/serial/by-id"
_RENUMBERED: Final = ("ttyUSB", "ttyACM")
_CONSOLE: Final = 75


def local(host: Host, sensor: SensorSettings) -> Path | None:
    """The device file of a sensor's port; None for ports over the network."""
    return None if "://" in sensor.port else host.path(sensor.port)


def examine_port(host: Host, sensor: SensorSettings, service: int | None) -> Findings:
    """Look at a port; the last finding is an OK `port.opens` where, and only where, it can be listened to."""
    path = local(host, sensor)
    if path is not None:
        yield from _name(host, sensor, path)
        yield from _console(host, sensor, path)
        yield from _modem_manager(host, sensor)
        if path.exists():
            yield examine_permission(host, sensor, path)
    yield _opens(host, sensor, path, service)


def _opens(host: Host, sensor: SensorSettings, path: Path | None, service: int | None) -> Finding:
    holders = _holders(host, path) if path else []
    if service and any(pid == service for pid, _ in holders):
        return ok("port.in_service", sensor.name, f"the running service (process {service}) reads it")
    try:
        with Source(str(path or sensor.port), sensor.baud):
            # Opening proves little: a program that asked for no lock gets every other byte all the same.
            return _busy(sensor, holders, "") if holders else ok("port.opens", sensor.name, sensor.port)
    except BusyError as error:
        return _busy(sensor, holders, error.remedy)
    except EdgeError as error:
        if path is not None and not path.exists():
            return fault("port.present", sensor.name, _absent(sensor), _plugged(host), error.exit_code)
        return refused("port.opens", error)


def _busy(sensor: SensorSettings, holders: list[tuple[int, str]], remedy: str) -> Finding:
    who = ", ".join(f"{name} (process {pid})" for pid, name in holders) or "a program of another user"
    stop = f"Stop it: `kill {holders[0][0]}`" if holders else remedy
    return fault("port.busy", sensor.name, f"{sensor.port} is held by {who}", stop, BusyError.exit_code)


def _absent(sensor: SensorSettings) -> str:
    return f"{sensor.port} does not exist"


def _plugged(host: Host) -> str:
    names = sorted(path.name for path in _by_id(host))
    if not names:
        return "Plug the sensor in, with a cable that carries data; nothing is in /dev/serial/by-id"
    return f"Plug the sensor in, or set `port` to one of those present: {_BY_ID}/{', '.join(names)}"


def _by_id(host: Host) -> Iterable[Path]:
    folder = host.path(_BY_ID)
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _name(host: Host, sensor: SensorSettings, path: Path) -> Findings:
    if not Path(sensor.port).name.startswith(_RENUMBERED) or sensor.port.startswith(_BY_ID):
        return
    same = [link.name for link in _by_id(host) if link.resolve() == path.resolve()]
    remedy = f"Set port to {_BY_ID}/{same[0]}" if same else f"Use the sensor's name in {_BY_ID}"
    what = f"{sensor.port} is numbered in the order of plugging: after a restart it may be another sensor"
    yield warning("port.name", sensor.name, what, remedy)


def _console(host: Host, sensor: SensorSettings, path: Path) -> Findings:
    words = host.text("/proc/cmdline").split()
    consoles = {word.removeprefix("console=").split(",")[0] for word in words if word.startswith("console=")}
    if {path.name, path.resolve().name} & consoles:
        what = f"{sensor.port} is also the system's console: its messages mix with the frames"
        remedy = "raspi-config, Interface Options, Serial Port: login shell no, hardware yes; then restart"
        yield fault("port.console", sensor.name, what, remedy, _CONSOLE)


def _modem_manager(host: Host, sensor: SensorSettings) -> Findings:
    if not Path(sensor.port).name.startswith(_RENUMBERED) and not sensor.port.startswith(_BY_ID):
        return
    running = any(name == "ModemManager" for _, name in _processes(host))
    rules = [file for folder in ("/etc", "/usr/lib", "/lib") for file in _rules(host, folder)]
    if running and not any("ID_MM_DEVICE_IGNORE" in file.read_text(errors="replace") for file in rules):
        what = "ModemManager runs and talks to every serial device it finds, sensors included"
        yield warning("port.modem_manager", sensor.name, what, "systemctl disable --now ModemManager")


def _rules(host: Host, folder: str) -> list[Path]:
    return [file for file in host.path(f"{folder}/udev/rules.d").glob("*.rules") if file.is_file()]


def _holders(host: Host, path: Path) -> list[tuple[int, str]]:
    target = str(path.resolve())
    return [
        (pid, name) for pid, name in _processes(host) if pid != os.getpid() and _has_open(host, pid, target)
    ]


def _processes(host: Host) -> list[tuple[int, str]]:
    folders = [entry for entry in host.path("/proc").glob("[0-9]*") if entry.name.isdigit()]
    return [(int(entry.name), host.text(f"/proc/{entry.name}/comm").strip()) for entry in folders]


def _has_open(host: Host, pid: int, target: str) -> bool:
    try:
        links = [os.readlink(entry) for entry in host.path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # another user's process, or one that has just ended
        return False
    return target in links
