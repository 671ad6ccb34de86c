"""`deploy/provision`: three devices to three folders, and every refusal before anything is written."""

import contextlib
import csv
import datetime as dt
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.certification.folder import Folder
from deploy.provisioning.card import card_html, topics_url
from deploy.provisioning.cloudinit import network_config, user_data
from deploy.provisioning.sheet import read_sheet
from deploy.provisioning.target import Mount, check_card, check_folder, disk_of, read_mounts
from edge_runtime.config import read_config
from edge_runtime.errors import AccessError, ConfigError, UnavailableError
from tests.artefacts import write_artefact
from tests.deploy.heavy import BUILD, ROOT

NOW = dt.datetime.now(dt.UTC)
BY_ID = "/dev/serial/by-id/usb-steadyhum"
SHEET = f"""\
device,site,sensor,port,model,broker,platform,address,gateway,dns
pump-7,plant-1,motor;gear,{BY_ID}_1;{BY_ID}_2,pump;fan.onnx,broker.plant,pi,192.0.2.7/24,192.0.2.1,192.0.2.1
fan-1,plant-1,bearing,/dev/ttyAMA0,fan,broker.plant:8884,,,,
press-2,hall 2,ram,{BY_ID}_3,pump,192.0.2.9,jetson,,,
"""


class Desk:
    """The technician's laptop."""

    def __init__(self, folder):
        self.folder = folder
        self.sheet, self.out = folder / "fleet.csv", folder / "cards"
        self.models, self.authority = folder / "models", Folder(folder / "authority")
        self.models.mkdir()
        write_artefact(self.models / "pump.onnx")
        write_artefact(self.models / "fan.onnx", channels=("x", "y"), unit="m/s2")
        self.authority.init("plant 1", NOW)
        self.package = folder / "steadyhum-edge_0.1.0-1_arm64.deb"
        self.package.write_bytes(b"!<arch>\ndebian-binary" + bytes(1000))
        self.sheet.write_text(SHEET)

    def run(self, *words):
        command = [ROOT / "deploy" / "provision", self.sheet, "--models", self.models, "-o", self.out]
        command += ["--authority", self.authority.path, "--package", self.package, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def state(self):
        """Every file there is, with its content."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def refused(self, *words, code):
        """Run, assert that nothing was written, return what was said."""
        before = self.state()
        done = self.run(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert self.state() == before
        return done.stderr


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_three_devices_in_under_ten_seconds(desk):
    """All files there, digests right, the configuration readable by the edge, keys private."""
    begun_s = time.monotonic()
    done = desk.run()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun_s < 10
    for name in ("pump-7", "fan-1", "press-2"):
        home = desk.out / name / "steadyhum"
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=home, check=True)
        listed = {line.split()[1] for line in (home / "SHA256SUMS").read_text().splitlines()}
        files = {str(file.relative_to(home)) for file in home.rglob("*") if file.is_file()}
        assert listed == files - {"SHA256SUMS"}
        config = read_config(home / "config.toml")
        assert (config.site.device, config.broker.tls.verify) == (name, True)
        assert os.stat(home / "device.key").st_mode & 0o077 == 0
        assert (
            Folder(desk.authority.path).valid_device(name, NOW).certificate_pem
            == (home / "device.crt").read_bytes()
        )
        assert name in (desk.out / f"{name}.html").read_text()
    both = read_config(desk.out / "pump-7/steadyhum/config.toml").sensor
    assert [(item.name, item.channels, item.unit) for item in both] == [
        ("motor", ("x",), "g"),
        ("gear", ("x", "y"), "m/s2"),
    ]
    assert {file.name for file in (desk.out / "fan-1").iterdir()} == {
        *("user-data", "network-config", "meta-data", "steadyhum")
    }
    assert {file.name for file in (desk.out / "press-2").iterdir()} == {"steadyhum"}


def test_a_dry_run_shows_and_writes_nothing(desk):
    before = desk.state()
    done = desk.run("--dry-run")
    assert done.returncode == 0
    assert desk.state() == before
    assert "to be signed" in done.stdout
    assert "steadyhum/models/pump.onnx" in done.stdout
    assert "nothing was written" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("fan-1,", "pump-7,", "device 'pump-7' has 2 rows"),
        ("/dev/ttyAMA0", "/dev/ttyUSB0", "line 3, port: /dev/ttyUSB0 is numbered in the order of plugging"),
        ("/dev/ttyAMA0", "COM3", "'COM3' is no serial port"),
        ("/dev/ttyAMA0", "/dev/sda1", "is no serial port"),
        ("fan-1,", "Fan 1,", "is no host name"),
        ("fan-1,", "$(reboot),", "is no host name"),
        ("plant-1,bearing", "plant/1,bearing", "cannot be part of a topic"),
        ("192.0.2.7/24", "192.0.2.7", "lacks its prefix length"),
        ("192.0.2.7/24", "192.0.2.700/24", "does not appear to be an IPv4 or IPv6"),
        ("motor;gear", "motor", "one of each belongs to a sensor"),
        ("jetson", "banana", "is none of pi, jetson"),
        ("broker.plant:8884", "broker plant", "is no host"),
        ("device,site", "device,stie", "it lacks the columns site; it has columns nobody knows: 'stie'"),
    ],
)
def test_a_wrong_sheet(desk, old, new, says):
    assert old in SHEET
    desk.sheet.write_text(SHEET.replace(old, new, 1))
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_sheet(desk.sheet)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.lists(st.text(max_size=12), max_size=12), max_size=4), head=st.booleans())
def test_no_sheet_ends_in_anything_but_devices_or_a_refusal(tmp_path, cells, head):
    rows = [SHEET.splitlines()[0].split(","), *cells] if head else cells
    with (tmp_path / "any.csv").open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file, escapechar="\\").writerows(rows)
    with contextlib.suppress(ConfigError):
        read_sheet(tmp_path / "any.csv")


def test_every_problem_of_a_sheet_is_told_at_once_and_nothing_written(desk):
    desk.sheet.write_text(SHEET.replace("fan-1,", "pump-7,").replace("/dev/ttyAMA0", "COM3"))
    said = desk.refused(code=78)
    assert "has 2 rows" in said
    assert "COM3" in said
    desk.sheet.write_bytes(b"\xff\xfe\x00")
    desk.refused(code=78)
    desk.sheet.write_text("")
    desk.refused(code=78)


def test_an_unknown_model(desk):
    desk.sheet.write_text(SHEET.replace("pump;fan.onnx", "pomp;fan.onnx"))
    said = desk.refused(code=65)
    assert "no model 'pomp', which pump-7 needs" in said
    assert "there are: fan.onnx, pump.onnx" in said


def test_a_damaged_model(desk):
    (desk.models / "fan.onnx").write_bytes(b"not a model")
    assert "onnxruntime refuses it" in desk.refused(code=65)


def test_an_expired_certificate(desk):
    desk.authority.device("fan-1", NOW - dt.timedelta(days=100), days=50)
    said = desk.refused(code=77)
    assert "fan-1.crt: expired on" in said
    assert "deploy/authority renew" in said


def test_an_expired_or_missing_authority(desk):
    shutil.rmtree(desk.authority.path)
    assert "deploy/authority init" in desk.refused(code=78)
    desk.authority.init("old plant", NOW - dt.timedelta(days=4000))
    assert "ca.crt: expired on" in desk.refused(code=77)


def test_not_a_package(desk):
    desk.package.write_bytes(b"<html>")
    assert "is no Debian package" in desk.refused(code=78)


def test_a_private_key_is_never_put_on_a_card(desk):
    secret = desk.folder / "id_ed25519"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert "Give the .pub file" in desk.refused("--ssh-key", secret, code=78)


def test_a_folder_that_has_the_device_already(desk):
    assert desk.run().returncode == 0
    assert "already has" in desk.refused(code=78)


# Cards

CARD = Mount("/dev/sdb1", "", "vfat")
LAPTOP = [Mount("/dev/nvme0n1p2", "/", "ext4"), Mount("/dev/nvme0n1p1", "/boot/efi", "vfat")]


def whole(source):
    return re.sub(r"p?\d+$", "", source)


@pytest.fixture
def card(tmp_path):
    folder = tmp_path / "bootfs"
    folder.mkdir()
    for name in ("config.txt", "cmdline.txt"):
        (folder / name).write_text("")
    return folder


def on(card, source="/dev/sdb1", kind="vfat"):
    return [*LAPTOP, Mount(source, str(card), kind)]


def test_a_card_that_will_do(card):
    check_card(card, 1000, on(card), whole)


def test_no_card(card):
    with pytest.raises(ConfigError, match="no card is mounted here"):
        check_card(card, 1000, LAPTOP, whole)
    with pytest.raises(ConfigError, match="no card is mounted here"):
        check_card(card / "none", 1000, LAPTOP, whole)


def test_the_laptops_own_disk(card):
    with pytest.raises(ConfigError, match="a disk of this computer"):
        check_card(card, 1000, on(card, "/dev/nvme0n1p4"), whole)


def test_this_computers_own_disk(desk):
    """For real: the root of the file system that this test runs on."""
    mounts = read_mounts(Path("/proc/mounts").read_text())
    with pytest.raises(ConfigError, match="a disk of this computer"):
        check_card(Path("/"), 1000, mounts)
    said = desk.refused("--device", "fan-1", "--card", "/", code=78)
    assert "a disk of this computer" in said
    assert "no card is mounted" in desk.refused("--device", "fan-1", "--card", desk.folder, code=78)
    assert "--device" in desk.refused("--card", "/", code=78)


def test_partitions_belong_to_disks(tmp_path):
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


def test_a_wrong_partition(card):
    with pytest.raises(ConfigError, match="called bootfs"):
        check_card(card, 1000, on(card, kind="ext4"), whole)
    (card / "config.txt").unlink()
    with pytest.raises(ConfigError, match="called bootfs"):
        check_card(card, 1000, on(card), whole)


@pytest.fixture
def mounted(card):
    """A small file system of its own, in the kernel."""

    def mount(options):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "card", card], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("needs root, to mount a small file system")
        return card

    yield mount
    subprocess.run(["umount", card], capture_output=True, check=False)


def test_a_full_card(desk, mounted):
    folder = mounted("size=100k")
    with pytest.raises(UnavailableError, match="MiB are needed, 0 MiB are free"):
        check_folder(folder / "out", 2**20, ["fan-1"])
    desk.package.write_bytes(desk.package.read_bytes() + bytes(200_000))
    before = desk.state()
    done = desk.run("-o", folder / "out")
    assert (done.returncode, desk.state()) == (69, before)


def test_a_read_only_card(mounted):
    folder = mounted("size=100k,ro")
    with pytest.raises(AccessError, match="is read-only"):
        check_folder(folder / "out", 10, ["fan-1"])


def test_a_real_card_is_written_and_what_it_lacks_is_refused(desk):
    """A FAT file system in the kernel, as the card's boot partition is."""
    image, folder = desk.folder / "card.img", desk.folder / "bootfs"
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
        done = desk.run(*words)
        assert (done.returncode, "called bootfs" in done.stderr) == (78, True)
        for name in ("config.txt", "cmdline.txt"):
            (folder / name).write_text("")
        done = desk.run(*words)
        assert done.returncode == 0, done.stderr
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder / "steadyhum", check=True)
        assert (folder / "user-data").read_text().startswith("#cloud-config\n")
        assert not (desk.out / "fan-1").exists()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert "read-only" in desk.run(*words).stderr
    finally:
        subprocess.run(["umount", folder], check=False)


