"""What a cell of the fleet sheet may hold, by column: `CHECKS`."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from edge_runtime.core import MACHINE_GROUPS, TOPIC_LEVEL_RULE, is_topic_level
from edge_runtime.sensors.protocols import PROTOCOLS

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


def _base_models(value: str) -> str:
    given = ";".join(part for part in value.split(";") if part.strip())
    return _models(given) if given else ""


def _broker(value: str) -> str:
    if not _HOST.fullmatch(value):
        return f"{value!r} is no host or host:port"
    port = value.partition(":")[2] or MQTT_TLS_PORT
    return "" if 0 < int(port) < 2**16 else f"port {port} is not within 1 and {2**16 - 1}"


def _baud(value: str) -> str:
    number = int(value) if value.isascii() and value.isdigit() else 0
    return "" if not value or 0 < number <= FASTEST_BAUD else f"{value!r} is no baud rate"


def _rates(value: str) -> str:
    for part in (part.strip() for part in value.split(";")):
        if part and not (re.fullmatch(r"\d{1,7}(\.\d{1,6})?", part, re.ASCII) and float(part) > 0):
            return f"{part!r} is no sampling rate in Hz"
    return ""


def _groups(value: str) -> str:
    parts = [part.strip() for part in value.split(";")]
    bad = [part for part in parts if part not in MACHINE_GROUPS]
    return f"{bad[0]!r} is none of {', '.join(filter(None, MACHINE_GROUPS))}" if bad else ""


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


def _address(value: str) -> str:
    return f"{value!r} is more than one address" if len(value.split()) > 1 else _addresses(value)


def _addresses(value: str) -> str:
    try:
        for part in value.split():
            ipaddress.ip_address(part)
    except ValueError as error:
        return str(error)
    return ""


CHECKS: Final[dict[str, Callable[[str], str]]] = {
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
    "rate_hz": _rates,
    "machine_group": _groups,
    "base_model": _base_models,
}
"""Each says what is wrong with a cell; empty where nothing is."""
