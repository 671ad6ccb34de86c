"""The broker's access list: what deploy/mosquitto/steadyhum.acl has for one device, for each of them.

Mosquitto's patterns know the name in a certificate and not the site, so that the list names both.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge_runtime.core import TOPIC_LEVEL_RULE, ConfigError, is_topic_level
from edge_runtime.messages.homeassistant import node_of

SHIPPED: Final = Path(__file__).resolve().parents[1] / "mosquitto" / "steadyhum.acl"
VIEWER: Final = "steadyhum-viewer"
OPERATOR: Final = "steadyhum-operator"
ROLES: Final = (VIEWER, OPERATOR)
_DEVICE_BLOCK: Final = "# A device:"
_TOPIC: Final = re.compile(r"^(topic \w+ )steadyhum(?=[/-])", re.MULTILINE)
_WHERE: Final = "the command line"


def role_of(name: str) -> str:
    """Whose rights a certificate of this name has: `steadyhum-viewer`'s, `steadyhum-operator`'s, as one of
    several may; empty for a device."""
    return next((role for role in ROLES if name == role or name.startswith(f"{role}-")), "")


def access_list(devices: Iterable[tuple[str, str]], people: Iterable[str] = (), prefix: str = "") -> str:
    """The list for these devices, each (site, device), and people beside the two that it always has.

    Raises ConfigError for a device at two sites: its certificate could not say which is meant.
    """
    sites: dict[str, str] = {}
    for site, device in devices:
        _check(site, device)
        if sites.setdefault(device, site) != site:
            remedy = "Give each device of the plant a name of its own"
            what = f"{device} is at {sites[device]!r} and at {site!r}"
            raise ConfigError(what, where=_WHERE, remedy=remedy)
    head, _, block = SHIPPED.read_text().partition(_DEVICE_BLOCK)
    parts = [head.rstrip("\n")]
    for role in ROLES:
        rights = head[head.index(f"user {role}\n") :].partition("\n\n")[0]
        names = sorted(name for name in set(people) - {role} if role_of(name) == role)
        parts += [rights.replace(role, name) for name in names]
    rules = block[block.index("user DEVICE") :].strip("\n")
    parts += [_filled(rules, _words(site, device)) for device, site in sorted(sites.items())]
    text = "\n\n".join(parts) + "\n"
    return _TOPIC.sub(lambda found: found[1] + prefix, text) if prefix else text


def site_and_device(text: str) -> tuple[str, str]:
    """Take SITE/DEVICE apart. Raises ConfigError for anything else."""
    site, slash, device = text.partition("/")
    if not slash:
        raise ConfigError(f"{text!r} is no SITE/DEVICE", where=_WHERE, remedy="Write it as plant-1/pump-7")
    return site, device


def _words(site: str, device: str) -> dict[str, str]:
    """What stands in a device's lines, the longest first: in Home Assistant's topics both are one level."""
    return {"SITE--DEVICE": node_of(site, device), "SITE": site, "DEVICE": device}


def _filled(rules: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda word: words[word[0]], rules)


def _check(site: str, device: str) -> None:
    for level in (site, device):
        if not is_topic_level(level) or level != level.strip():
            what = f"{level!r} cannot be part of a topic"
            raise ConfigError(what, where=_WHERE, remedy=f"Use {TOPIC_LEVEL_RULE}, no blank at either end")
    if role_of(device):
        what = f"{device!r} is no device's name: it may read everything"
        raise ConfigError(what, where=_WHERE, remedy="Give the device another name")
