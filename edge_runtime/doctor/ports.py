"""The way to a sensor: is the port there, by which name, for whom, and which program holds it."""

import os
from pathlib import Path
from typing import Final

from edge_runtime.core import BusyError, EdgeError, UnavailableError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.doctor.host import Host
from edge_runtime.doctor.permissions import examine_permission, examine_unit_grants
from edge_runtime.sensors import DeviceKind, Port, SensorSettings, device_kind, port_of

_BY_ID: Final = "/dev/serial/by-id"
"""Links that udev names after the device's own serial number."""
_RENUMBERED: Final = ("ttyUSB", "ttyACM")
"""Names that the kernel numbers in the order in which devices appear."""
_RENUMBERS: Final = "is numbered in the order of plugging: after a restart it may be another sensor"


def local(host: Host, sensor: SensorSettings) -> Path | None:
    """The device file of a sensor's port; None for ports over the network, and where the kernel has no such
    device now."""
    if (kind := device_kind(sensor.port)) is not None:
        return next(iter(_files(host, sensor, kind)), None)
    return None if "://" in sensor.port else host.path(sensor.port)


def port(host: Host, sensor: SensorSettings) -> Port:
    """A sensor's port, closed."""
    return port_of(sensor, local(host, sensor), _root(host))


def examine_port(host: Host, sensor: SensorSettings, service: int | None) -> Findings:
    """Examine a port; the last finding is an OK `port.opens` where, and only where, it can be listened to.

    `service` is the process id of the running service, None without one.
    """
    path = local(host, sensor)
    if path is not None:
        yield from _examine_device(host, sensor, path)
        files = [path] if (kind := device_kind(sensor.port)) is None else _files(host, sensor, kind)
        yield from (examine_permission(host, sensor, file) for file in files if file.exists())
        if kind is not None:
            yield from examine_unit_grants(host, sensor, kind)
    holders = _holders(host, str(path.resolve())) if path else []
    if service and any(pid == service for pid, _ in holders):
        what = f"the running service (process {service}) reads it"
        yield ok(Check.PORT_IN_SERVICE, sensor.name, what)
        return
    try:
        with port(host, sensor):
            # Opening proves little: a program that asked for no lock gets every other byte all the same.
            free = ok(Check.PORT_OPENS, sensor.name, sensor.port)
            finding = _busy(sensor, holders, "") if holders else free
    except BusyError as error:
        finding = _busy(sensor, holders, error.remedy)
    except EdgeError as error:
        finding = _refusal(host, sensor, path, error)
    yield finding  # after the port is closed, for the caller to listen to it


def _files(host: Host, sensor: SensorSettings, kind: DeviceKind) -> tuple[Path, ...]:
    return kind.files(sensor.port.partition(":")[2], _root(host))


def _root(host: Host) -> Path | None:
    return None if host.root == Path("/") else host.root


def _refusal(host: Host, sensor: SensorSettings, path: Path | None, error: EdgeError) -> Finding:
    absent = isinstance(error, UnavailableError) and (path is None or not path.exists())
    if absent and device_kind(sensor.port):
        return fault(Check.PORT_PRESENT, sensor.name, error.what, error.remedy, error.exit_code)
    if path is None or path.exists():
        return refused(Check.PORT_OPENS, error)
    names = ", ".join(sorted(link.name for link in _links(host)))
    remedy = f"Plug the sensor in, or set `port` to one of those present: {_BY_ID}/{names}"
    if not names:
        remedy = f"Plug the sensor in, with a cable that carries data; nothing is in {_BY_ID}"
    what = f"{sensor.port} does not exist"
    return fault(Check.PORT_PRESENT, sensor.name, what, remedy, error.exit_code)


def _busy(sensor: SensorSettings, holders: list[tuple[int, str]], remedy: str) -> Finding:
    names = ", ".join(f"{name} (process {pid})" for pid, name in holders) or "a program of another user"
    stop = f"Stop it: `kill {holders[0][0]}`" if holders else remedy
    what = f"{sensor.port} is held by {names}"
    return fault(Check.PORT_BUSY, sensor.name, what, stop, BusyError.exit_code)


def _examine_device(host: Host, sensor: SensorSettings, path: Path) -> Findings:
    if (kind := device_kind(sensor.port)) is not None:
        if kind.is_numbered(sensor.port.partition(":")[2]):
            remedy = f"Name it by what it is: {', '.join(kind.present(_root(host)))}"
            yield warning(Check.PORT_NAME, sensor.name, f"{sensor.port} {_RENUMBERS}", remedy)
        return
    by_id = sensor.port.startswith(_BY_ID)
    renumbered = Path(sensor.port).name.startswith(_RENUMBERED)
    if renumbered and not by_id:
        same = [link.name for link in _links(host) if link.resolve() == path.resolve()]
        remedy = f"Set port to {_BY_ID}/{same[0]}" if same else f"Use the sensor's name in {_BY_ID}"
        what = f"{sensor.port} {_RENUMBERS}"
        yield warning(Check.PORT_NAME, sensor.name, what, remedy)
    words = host.text("/proc/cmdline").split()
    consoles = {word.removeprefix("console=").split(",")[0] for word in words if word.startswith("console=")}
    if {path.name, path.resolve().name} & consoles:
        what = f"{sensor.port} is also the system's console: its messages mix with the frames"
        remedy = "raspi-config, Interface Options, Serial Port: login shell no, hardware yes; then restart"
        yield fault(Check.PORT_CONSOLE, sensor.name, what, remedy, BusyError.exit_code)
    if not renumbered and not by_id:
        return
    folders = [host.path(f"{folder}/udev/rules.d") for folder in ("/etc", "/usr/lib", "/lib")]
    rules = [file for folder in folders for file in folder.glob("*.rules") if file.is_file()]
    running = any(name == "ModemManager" for _, name in _processes(host))
    if running and not any("ID_MM_DEVICE_IGNORE" in file.read_text(errors="replace") for file in rules):
        what = "ModemManager runs and talks to every serial device it finds, sensors included"
        remedy = "systemctl disable --now ModemManager"
        yield warning(Check.PORT_MODEM_MANAGER, sensor.name, what, remedy)


def _links(host: Host) -> list[Path]:
    folder = host.path(_BY_ID)
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _processes(host: Host) -> list[tuple[int, str]]:
    folders = [entry for entry in host.path("/proc").glob("[0-9]*") if entry.name.isdigit()]
    return [(int(entry.name), host.text(f"/proc/{entry.name}/comm").strip()) for entry in folders]


def _holders(host: Host, device: str) -> list[tuple[int, str]]:
    """Process id and name of every other program that has the device open."""
    found = []
    for pid, name in _processes(host):
        try:
            links = [os.readlink(entry) for entry in host.path(f"/proc/{pid}/fd").iterdir()]
        except OSError:  # another user's process, or one that has just ended
            continue
        if device in links and pid != os.getpid():
            found.append((pid, name))
    return found
