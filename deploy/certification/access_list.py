"""The broker's access list: what deploy/mosquitto/steadyhum.acl has for one device, for each of them.

Mosquitto's patterns know the name in a certificate and not the site, so that the list names both.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge_runtime.core import TOPIC_LEVEL_RULE, ConfigError, is_topic_level

SHIPPED: Final = Path(__file__).resolve().parents[1] / "mosquitto" / "steadyhum.acl"
VIEWER: Final = "steadyhum-viewer"
_DEVICE_BLOCK: Final = "# A device:"
_TOPIC: Final = re.compile(r"^(topic \w+ )steadyhum(?=[/-])", re.MULTILINE)
_WHERE: Final = "the command line"


def is_viewer(name: str) -> bool:
    """Whether a certificate of this name may read everything: `steadyhum-viewer`, or one of several."""
    return name == VIEWER or name.startswith(f"{VIEWER}-")


def access_list(devices: Iterable[tuple[str, str]], viewers: Iterable[str] = (), prefix: str = "") -> str:
    """The list for these devices, each (site, device), and viewers beside `steadyhum-viewer`.

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
    reading = head[head.index(f"user {VIEWER}\n") :].partition("\n\n")[0]
    parts = [head.rstrip("\n")]
    parts += [reading.replace(VIEWER, name) for name in sorted(set(viewers) - {VIEWER})]
    rules = block[block.index("user DEVICE") :].strip("\n")
    parts += [_filled(rules, {"SITE": site, "DEVICE": device}) for device, site in sorted(sites.items())]
    text = "\n\n".join(parts) + "\n"
    return _TOPIC.sub(lambda found: found[1] + prefix, text) if prefix else text


def site_and_device(text: str) -> tuple[str, str]:
    """Take SITE/DEVICE apart. Raises ConfigError for anything else."""
    site, slash, device = text.partition("/")
    if not slash:
        raise ConfigError(f"{text!r} is no SITE/DEVICE", where=_WHERE, remedy="Write it as plant-1/pump-7")
    return site, device


def _filled(rules: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda word: words[word[0]], rules)


def _check(site: str, device: str) -> None:
    for level in (site, device):
        if not is_topic_level(level) or level != level.strip():
            what = f"{level!r} cannot be part of a topic"
            raise ConfigError(what, where=_WHERE, remedy=f"Use {TOPIC_LEVEL_RULE}, no blank at either end")
    if is_viewer(device):
        what = f"{device!r} is no device's name: it may read everything"
        raise ConfigError(what, where=_WHERE, remedy="Give the device another name")
