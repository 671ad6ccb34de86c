"""The numbers of a gateway as registers of Modbus. Pure; the service loads nothing of it."""

from edge_runtime.messages.modbus.registers import (
    FIRST_SENSOR,
    GATEWAY,
    MOST_SENSORS,
    PER_SENSOR,
    SENSOR,
    Bit,
    Register,
    SensorNow,
    gateway_words,
    sensor_words,
)

__all__ = [
    "FIRST_SENSOR",
    "GATEWAY",
    "MOST_SENSORS",
    "PER_SENSOR",
    "SENSOR",
    "Bit",
    "Register",
    "SensorNow",
    "gateway_words",
    "sensor_words",
]
