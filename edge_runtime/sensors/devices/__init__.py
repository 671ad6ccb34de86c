"""Sensors that the kernel reads: no port with bytes of their own, but a device that gives samples.

Each is put into steadyhum frames as it is read. A kind is a row of `DEVICES`, and is loaded where a site has
one.
"""

from edge_runtime.sensors.devices.registry import DEVICES, DeviceKind, devices_root
from edge_runtime.sensors.devices.wish import Wish

__all__ = ["DEVICES", "DeviceKind", "Wish", "devices_root"]
