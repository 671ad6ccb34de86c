"""A card's first start by cloud-init itself, in all its stages, set up as Raspberry Pi OS 13 sets it up."""

import shutil
import subprocess

import pytest

from tests.deploy.desk import NOW, Desk
from tests.deploy.heavy import heavy, newest_deb
from tests.deploy.machine import Machine, root_with

pytestmark = heavy("test-deb", "debootstrap", "dpkg-deb", "unshare")
SEED = "datasource_list: [NoCloud, None]\ndatasource: {NoCloud: {seedfrom: 'file:///boot/firmware'}}\n"
STAGES = ("init --local", "init", "modules --mode=config", "modules --mode=final")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm4 technician"


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.package = newest_deb("amd64", "deb13")
    (tmp_path / "key.pub").write_text(KEY)
    return desk


@pytest.fixture
def board(tmp_path):
    machine = Machine(tmp_path / "root")
    subprocess.run(["cp", "-a", root_with("trixie", "cloud-init"), machine.root], check=True)
    (machine.root / "etc/cloud/cloud.cfg.d/99_board.cfg").write_text(SEED)
    (machine.root / "boot/firmware").mkdir(parents=True)
    yield machine
    shutil.rmtree(machine.root, ignore_errors=True)


def written(desk, board):
    """Write the card of fan-1 anew, as onto a boot partition, and return its own folder."""
    shutil.rmtree(desk.out, ignore_errors=True)
    done = desk.run("--arch", "amd64", "--device", "fan-1", "--ssh-key", desk.folder / "key.pub")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(board.root / "boot/firmware")
    shutil.copytree(desk.out / "fan-1", board.root / "boot/firmware")
    return board.root / "boot/firmware/steadyhum"


def start(board):
    """Start up once: a fresh /run, no network, and names of its own, so that the host keeps its."""
    stages = "; ".join(f"cloud-init {stage}" for stage in STAGES)
    mounts = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run"'
    spaces = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child"]
    words = [*spaces, "sh", "-ec", f'{mounts} && exec chroot "$0" sh -c "$1"', board.root, stages]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def test_a_board_sets_itself_up_once_for_each_card_written(desk, board):
    card = written(desk, board)
    said = start(board)
    assert "installed; see  edge-runtime doctor" in said
    assert (board.root / "etc/hostname").read_text().strip() == "fan-1"
    assert KEY in (board.root / "home/technician/.ssh/authorized_keys").read_text()
    assert (list(card.rglob("*.key")), (card / "installed").exists()) == ([], True)
    first = (board.root / "etc/edge-runtime/device.key").read_bytes()
    assert first == (desk.authority.path / "fan-1.key").read_bytes()

    log = (card / "install.log").read_text()
    start(board)
    assert (card / "install.log").read_text() == log, "the second start installed again"

    desk.authority.device("fan-1", NOW)  # another key, as after a renewal
    card = written(desk, board)
    assert "installed; see  edge-runtime doctor" in start(board)
    assert list(card.rglob("*.key")) == []
    assert (board.root / "etc/edge-runtime/device.key").read_bytes() != first
