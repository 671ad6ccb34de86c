"""cloud-init's three files for Raspberry Pi OS: user-data, network-config, meta-data.

Values are written as JSON strings, which are YAML as well, so that no name can break out of its place.
"""

import datetime as dt
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.provisioning.sheet import Device
from edge_runtime.core import ConfigError

_SCHEMA_S: Final = 60
"""cloud-init takes a second, and ten on a laptop that just woke up."""
_QUOTED: Final = 400
"""Characters of what it says: its first errors, each with its line."""
INSTALL: Final = "/boot/firmware/steadyhum/install.sh"


def files(device: Device, ssh_keys: tuple[str, ...], now: dt.datetime) -> dict[str, str]:
    """The three files by name."""
    return {
        "user-data": user_data(device, ssh_keys),
        "network-config": network_config(device),
        "meta-data": meta_data(device, now),
    }


def meta_data(device: Device, now: dt.datetime) -> str:
    """Which instance this is: cloud-init runs once for each, so a card written again must be another one."""
    instance = f"steadyhum-{device.name}-{now:%Y%m%dT%H%M%S}"
    return f"dsmode: local\ninstance-id: {json.dumps(instance)}\n"


def user_data(device: Device, ssh_keys: tuple[str, ...]) -> str:
    """Host name, clock, who may log in, and one command to run."""
    lines = [
        "#cloud-config",
        f"hostname: {json.dumps(device.name)}",
        "manage_etc_hosts: true",
        "ssh_pwauth: false",
        "ntp:",
        "  enabled: true",
    ]
    if ssh_keys:
        lines += [
            "users:",
            "  - name: technician",
            "    groups: [adm, dialout, sudo]",
            "    shell: /bin/bash",
        ]
        lines += ["    lock_passwd: true", '    sudo: "ALL=(ALL) NOPASSWD:ALL"', "    ssh_authorized_keys:"]
        lines += [f"      - {json.dumps(key)}" for key in ssh_keys]
    lines += ["runcmd:", f"  - [sh, {INSTALL}]"]
    return "\n".join(lines) + "\n"


def network_config(device: Device) -> str:
    """The wired network: DHCP, or the address of the sheet."""
    lines = ["version: 2", "ethernets:", "  eth0:", "    optional: true"]
    if not device.address:
        return "\n".join([*lines, "    dhcp4: true"]) + "\n"
    lines += ["    dhcp4: false", f"    addresses: [{json.dumps(device.address)}]"]
    if device.gateway:
        lines += ["    routes:", "      - to: default", f"        via: {json.dumps(device.gateway)}"]
    if device.dns:
        lines += ["    nameservers:", f"      addresses: {json.dumps(list(device.dns))}"]
    return "\n".join(lines) + "\n"


def check_schema(text: str, command: tuple[str, ...] = ("cloud-init",)) -> bool:
    """Ask cloud-init's own schema; False where cloud-init is not installed.

    Raises ConfigError when it refuses the text.
    """
    if shutil.which(command[0]) is None:
        return False
    with tempfile.NamedTemporaryFile("w", suffix="-user-data") as file:
        file.write(text)
        file.flush()
        asked = [*command, "schema", "-c", str(Path(file.name))]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_SCHEMA_S)
    if done.returncode:
        what = f"cloud-init refuses the user-data: {(done.stdout + done.stderr).strip()[:_QUOTED]}"
        raise ConfigError(what, where="user-data", remedy="Correct the value it names in the fleet sheet")
    return True
