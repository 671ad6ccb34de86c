"""What is at which register: the map in docs/modbus.md is made from this file (`python -m docs.modbus`).

Numbers of more than one register have the high word first, floats are of IEEE 754 with 32 bits, as the Modbus
Application Protocol V1.1b3 has them in its section 4.2; a float without a value is NaN.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Final, Literal, NamedTuple

VERSION: Final = 1
"""Of the map; raised when a register changes its meaning. Those that are 0 now may get one."""
FIRST_SENSOR: Final = 100
"""Register of the first sensor; the others follow in the order of the configuration."""
PER_SENSOR: Final = 30
MOST_SENSORS: Final = (65536 - FIRST_SENSOR) // PER_SENSOR
NAME_BYTES: Final = 20
_LARGEST: Final = 0xFFFF
_LARGEST_FLOAT: Final = 3.4028234e38
"""Of 32 bits; what is beyond it is infinite."""
Kind = Literal["uint16", "float32", "text"]


class Bit(IntFlag):
    """Bits of a status word."""

    ANSWERS = 1
    """The numbers are of now: the service answers, and of a sensor: it watches it."""
    CONNECTED = 2
    """Of the gateway: the broker has accepted the connection. Of a sensor: it has had a score."""
    TROUBLE = 4
    """Something is wrong: with the gateway, or with the sensor or its line."""
    ANOMALY = 8
    """An anomaly is open: the machine. Of the gateway: on one of its sensors."""
    SENSOR_FAULT = 16
    """An alarm about a sensor or its line is open."""
    MODEL_FAULT = 32
    """An alarm about a model is open."""
    OPERATING_STATE = 64
    """An alarm about the operating state of a machine is open."""


_OF_KIND: Final = {
    "anomaly": Bit.ANOMALY,
    "sensor_fault": Bit.SENSOR_FAULT,
    "model_fault": Bit.MODEL_FAULT,
    "operating_state": Bit.OPERATING_STATE,
}


class SensorNow(NamedTuple):
    """A sensor as it is now."""

    health: Mapping[str, Any] | None
    """What the service says of it; None where it says nothing."""
    heartbeat: int
    age_s: float
    """Since its latest score."""
    velocity_mm_s: float | None
    name: str


@dataclass(frozen=True, slots=True)
class Register:
    """A value at a place within a block."""

    at: int
    name: str
    kind: Kind
    meaning: str
    of: Callable[[Any], Any]
    """The value, of what the block is about."""
    registers: int = 1


class GatewayNow(NamedTuple):
    """A gateway as it is now."""

    health: Mapping[str, Any] | None
    heartbeat: int
    sensors: int


def open_bits(alarms: Mapping[str, int]) -> Bit:
    """Bits of the kinds of alarms that are open."""
    found = Bit(0)
    for kind, count in alarms.items():
        found |= _OF_KIND.get(kind, Bit(0)) if count else Bit(0)
    return found


def _gateway_status(now: GatewayNow) -> Bit:
    said = now.health
    if said is None:
        return Bit(0)
    found = Bit.ANSWERS | (Bit.CONNECTED if said["connected"] else Bit(0))
    found |= Bit.TROUBLE if said["status"] != "ok" else Bit(0)
    for sensor in said["sensors"]:
        found |= open_bits(sensor["alarms"])
    return found


def _sensor_status(now: SensorNow) -> Bit:
    said = now.health
    if said is None:
        return Bit(0)
    found = Bit.ANSWERS | open_bits(said["alarms"])
    found |= Bit.CONNECTED if said["score"] is not None else Bit(0)
    return found | (Bit.TROUBLE if said["trouble"] else Bit(0))


def _count(health: Mapping[str, Any] | None) -> int:
    """Open alarms of a sensor, or of all of them."""
    if health is None:
        return 0
    return sum(sum(each["alarms"].values()) for each in health.get("sensors", (health,)))


def _of_health(name: str) -> Callable[[Any], Any]:
    return lambda now: None if now.health is None else now.health[name]


GATEWAY: Final = (
    Register(0, "version", "uint16", f"Of this map: {VERSION}.", lambda _now: VERSION),
    Register(1, "status", "uint16", "Bits, see below.", _gateway_status),
    Register(
        *(
            2,
            "heartbeat",
            "uint16",
            "Rises by one every second while the service answers; after 65535 comes 0.",
        ),
        lambda now: now.heartbeat,
    ),
    Register(3, "sensors", "uint16", "How many there are.", lambda now: now.sensors),
    Register(4, "alarms", "uint16", "How many are open.", lambda now: _count(now.health)),
)
"""The block at 0."""
_BEATS: Final = (
    "Rises by one when windows were scored, once a second at most; after 65535 comes 0. It stands still while"
    " there is no score, whatever the reason."
)
_VELOCITY: Final = (
    "RMS of the velocity from 10 to 1000 Hz in mm/s, of the channel with the most, in the latest minute of"
    " the history."
)
_NAME: Final = (
    f"The first {NAME_BYTES} characters in ASCII, two a register, zeros behind; `?` stands for any other."
)
SENSOR: Final = (
    Register(0, "status", "uint16", "Bits, see below.", _sensor_status),
    Register(1, "heartbeat", "uint16", _BEATS, lambda now: now.heartbeat),
    Register(2, "age", "uint16", "Seconds since the latest score; 65535: none yet.", lambda now: now.age_s),
    Register(3, "alarms", "uint16", "How many are open.", lambda now: _count(now.health)),
    Register(4, "score", "float32", "Of the latest window, in its detector's unit.", _of_health("score"), 2),
    Register(6, "threshold", "float32", "Above it a window is anomalous.", _of_health("threshold"), 2),
    Register(8, "velocity", "float32", _VELOCITY, lambda now: now.velocity_mm_s, 2),
    Register(10, "name", "text", _NAME, lambda now: now.name, NAME_BYTES // 2),
)
"""The block of a sensor."""


def gateway_words(health: Mapping[str, Any] | None, heartbeat: int, sensors: int) -> list[int]:
    """The registers from 0 to FIRST_SENSOR; `health` is None where the service does not answer."""
    return _words(GATEWAY, GatewayNow(health, heartbeat, sensors), FIRST_SENSOR)


def sensor_words(now: SensorNow) -> list[int]:
    """PER_SENSOR registers."""
    return _words(SENSOR, now, PER_SENSOR)


def _words(block: Sequence[Register], now: object, size: int) -> list[int]:
    words = [0] * size
    for register in block:
        value = register.of(now)
        if register.kind == "text":
            data = str(value).encode("ascii", "replace")[:NAME_BYTES].ljust(NAME_BYTES, b"\0")
        elif register.kind == "float32":
            number = math.nan if value is None else float(value)
            if abs(number) > _LARGEST_FLOAT:
                number = math.copysign(math.inf, number)
            data = struct.pack(">f", number)
        else:
            data = struct.pack(">H", _LARGEST if value >= _LARGEST else int(value))
        words[register.at : register.at + register.registers] = struct.unpack(f">{len(data) // 2}H", data)
    return words
