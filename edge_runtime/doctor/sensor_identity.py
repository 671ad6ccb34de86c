"""Who is at the end of the line: the sensor that the site means, another one, or one swapped with it."""

from typing import Final

from edge_runtime.analysis import Identity, introduction
from edge_runtime.core import ConfigError, Hello
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, fault, ok, skipped, warning
from edge_runtime.sensors import SensorSettings
from edge_runtime.sensors.protocols import PROTOCOLS

_SAME_RANGE: Final = 0.01
"""Relative difference of two ranges that are one: 16 g is 156.9 m/s2 or 157."""


def examine_identity(sensor: SensorSettings, identity: Identity, hello: Hello | None) -> Findings:
    """Compare what the sensor says of itself with what the site states; `hello` is None where none came."""
    if hello is None:
        if PROTOCOLS[sensor.protocol].introduces:
            why = "no hello came meanwhile, by which the sensor would say who it is"
            yield skipped(Check.SENSOR_IDENTITY, sensor.name, why)
        return
    said = introduction(hello)
    if wrong := identity.serial_differences(hello):
        what = "; ".join((*wrong, *identity.swapped_with(hello)))
        remedy = f"Connect the sensor that is meant, or set serial = {_toml(hello)} where it was replaced"
        yield fault(Check.SENSOR_IDENTITY, sensor.name, what, remedy, ConfigError.exit_code)
    elif sensor.serial is not None:
        yield ok(Check.SENSOR_IDENTITY, sensor.name, f"{said}: the one that the site states")
    elif hello.serial_number:
        yield ok(Check.SENSOR_IDENTITY, sensor.name, f"{said}; serial = {_toml(hello)} would notice another")
    else:
        yield ok(Check.SENSOR_IDENTITY, sensor.name, f"{said}; it states no serial number")
    stated = sensor.range
    if stated is not None and abs(stated - hello.range) > _SAME_RANGE * max(stated, hello.range):
        what = f"the site says {stated:g} {sensor.unit}, the sensor {hello.range:g}; the smaller counts"
        yield warning(Check.SENSOR_RANGE, sensor.name, what, "Correct or remove `range`, or set the sensor's")


def _toml(hello: Hello) -> str:
    text = hello.serial_number
    return repr(text) if "'" not in text and text.isprintable() else "<its serial number>"
