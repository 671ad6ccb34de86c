"""The fleet sheet, CSV with one device per row; `read_sheet` returns `Device`s or reports every error."""

import csv
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from edge_runtime.core import TOPIC_LEVEL_RULE, ConfigError, is_topic_level
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, PROTOCOLS

REQUIRED: Final = ("device", "site", "sensor", "port", "model", "broker")
OPTIONAL: Final = ("serial", "baud", "protocol", "platform", "address", "gateway", "dns")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RESERVED: Final = {
    "ca": "the plant's authority",
    "steadyhum-viewer": "whoever may read every topic",
    "steadyhum-operator": "whoever may give commands",
}
"""Names that no device may have: the certificate would be that of something else."""
_PORT: Final = re.compile(
    r"/dev/serial/by-(id|path)/[A-Za-z0-9_.:@+-]+|/dev/tty(AMA|S|THS)\d+|/dev/serial[01]|(socket|rfc2217)://[^\s/]+:\d+",
    re.ASCII,
)
_RENUMBERED: Final = re.compile(r"/dev/tty(USB|ACM)\d+")
_HOST: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:\d{1,5})?", re.ASCII)
BAUD: Final = 921600
"""As the firmware sends, and as the configuration has it where nothing is said."""
FASTEST_BAUD: Final = 10**7
"""A judgement: USB bridges end at 3 to 12 million; what is above is a slip."""
MQTT_TLS_PORT: Final = 8883
"""IANA's port of secure-mqtt."""


class Platform(StrEnum):
    """What kind of board it is."""

    PI = "pi"
    """Raspberry Pi OS with cloud-init."""
    JETSON = "jetson"
    """Anything else with Debian or Ubuntu: install.sh is run by hand."""


@dataclass(frozen=True, slots=True)
class SheetSensor:
    """One sensor of a device."""

    name: str
    port: str
    model: str
    """Name of a file in the models' folder, with or without `.onnx`."""
    baud: int
    protocol: str
    serial: str
    """Serial number that the sensor must state; empty where the sheet does not say it."""


@dataclass(frozen=True, slots=True)
class Device:
    """One row."""

    name: str
    """Host name, topic level and name in the certificate."""
    site: str
    broker: str
    broker_port: int
    sensors: tuple[SheetSensor, ...]
    platform: Platform
    address: str
    """Address with prefix length, such as 192.0.2.7/24; empty for DHCP."""
    gateway: str
    dns: tuple[str, ...]


