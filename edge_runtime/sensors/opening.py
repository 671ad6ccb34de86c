"""From a sensor's settings to the port that is read: `port_of`."""

from pathlib import Path

from edge_runtime.sensors.devices import Wish
from edge_runtime.sensors.port import Port
from edge_runtime.sensors.port_url import device_kind
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.protocols import PROTOCOLS
from edge_runtime.sensors.settings import DEFAULT_BAUD, SensorSettings


def port_of(sensor: SensorSettings, path: Path | None = None, root: Path | None = None) -> Port:
    """The port of a sensor, closed. Devices of the kernel give steadyhum frames, others what comes.

    `path` is where its device file is, if elsewhere than the port says; `root` is the prefix of /sys, /proc
    and /dev.
    """
    kind = device_kind(sensor.port)
    if kind is None:
        return Source(str(path or sensor.port), sensor.baud, PROTOCOLS[sensor.protocol].talk)
    wanted = sensor.hello_channels or sensor.channels
    name = sensor.port.partition(":")[2].strip()
    baud = None if sensor.baud == DEFAULT_BAUD else sensor.baud
    wish = Wish(sensor.port, name, sensor.rate_hz, wanted, sensor.unit, sensor.scale, baud)
    return kind.open_port(wish, root)
