"""Names that Home Assistant takes: of topics, of what it remembers, of entities. Pure."""

import hashlib
import re
from typing import Final

GATEWAY: Final = "info"
"""What stands for the gateway where its sensors have their names; no sensor may be called so."""
_BETWEEN: Final = "--"
"""Between site, device and sensor: within a name it would make two devices one."""
_OTHERS: Final = re.compile(r"[^a-zA-Z0-9_-]+")
"""What the discovery topic may not have in its levels."""
_DIGEST_CHARS: Final = 8
"""32 bits: a plant would need 9,000 names of foreign letters before two of them meet with a chance of 1 %."""


def node_of(site: str, device: str) -> str:
    """The level of the discovery topic that is this device's alone, such as `plant-1--gateway-7`."""
    return _BETWEEN.join((_plain(site), _plain(device)))


def config_topic(prefix: str, node: str, name: str) -> str:
    """Topic of the discovery message of a sensor, or of `GATEWAY`; `prefix` is Home Assistant's."""
    return f"{prefix}/device/{node}/{_plain(name)}/config"


def unique_id(node: str, name: str, *entity: str) -> str:
    """What Home Assistant remembers a device or one of its entities by, whatever people call it."""
    return _BETWEEN.join(("steadyhum", node, _plain(name), *entity))


def entity_id(platform: str, node: str, name: str, entity: str) -> str:
    """The entity's id unless somebody gives it another, such as `sensor.plant_1_gateway_7_pump_score`."""
    text = "_".join((node, _plain(name), entity)).lower()
    return f"{platform}.{re.sub('[^a-z0-9]+', '_', text).strip('_')}"


def _plain(name: str) -> str:
    """The name where a topic of Home Assistant may have it; else what can be kept of it, and a digest."""
    kept = _OTHERS.sub("_", name)
    if kept == name and _BETWEEN not in name and name.strip("-") == name:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"{kept.replace(_BETWEEN, '-').strip('-')}_{digest}"