def read_sheet(path: Path) -> tuple[Device, ...]:
    """Read a fleet sheet. Raises ConfigError with every problem, each with its line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restkey="", restval="")
            header, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise ConfigError(what, where=str(path), remedy="Save it as CSV, UTF-8") from error
    problems = list(_header_problems(header, len(rows))) or list(_problems(rows))
    if problems:
        remedy = "Correct the sheet; nothing has been written"
        raise ConfigError("; ".join(problems), where=str(path), remedy=remedy)
    return tuple(_device(row) for row in rows)


def _header_problems(header: list[str], rows: int) -> Iterator[str]:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in (*REQUIRED, *OPTIONAL)]
    if len(header) == 1 and ";" in header[0]:
        yield "its cells are apart by ; and must be by commas: choose comma when saving it as CSV"
        return
    if len(set(header)) < len(header):
        yield "it names a column twice"
    if not rows:
        yield f"it has no rows; the first line must be {','.join(REQUIRED)}"
    elif missing:
        yield f"it lacks the columns {', '.join(missing)}"
    if unknown:
        yield f"it has columns nobody knows: {', '.join(map(repr, unknown))} (known: {', '.join(OPTIONAL)})"


def _problems(rows: list[dict[str, str]]) -> Iterator[str]:
    for line, row in enumerate(rows, 2):
        yield from (f"line {line}{problem}" for problem in _row_problems(row))
    for name, count in Counter(row["device"].strip() for row in rows).items():
        if count > 1:
            yield f"device {name!r} has {count} rows; put its sensors into one, with ; between"
    addresses = Counter(row.get("address", "").strip().partition("/")[0] for row in rows)
    yield from (f"address {one} has {count} rows" for one, count in addresses.items() if one and count > 1)


def _row_problems(row: dict[str, str]) -> Iterator[str]:
    if "" in row:
        yield ": more cells than the first line has"
    for column, check in _CHECKS.items():
        if wrong := check(row.get(column, "").strip()):
            yield f", {column}: {wrong}"
    yield from _network_problems(*(row.get(name, "").strip() for name in ("address", "gateway", "dns")))
    columns = ("sensor", "port", "model", *(("serial",) if row.get("serial", "").strip() else ()))
    counts = {column: len(_cells(row, column)) for column in columns}
    if len(set(counts.values())) > 1:
        numbers = ", ".join(f"{count} in {column}" for column, count in counts.items())
        yield f": {numbers}; every sensor needs one of each, with ; between"
    for column in ("sensor", "port", *columns[3:]):
        repeated = [value for value, count in Counter(_cells(row, column)).items() if value and count > 1]
        yield from (f", {column}: {value!r} appears more than once" for value in repeated)


def _name(value: str) -> str:
    if value.startswith(("steadyhum-viewer-", "steadyhum-operator-")):
        return f"{value!r} is taken: such a name may read every topic"
    if value in RESERVED:
        return f"{value!r} is taken: it is the name of {RESERVED[value]}"
    return "" if _NAME.fullmatch(value) else f"{value!r} is no host name (a-z, 0-9 and -, at most 63)"


def _topic(value: str) -> str:
    return "" if is_topic_level(value) else f"{value!r} cannot be part of a topic ({TOPIC_LEVEL_RULE})"


def _topics(value: str) -> str:
    return next((wrong for part in value.split(";") if (wrong := _topic(part.strip()))), "")


def _ports(value: str) -> str:
    for part in (part.strip() for part in value.split(";")):
        if _RENUMBERED.fullmatch(part):
            return f"{part} is numbered in the order of plugging: give its name in /dev/serial/by-id"
        if not _PORT.fullmatch(part):
            return f"{part!r} is no serial port such as /dev/serial/by-id/usb-... or /dev/ttyAMA0"
    return ""


def _models(value: str) -> str:
    parts = [part.strip() for part in value.split(";")]
    bad = [part for part in parts if not part or "/" in part or part.startswith(".")]
    return f"{bad[0]!r} is no name of a file in the models' folder" if bad else ""


def _broker(value: str) -> str:
    if not _HOST.fullmatch(value):
        return f"{value!r} is no host or host:port"
    port = value.partition(":")[2] or MQTT_TLS_PORT
    return "" if 0 < int(port) < 2**16 else f"port {port} is not within 1 and {2**16 - 1}"


def _baud(value: str) -> str:
    number = int(value) if value.isascii() and value.isdigit() else 0
    return "" if not value or 0 < number <= FASTEST_BAUD else f"{value!r} is no baud rate"


def _choice(names: Iterable[str]) -> Callable[[str], str]:
    known = [str(name) for name in names]
    return lambda value: "" if not value or value in known else f"{value!r} is none of {', '.join(known)}"


def _interface(value: str) -> str:
    try:
        if value and "/" not in value:
            return f"{value!r} lacks its prefix length, such as /24"
        ipaddress.ip_interface(value or "192.0.2.1/24")
    except ValueError as error:
        return str(error)
    return ""


def _network_problems(address: str, gateway: str, dns: str) -> Iterator[str]:
    if (gateway or dns) and not address:
        yield ", address: missing; without one the network gives gateway and dns as well (DHCP)"
    elif address and gateway and not (_interface(address) or _address(gateway)):
        network = ipaddress.ip_interface(address).network
        if ipaddress.ip_address(gateway) not in network:
            yield f", gateway: {gateway} cannot be reached from {network}"


def _address(value: str) -> str:
    return f"{value!r} is more than one address" if len(value.split()) > 1 else _addresses(value)


def _addresses(value: str) -> str:
    try:
        for part in value.split():
            ipaddress.ip_address(part)
    except ValueError as error:
        return str(error)
    return ""


_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "device": _name,
    "site": _topic,
    "sensor": _topics,
    "port": _ports,
    "model": _models,
    "broker": _broker,
    "baud": _baud,
    "protocol": _choice(PROTOCOLS),
    "platform": _choice(Platform),
    "address": _interface,
    "gateway": _address,
    "dns": _addresses,
}


def _cells(row: dict[str, str], column: str) -> list[str]:
    return [part.strip() for part in row[column].split(";")]


def _device(row: dict[str, str]) -> Device:
    value = {name: row.get(name, "").strip() for name in (*REQUIRED, *OPTIONAL)}
    host, _, port = value["broker"].partition(":")
    baud, protocol = int(value["baud"] or BAUD), value["protocol"] or DEFAULT_PROTOCOL
    names, ports, files = (_cells(row, column) for column in ("sensor", "port", "model"))
    serials = _cells(row, "serial") if value["serial"] else [""] * len(names)
    sensors = zip(names, ports, files, serials, strict=True)
    return Device(
        name=value["device"],
        site=value["site"],
        broker=host,
        broker_port=int(port or MQTT_TLS_PORT),
        sensors=tuple(
            SheetSensor(name, port, file, baud, protocol, serial) for name, port, file, serial in sensors
        ),
        platform=Platform(value["platform"] or Platform.PI),
        address=value["address"],
        gateway=value["gateway"],
        dns=tuple(value["dns"].split()),
    )