# What is on them


@pytest.fixture
def devices(desk):
    return read_sheet(desk.sheet)


def test_the_printed_code_is_read_back(devices, tmp_path):
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


def cloud_init():
    """The interpreter and path of cloud-init: installed, or unpacked by `make cloud-init`."""
    unpacked = BUILD / "roots/cloud-init/usr/lib/python3/dist-packages"
    if (unpacked / "cloudinit").exists():
        return ["/usr/bin/python3"], {**os.environ, "PYTHONPATH": str(unpacked)}
    if shutil.which("cloud-init"):
        return ["/usr/bin/python3"], dict(os.environ)
    pytest.skip("cloud-init is not here: make cloud-init")


def test_user_data_in_cloud_inits_own_schema(devices, tmp_path):
    python, environment = cloud_init()
    key = "ssh-ed25519 AAAA technician"
    for device in devices:
        (tmp_path / "user-data").write_text(user_data(device, (key,) if device.address else ()))
        command = [*python, "-m", "cloudinit.cmd.main", "schema", "-c", tmp_path / "user-data"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Valid cloud-config" in done.stdout
    (tmp_path / "user-data").write_text(user_data(devices[0], ()).replace("runcmd:", "runcmd: 5\nx:"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1


def test_network_config_through_cloud_inits_own_parser(devices, tmp_path):
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


def test_the_installer_refuses_a_damaged_card(desk, tmp_path):
    """Before it touches the system; the rest of it runs in a clean Debian by `make test-deb`."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as the installer does")
    assert desk.run().returncode == 0
    home = desk.out / "press-2/steadyhum"
    (home / "config.toml").write_text("damaged")
    done = subprocess.run(["sh", home / "install.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 65
    assert "Write the card again" in done.stderr
    assert (home / "device.key").exists()
