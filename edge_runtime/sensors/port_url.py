"""Which ports there are: a path, `socket://host:port`, `rfc2217://host:port`, or a device of `DEVICES`.

pyserial knows more kinds (`loop://`, `spy://`, `alt://`, `hwgrep://`, `cp2110://`): they are for its own
tests, write files, load classes by name or read in threads without a bound, and are refused.
"""

from pathlib import Path
from urllib.parse import urlsplit

from edge_runtime.core import ConfigError
from edge_runtime.sensors.devices import DEVICES, DeviceKind


def check_port(url: str) -> None:
    """Raise ValueError for what can never be a port; one that is only missing now is waited for."""
    if (device := device_kind(url)) is not None:
        if not url.partition(":")[2].strip() or not url.isprintable():
            raise ValueError(f"port is {url!r}, must name a device, such as {device.example!r}")
        return
    scheme, remote, rest = url.partition("://")
    if not remote and url:
        return
    try:
        parts = urlsplit(url)
        known = scheme in ("socket", "rfc2217") and parts.hostname and parts.port
    except ValueError:  # brackets that do not hold an address, a number above 65535
        known = None
    if not known or not rest.rpartition(":")[2].strip("/").isdigit():
        examples = ", ".join(kind.example for kind in DEVICES.values())
        raise ValueError(
            f"port is {url!r}, must be a path, socket://host:port or rfc2217://host:port, or a device such "
            f"as {examples}"
        )


def device_kind(url: str) -> DeviceKind | None:
    """The kind of device that a port is; None for one that gives bytes."""
    return DEVICES.get(url.partition(":")[0]) if ":" in url else None


def check_device(url: str) -> None:
    """Raise ConfigError where something is at the path that is no device, and that waiting does not make
    one."""
    path = Path(url)
    if "://" not in url and path.exists() and not path.is_char_device():
        what = "is a folder and no port" if path.is_dir() else "is a file and no port"
        raise ConfigError(what, where=url, remedy="Give the sensor's path in /dev/serial/by-id")
