"""Where devices' files go: folders, cards and their refusals, the printed page."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.provisioning.card import card_html, topics_url
from deploy.provisioning.sheet import read_sheet
from deploy.provisioning.target import Mount, check_card, check_folder, disk_of, read_mounts
from edge_runtime.core.errors import AccessError, ConfigError, UnavailableError
from tests.deploy.fleet_folder import FleetFolder

CARD = Mount("/dev/sdb1", "", "vfat")
LAPTOP = [Mount("/dev/nvme0n1p2", "/", "ext4"), Mount("/dev/nvme0n1p1", "/boot/efi", "vfat")]


def whole(source: Any) -> Any:
    return re.sub(r"p?\d+$", "", source)


@pytest.fixture
def card(tmp_path: Path) -> Any:
    folder = tmp_path / "bootfs"
    folder.mkdir()
    for name in ("config.txt", "cmdline.txt"):
        (folder / name).write_text("")
    return folder


def on(card: Any, source: str = "/dev/sdb1", kind: str = "vfat") -> list[Any]:
    return [*LAPTOP, Mount(source, str(card), kind)]


def test_a_card_that_will_do(card: Any) -> None:
    check_card(card, 1000, on(card), whole)


def test_no_card(card: Any) -> None:
    with pytest.raises(ConfigError, match="no card is mounted here"):
        check_card(card, 1000, LAPTOP, whole)
    with pytest.raises(ConfigError, match="no card is mounted here"):
        check_card(card / "none", 1000, LAPTOP, whole)


def test_the_laptops_own_disk(card: Any) -> None:
    with pytest.raises(ConfigError, match="a disk of this computer"):
        check_card(card, 1000, on(card, "/dev/nvme0n1p4"), whole)


def test_this_computers_own_disk(fleet: FleetFolder) -> None:
    """For real: the root of the file system that this test runs on."""
    mounts = read_mounts(Path("/proc/mounts").read_text())
    with pytest.raises(ConfigError, match="a disk of this computer"):
        check_card(Path("/"), 1000, mounts)
    said = fleet.refused("--device", "fan-1", "--card", "/", code=78)
    assert "a disk of this computer" in said
    assert "no card is mounted" in fleet.refused("--device", "fan-1", "--card", fleet.folder, code=78)
    assert "--device" in fleet.refused("--card", "/", code=78)


def test_partitions_belong_to_disks(tmp_path: Path) -> None:
    """As the kernel lays /sys/class/block out."""
    disk = tmp_path / "devices/sdb"
    (disk / "sdb1").mkdir(parents=True)
    (disk / "sdb1" / "partition").write_text("1")
    block = tmp_path / "block"
    block.mkdir()
    (block / "sdb1").symlink_to(disk / "sdb1")
    (block / "sdb").symlink_to(disk)
    assert disk_of("/dev/sdb1", block) == disk_of("/dev/sdb", block) == "sdb"
    assert disk_of("tmpfs", block) == "tmpfs"


def test_a_wrong_partition(card: Any) -> None:
    with pytest.raises(ConfigError, match="called bootfs"):
        check_card(card, 1000, on(card, kind="ext4"), whole)
    (card / "config.txt").unlink()
    with pytest.raises(ConfigError, match="called bootfs"):
        check_card(card, 1000, on(card), whole)


def test_whatever_a_folder_is_called(mounted: Any, fleet: FleetFolder) -> None:
    """As the kernel lists it, in whatever bytes: found as a mount, refused only for not being a card."""
    for name in (
        b"a b",
        b"card#1",
        b"back\\slash",
        "Karte f\u00fcr M\u00fcller".encode(),
        b"\xff\xfe",
        b"tab\tb",
    ):
        folder = Path(os.fsdecode(os.fsencode(fleet.folder) + b"/" + name))
        folder.mkdir()
        mounted("size=100k", folder)
        assert "called bootfs" in fleet.refused("--device", "fan-1", "--card", folder, code=78), name


@pytest.fixture
def mounted(card: Any) -> Iterator[Any]:
    """A small file system of its own, in the kernel."""

    places = []

    def mount(options: Any, place: Any = card) -> Any:
        command = ["mount", "-t", "tmpfs", "-o", options, "card", place]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs root, to mount a small file system")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", place], capture_output=True, check=False)


def test_a_full_card(fleet: FleetFolder, mounted: Any) -> None:
    folder = mounted("size=100k")
    with pytest.raises(UnavailableError, match="MiB are needed, 0 MiB are free"):
        check_folder(folder / "out", 2**20, ["fan-1"])
    fleet.package.write_bytes(fleet.package.read_bytes() + bytes(200_000))
    before = fleet.state()
    done = fleet.run("-o", folder / "out")
    assert (done.returncode, fleet.state()) == (69, before)


def test_a_read_only_card(mounted: Any) -> None:
    folder = mounted("size=100k,ro")
    with pytest.raises(AccessError, match="is read-only"):
        check_folder(folder / "out", 10, ["fan-1"])


def test_a_real_card_is_written_and_what_it_lacks_is_refused(fleet: FleetFolder) -> None:
    """A FAT file system in the kernel, as the card's boot partition is."""
    image, folder = fleet.folder / "card.img", fleet.folder / "bootfs"
    folder.mkdir()
    image.write_bytes(bytes(40 * 2**20))
    mkfs = shutil.which("mkfs.vfat", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if mkfs is None:
        pytest.skip("not installed: apt install dosfstools")
    subprocess.run([mkfs, image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, check=False).returncode:
        pytest.skip("needs root and a kernel with FAT, to mount a card")
    try:
        words = ("--device", "fan-1", "--card", folder)
        done = fleet.run(*words)
        assert (done.returncode, "called bootfs" in done.stderr) == (78, True)
        for name in ("config.txt", "cmdline.txt"):
            (folder / name).write_text("")
        done = fleet.run(*words)
        assert done.returncode == 0, done.stderr
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder / "steadyhum", check=True)
        assert (folder / "user-data").read_text().startswith("#cloud-config\n")
        assert not (fleet.out / "fan-1").exists()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert "read-only" in fleet.run(*words).stderr
    finally:
        subprocess.run(["umount", folder], check=False)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Any]:
    """A folder that nobody may write to, not even root."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    lock = subprocess.run(["chattr", "+i", folder], capture_output=True, check=False)
    if os.geteuid() == 0 and lock.returncode:
        pytest.skip("root may write everywhere here")
    yield folder
    subprocess.run(["chattr", "-i", folder], capture_output=True, check=False)


def test_a_folder_of_somebody_else(locked: Any) -> None:
    with pytest.raises(AccessError, match=r"may not be written by you\. Choose another folder"):
        check_folder(locked, 10, ["fan-1"])


@pytest.fixture
def devices(fleet: FleetFolder) -> Any:
    return read_sheet(fleet.sheet)


def test_the_printed_code_is_read_back(devices: Any, tmp_path: Path) -> None:
    """The QR code of the card as a scanner sees it."""
    zxingcpp = pytest.importorskip("zxingcpp")
    segno = pytest.importorskip("segno")
    for device in devices:
        assert "<svg" in card_html(device, "2028-01-01")
        matrix = np.array(
            [list(row) for row in segno.make(topics_url(device), error="m", micro=False).matrix]
        )
        picture = np.kron(np.pad(1 - matrix, 4, constant_values=1), np.ones((6, 6))).astype(np.uint8) * 255
        assert zxingcpp.read_barcode(picture).text == topics_url(device)
