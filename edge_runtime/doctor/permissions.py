"""May the service's user open a device? Answered from the system's files, for a user who is not asking."""

import stat
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok
from edge_runtime.doctor.host import Host
from edge_runtime.doctor.unit import settings
from edge_runtime.sensors import DeviceKind, SensorSettings, device_kind

_OWNER: Final = stat.S_IRUSR | stat.S_IWUSR
_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


def examine_permission(host: Host, sensor: SensorSettings, path: Path) -> Finding:
    """Compare owner, group and mode of a port with the user, and with the groups the unit adds."""
    status, user = path.stat(), host.user_name
    group = _group_name(host, status.st_gid)
    accounts = [row for row in _rows(host, "/etc/passwd") if row[0] == user]
    groups = {row[0] for row in _rows(host, "/etc/group") if user in row[-1].split(",")}
    groups |= {word for value in settings(host, "SupplementaryGroups") for word in value.split()}
    groups |= {_group_name(host, int(row[3])) for row in accounts if row[3].isdigit()}
    # path_resolution(7): only the first of owner, group and others that applies counts.
    needed = _OTHERS
    if status.st_uid in [int(row[2]) for row in accounts if row[2].isdigit()][:1]:
        needed = _OWNER
    elif group in groups:
        needed = _GROUP
    if user == "root" or status.st_mode & needed == needed:
        return ok(Check.PORT_PERMISSION, sensor.name, f"{user} may use it")
    remedy = f"usermod -aG {group} {user}, then restart the service or log in again"
    name = sensor.port if device_kind(sensor.port) is None else str(path)
    if status.st_mode & _GROUP != _GROUP or group == "root":
        remedy = f"chmod 660 {name}, or a udev rule that gives it to a group, which {user} joins"
    what = f"{user} may not use {name} (group {group}, mode {stat.S_IMODE(status.st_mode):04o})"
    return fault(Check.PORT_PERMISSION, sensor.name, what, remedy, AccessError.exit_code)


def examine_unit_grants(host: Host, sensor: SensorSettings, kind: DeviceKind) -> Findings:
    """Say what the service's unit, where there is one, denies that a device of the kernel's needs."""
    if (settings(host, "DevicePolicy") or [""])[-1] != "closed":
        return
    grants = {grant: grant.split("=") for grant in kind.drop_in}
    # Of a key that is no list the last value counts; in lists all do.
    counting = {key: settings(host, key)[-1:] for key, _ in grants.values()}
    counting["DeviceAllow"] = settings(host, "DeviceAllow")
    if missing := [grant for grant, (key, value) in grants.items() if value not in counting[key]]:
        remedy = f"systemctl edit edge-runtime: [Service] {' '.join(missing)}; then restart it"
        what = f"the service's unit does not grant {sensor.port}: it lacks {', '.join(missing)}"
        yield fault(Check.PORT_PERMISSION, sensor.name, what, remedy, AccessError.exit_code)


def _group_name(host: Host, number: int) -> str:
    return next((row[0] for row in _rows(host, "/etc/group") if row[2] == str(number)), str(number))


def _rows(host: Host, file: str) -> list[list[str]]:
    rows = [line.split(":") for line in host.text(file).splitlines()]
    return [row for row in rows if len(row) > 3]  # group(5) has four fields, passwd(5) seven
