"""The fleet sheet, CSV with one device per row; `read_sheet` returns `Device`s or reports every error."""

import csv
import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.provisioning.cells import BAUD, CHECKS, MQTT_TLS_PORT, Platform
from edge_runtime.core import ConfigError
from edge_runtime.sensors import LEARN
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL

REQUIRED: Final = ("device", "site", "sensor", "port", "model", "broker")
OPTIONAL: Final = (
    *("serial", "baud", "protocol", "platform", "address", "gateway", "dns"),
    *("rate_hz", "channels", "unit", "machine_group", "base_model"),
)
TO_LEARN: Final = ("rate_hz", "channels", "unit")
"""What a model would say of its sensor; a sensor that learns has none yet."""
_TOLD: Final = (*TO_LEARN, "machine_group", "base_model")
"""Columns with a cell for each sensor, which may be empty as a whole."""


@dataclass(frozen=True, slots=True)
class SheetSensor:
    """One sensor of a device."""

    name: str
    port: str
    model: str
    """Name of a file in the models' folder, with or without `.onnx`; or `learn`."""
    baud: int
    protocol: str
    serial: str
    """Serial number that the sensor must state; empty where the sheet does not say it."""
    rate_hz: float = 0.0
    """Of a sensor that learns, as are the next three; else its model says it."""
    channels: tuple[str, ...] = ()
    unit: str = ""
    machine_group: str = ""
    """Of the machine by ISO 20816-3; empty where it is not known."""
    base_model: str = ""
    """Of a sensor that learns: the model of a machine of the same kind, as `model`; empty without one."""

    @property
    def file(self) -> str:
        """The model that has to be on the card, its own or the one to adapt; empty without either."""
        return self.base_model if self.learns else self.model

    @property
    def learns(self) -> bool:
        """Whether it is to learn a model of its own."""
        return self.model == LEARN


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
    for column, check in CHECKS.items():
        if wrong := check(row.get(column, "").strip()):
            yield f", {column}: {wrong}"
    yield from _network_problems(*(row.get(name, "").strip() for name in ("address", "gateway", "dns")))
    told = [name for name in ("serial", *_TOLD) if row.get(name, "").strip()]
    columns = ("sensor", "port", "model", *told)
    counts = {column: len(_cells(row, column)) for column in columns}
    if len(set(counts.values())) > 1:
        numbers = ", ".join(f"{count} in {column}" for column, count in counts.items())
        yield f": {numbers}; every sensor needs one of each, with ; between"
    for column in ("sensor", "port", *(name for name in told if name == "serial")):
        repeated = [value for value, count in Counter(_cells(row, column)).items() if value and count > 1]
        yield from (f", {column}: {value!r} appears more than once" for value in repeated)
    if len(set(counts.values())) == 1:
        yield from _learning_problems(row)


def _learning_problems(row: dict[str, str]) -> Iterator[str]:
    """What of the columns for sensors that learn is missing, or is the model's to say."""
    models = _cells(row, "model")
    for column in TO_LEARN:
        cells = _told(row, column, len(models))
        for model, cell in zip(models, cells, strict=True):
            if model == LEARN and not cell:
                yield f", {column}: missing for the sensor that learns"
            elif model != LEARN and cell:
                yield f", {column}: {cell!r}, which the model {model!r} says itself; leave it empty"
    for model, cell in zip(models, _told(row, "base_model", len(models)), strict=True):
        if model != LEARN and cell:
            yield f", base_model: {cell!r}, and the sensor has the model {model!r}; leave it empty"


def _network_problems(address: str, gateway: str, dns: str) -> Iterator[str]:
    if (gateway or dns) and not address:
        yield ", address: missing; without one the network gives gateway and dns as well (DHCP)"
    elif address and gateway and not (CHECKS["address"](address) or CHECKS["gateway"](gateway)):
        network = ipaddress.ip_interface(address).network
        if ipaddress.ip_address(gateway) not in network:
            yield f", gateway: {gateway} cannot be reached from {network}"


def _told(row: dict[str, str], column: str, count: int) -> list[str]:
    """The cells of a column that may be empty as a whole."""
    return _cells(row, column) if row.get(column, "").strip() else [""] * count


def _cells(row: dict[str, str], column: str) -> list[str]:
    return [part.strip() for part in row[column].split(";")]


def _sensors(row: dict[str, str]) -> tuple[SheetSensor, ...]:
    baud, protocol = (row.get(name, "").strip() for name in ("baud", "protocol"))
    names, ports, files = (_cells(row, column) for column in ("sensor", "port", "model"))
    told = [_told(row, name, len(names)) for name in ("serial", *_TOLD)]
    return tuple(
        SheetSensor(
            name,
            port,
            file,
            int(baud or BAUD),
            protocol or DEFAULT_PROTOCOL,
            serial,
            float(rate or 0),
            tuple(channels.split()),
            unit,
            group,
            base,
        )
        for name, port, file, serial, rate, channels, unit, group, base in zip(
            names, ports, files, *told, strict=True
        )
    )


def _device(row: dict[str, str]) -> Device:
    value = {name: row.get(name, "").strip() for name in (*REQUIRED, *OPTIONAL)}
    host, _, port = value["broker"].partition(":")
    return Device(
        name=value["device"],
        site=value["site"],
        broker=host,
        broker_port=int(port or MQTT_TLS_PORT),
        sensors=_sensors(row),
        platform=Platform(value["platform"] or Platform.PI),
        address=value["address"],
        gateway=value["gateway"],
        dns=tuple(value["dns"].split()),
    )
