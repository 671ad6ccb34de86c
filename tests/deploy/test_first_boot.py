"""What happens at a device's first start: cloud-init's files by its own checks, and the installer."""

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.provisioning.__main__ import warnings
from deploy.provisioning.cloudinit import network_config, user_data
from deploy.provisioning.planning import Stock, find_packages, make_plans
from deploy.provisioning.sheet import read_sheet
from tests.deploy.fleet_folder import NOW, FleetFolder
from tests.deploy.heavy import BUILD


@pytest.fixture
def devices(fleet: FleetFolder) -> Any:
    return read_sheet(fleet.sheet)


def cloud_init() -> Any:
    """The interpreter and path of cloud-init: installed, or unpacked by `make build/roots/cloud-init`."""
    unpacked = BUILD / "roots/cloud-init/usr/lib/python3/dist-packages"
    if (unpacked / "cloudinit").exists():
        return ["/usr/bin/python3"], {**os.environ, "PYTHONPATH": str(unpacked)}
    if shutil.which("cloud-init"):
        return ["/usr/bin/python3"], dict(os.environ)
    pytest.skip("cloud-init is not here: make build/roots/cloud-init")


def test_user_data_in_cloud_inits_own_schema(devices: Any, tmp_path: Path) -> None:
    python, environment = cloud_init()
    key = "ssh-ed25519 AAAA technician"
    command = [*python, "-m", "cloudinit.cmd.main", "schema", "-c", tmp_path / "user-data"]
    for device in devices:
        (tmp_path / "user-data").write_text(user_data(device, (key,) if device.address else ()))
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Valid cloud-config" in done.stdout
    (tmp_path / "user-data").write_text(user_data(devices[0], ()).replace("runcmd:", "runcmd: 5\nx:"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1


def test_network_config_through_cloud_inits_own_parser(devices: Any, tmp_path: Path) -> None:
    python, environment = cloud_init()
    for device in devices[:2]:
        (tmp_path / "network-config").write_text(network_config(device))
        command = [
            *python,
            "-m",
            "cloudinit.cmd.main",
            "devel",
            "net-convert",
            "-p",
            tmp_path / "network-config",
        ]
        command += ["-k", "yaml", "-d", tmp_path / device.name, "-D", "debian", "-O", "netplan"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        written = next((tmp_path / device.name).rglob("*.yaml")).read_text()
        assert ("192.0.2.7/24" in written) == (device.name == "pump-7")
        assert ("dhcp4: true" in written) == (device.name == "fan-1")


def test_the_installer_refuses_a_damaged_card(fleet: FleetFolder, tmp_path: Path) -> None:
    """Before it touches the system; the rest of it runs in a clean Debian by `make test-deb`."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as the installer does")
    assert fleet.run().returncode == 0
    home = fleet.out / "press-2/steadyhum"
    (home / "config.toml").write_text("damaged")
    done = subprocess.run(["sh", home / "install.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 65
    assert "Write the card again" in done.stderr
    assert (home / "device.key").exists()


def test_the_installer_in_a_read_only_folder(fleet: FleetFolder) -> None:
    """It could not take the key away: nothing is installed."""
    assert fleet.run().returncode == 0
    home = fleet.out / "press-2/steadyhum"
    words = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec sh "$0/install.sh"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", words, home], capture_output=True, text=True, check=False
    )
    if done.returncode == 1:
        pytest.skip("needs root, to mount a folder read-only")
    assert (done.returncode, len(done.stderr.splitlines())) == (77, 1)
    assert f"{home} is read-only. Copy the folder to the board" in done.stderr


def test_a_card_written_again_is_another_instance_and_keeps_nothing_old(
    fleet: FleetFolder, tmp_path: Path
) -> None:
    """cloud-init runs once an instance; a mark that all is installed would end the installer at once."""
    stock = Stock(fleet.models, fleet.authority, find_packages(fleet.package, "arm64"))
    fleet.authority.device("fan-1", NOW)
    instances = set()
    for later in range(2):
        now = NOW + dt.timedelta(seconds=later)
        plan = make_plans(read_sheet(fleet.sheet), stock, now)[1]
        pair = fleet.authority.valid_device("fan-1", now)
        assert pair is not None
        plan.write(tmp_path / "bootfs", pair, tmp_path / "fan-1.html", "")
        home = tmp_path / "bootfs/steadyhum"
        names = {file.name for file in home.iterdir()}
        assert not names & {"installed", "steadyhum-edge_0.0.1_arm64.deb"}
        assert "device.key" in names
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=home, check=True)
        (home / "installed").write_text("")
        (home / "steadyhum-edge_0.0.1_arm64.deb").write_text("")
        instances.add((tmp_path / "bootfs/meta-data").read_text())
    assert len(instances) == 2


def test_an_image_that_does_not_install_by_itself_is_told_of(tmp_path: Path) -> None:
    """Raspberry Pi OS 12 has no cloud-init; images from 13 on bring its files."""
    assert "sudo sh /boot/firmware/steadyhum/install.sh" in "".join(warnings(tmp_path, None))
    (tmp_path / "meta-data").write_text("")
    assert "install.sh" not in "".join(warnings(tmp_path, None))
