"""Cards that install themselves: by hand on every release, and by cloud-init as Raspberry Pi OS 13 does."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.fleet_folder import NOW, FleetFolder
from tests.deploy.heavy import heavy, newest_deb
from tests.deploy.machine import AS_SERVICE, RELEASES, Machine, clean_root, root_with

pytestmark = heavy("test-deb", "debootstrap", "dpkg-deb", "unshare")
SEED = "datasource_list: [NoCloud, None]\ndatasource: {NoCloud: {seedfrom: 'file:///boot/firmware'}}\n"
STAGES = ("init --local", "init", "modules --mode=config", "modules --mode=final")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm4 technician"


def packages(folder: Path, newest: Any) -> Any:
    """Those of every release, and an older one of this release whose name is the last in order."""
    folder.mkdir()
    for deb in newest.parent.glob("*_amd64.deb"):
        (folder / deb.name).symlink_to(deb)
    control = folder / "older" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    said = subprocess.check_output(["dpkg-deb", "-f", newest], text=True)
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 0.0.9", said))
    command: list[Any] = ["dpkg-deb", "-b", folder / "older", folder / "steadyhum-edge_9_amd64.deb"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize("release", RELEASES)
def test_a_provisioned_card_installs_itself(release: Any, tmp_path: Path) -> None:
    """What cloud-init runs on the first boot: package, configuration, model, key; then no key on the card."""
    fleet = FleetFolder(tmp_path)
    fleet.package = packages(tmp_path / "packages", newest_deb("amd64", release))
    assert fleet.run("--arch", "amd64").returncode == 0
    machine = Machine(tmp_path / "root")
    subprocess.run(["cp", "-ax", clean_root(RELEASES[release]), machine.root], check=True)
    boot = machine.root / "boot/firmware/steadyhum"
    shutil.copytree(fleet.out / "fan-1/steadyhum", boot)
    said = machine.run("sh", "/boot/firmware/steadyhum/install.sh")
    assert "the key has been removed from the card" in said
    assert f"installing {newest_deb('amd64', release).name}" in said
    assert list(boot.rglob("*.key")) == []
    assert "PRIVATE KEY" not in (boot / "install.log").read_text()
    key = (machine.root / "etc/edge-runtime/device.key").stat()
    user = machine.run("id", "-u", "edge-runtime").strip()
    assert (oct(key.st_mode & 0o777), str(key.st_uid)) == ("0o600", user)
    folder = machine.root / "etc/edge-runtime"
    assert [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o007] == []
    check = ("edge-runtime", "check", "--config", "/etc/edge-runtime/config.toml")
    assert "bearing: rms" in machine.run(*AS_SERVICE, *check)
    (boot / "device.key").write_text("left by a power cut")
    assert "already installed" in machine.run("sh", "/boot/firmware/steadyhum/install.sh")
    assert list(boot.rglob("*.key")) == []
    assert fleet.run("--arch", "amd64", "-o", tmp_path / "again").returncode == 0
    shutil.copytree(tmp_path / "again/fan-1/steadyhum", boot, dirs_exist_ok=True)
    assert "installing" in machine.run("sh", "/boot/firmware/steadyhum/install.sh")
    assert list(boot.rglob("*.key")) == []
    report = machine.run(
        "edge-runtime", "doctor", "--json", "--listen", "0.1", "--user", "edge-runtime", code=69
    )
    found = {row["check"]: row for row in map(json.loads, report.splitlines()) if row["level"] == "ok"}
    assert {"libraries", "config", "model.opens", "model.signature", "state.folder"} <= set(found)
    assert "secrets.left" not in report
    shutil.rmtree(machine.root)


@pytest.fixture
def fleet(tmp_path: Path) -> Any:
    fleet = FleetFolder(tmp_path)
    fleet.package = newest_deb("amd64", "deb13")
    (tmp_path / "key.pub").write_text(KEY)
    return fleet


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Any]:
    machine = Machine(tmp_path / "root")
    subprocess.run(["cp", "-ax", root_with("trixie", "cloud-init"), machine.root], check=True)
    (machine.root / "etc/cloud/cloud.cfg.d/99_board.cfg").write_text(SEED)
    (machine.root / "boot/firmware").mkdir(parents=True)
    yield machine
    shutil.rmtree(machine.root, ignore_errors=True)


def written(fleet: Any, board: Any) -> Any:
    """Write the card of fan-1 again, as onto a boot partition, and return its own folder."""
    shutil.rmtree(fleet.out, ignore_errors=True)
    done = fleet.run("--arch", "amd64", "--device", "fan-1", "--ssh-key", fleet.folder / "key.pub")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(board.root / "boot/firmware")
    shutil.copytree(fleet.out / "fan-1", board.root / "boot/firmware")
    return board.root / "boot/firmware/steadyhum"


def start(board: Any) -> Any:
    """Start up once: a fresh /run, no network, and names of its own, so that the host keeps its."""
    stages = "; ".join(f"cloud-init {stage}" for stage in STAGES)
    mounts = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run"'
    spaces = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child"]
    words = [*spaces, "sh", "-ec", f'{mounts} && exec chroot "$0" sh -c "$1"', board.root, stages]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def test_a_board_sets_itself_up_once_for_each_card_written(fleet: Any, board: Any) -> None:
    card = written(fleet, board)
    said = start(board)
    assert "installed; see  edge-runtime doctor" in said
    assert (board.root / "etc/hostname").read_text().strip() == "fan-1"
    assert KEY in (board.root / "home/technician/.ssh/authorized_keys").read_text()
    assert (list(card.rglob("*.key")), (card / "installed").exists()) == ([], True)
    first = (board.root / "etc/edge-runtime/device.key").read_bytes()
    assert first == (fleet.authority.path / "fan-1.key").read_bytes()

    log = (card / "install.log").read_text()
    start(board)
    assert (card / "install.log").read_text() == log, "the second start installed again"

    fleet.authority.renew(NOW, names=["fan-1"])  # another key
    card = written(fleet, board)
    assert "installed; see  edge-runtime doctor" in start(board)
    assert list(card.rglob("*.key")) == []
    assert (board.root / "etc/edge-runtime/device.key").read_bytes() != first
