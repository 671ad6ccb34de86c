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

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.certification.folder import Folder
from deploy.provisioning.sheet import read_sheet
from edge_runtime.configuration.config import read_config
from edge_runtime.core.errors import ConfigError
from tests.deploy.fleet_folder import NOW, SHEET, FleetFolder
from tests.waiting import in_time


def test_three_devices_in_under_ten_seconds(fleet: FleetFolder) -> None:
    """All files there, digests right, the configuration readable by the edge, keys private."""
    begun_s = time.monotonic()
    done = fleet.run()
    assert done.returncode == 0, done.stderr
    assert in_time(time.monotonic() - begun_s, 10)
    for name in ("pump-7", "fan-1", "press-2"):
        home = fleet.out / name / "steadyhum"
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=home, check=True)
        listed = {line.split()[1] for line in (home / "SHA256SUMS").read_text().splitlines()}
        files = {str(file.relative_to(home)) for file in home.rglob("*") if file.is_file()}
        assert listed == files - {"SHA256SUMS"}
        config = read_config(home / "config.toml")
        assert (config.site.device, config.broker.tls.verify) == (name, True)
        assert os.stat(home / "device.key").st_mode & 0o077 == 0
        assert (
            Folder(fleet.authority.path).valid_device(name, NOW).certificate_pem
            == (home / "device.crt").read_bytes()
        )
        assert name in (fleet.out / f"{name}.html").read_text()
    both = read_config(fleet.out / "pump-7/steadyhum/config.toml").sensor
    assert [(item.name, item.channels, item.unit) for item in both] == [
        ("motor", ("x",), "g"),
        ("gear", ("x", "y"), "m/s2"),
    ]
    assert {file.name for file in (fleet.out / "fan-1").iterdir()} == {
        *("user-data", "network-config", "meta-data", "steadyhum")
    }
    assert {file.name for file in (fleet.out / "press-2").iterdir()} == {"steadyhum"}


def test_a_dry_run_shows_and_writes_nothing(fleet: FleetFolder) -> None:
    before = fleet.state()
    done = fleet.run("--dry-run")
    assert done.returncode == 0
    assert fleet.state() == before
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
        ("fan-1,", "ca,", "'ca' is taken: it is the name of the plant's authority"),
        ("fan-1,", "steadyhum-viewer,", "'steadyhum-viewer' is taken"),
        ("plant-1,bearing", "plant/1,bearing", "cannot be part of a topic"),
        ("192.0.2.7/24", "192.0.2.7", "lacks its prefix length"),
        ("192.0.2.7/24", "192.0.2.700/24", "does not appear to be an IPv4 or IPv6"),
        ("motor;gear", "motor", "1 in sensor, 2 in port, 2 in model; every sensor needs one of each"),
        ("broker.plant:8884", "broker.plant:99999", "port 99999 is not within 1 and 65535"),
        (
            ",192.0.2.1,192.0.2.1",
            ",10.0.0.1,192.0.2.1",
            "10.0.0.1 cannot be reached from 192.0.2.0/24",
        ),
        (",192.0.2.1,192.0.2.1", ",192.0.2.1 192.0.2.2,192.0.2.1", "is more than one address"),
        ("192.0.2.7/24,", ",", "line 2, address: missing; without one the network gives gateway and dns"),
        (",jetson,,", ",jetson,192.0.2.7/24,", "address 192.0.2.7 has 2 rows"),
        ("platform,address", "platform,baud", "line 2, baud: '192.0.2.7/24' is no baud rate"),
        ("platform,address", "serial,address", "2 in model, 1 in serial; every sensor needs one of each"),
        ("jetson", "banana", "is none of pi, jetson"),
        ("broker.plant:8884", "broker plant", "is no host"),
        ("device,site", "device,stie", "it lacks the columns site; it has columns nobody knows: 'stie'"),
    ],
)
def test_a_wrong_sheet(fleet: FleetFolder, old: str, new: str, says: str) -> None:
    assert old in SHEET
    fleet.sheet.write_text(SHEET.replace(old, new, 1))
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_sheet(fleet.sheet)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.lists(st.text(max_size=12), max_size=12), max_size=4), head=st.booleans())
def test_no_sheet_ends_in_anything_but_devices_or_a_refusal(
    tmp_path: Path, cells: list[list[str]], head: bool
) -> None:
    rows = [SHEET.splitlines()[0].split(","), *cells] if head else cells
    with (tmp_path / "any.csv").open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file, escapechar="\\").writerows(rows)
    with contextlib.suppress(ConfigError):
        read_sheet(tmp_path / "any.csv")


def test_digits_that_are_no_numbers(fleet: FleetFolder) -> None:
    fleet.sheet.write_text("device,site,sensor,port,model,broker,baud\nfan-1,p,b,/dev/ttyAMA0,fan,b,\u00b2\n")
    assert "is no baud rate" in fleet.refused(code=78)


def test_what_the_edge_would_refuse_is_told_of_the_sheets_row(fleet: FleetFolder) -> None:
    fleet.sheet.write_text(SHEET.replace("/dev/ttyAMA0", "socket://:a:5"))
    said = fleet.refused(code=78)
    assert "the configuration of fan-1: port is 'socket://:a:5'" in said
    assert "Correct its row in the sheet" in said


def test_serial_numbers_of_sensors(fleet: FleetFolder) -> None:
    """For some of them, or for none; a cell that is left empty pins nothing."""
    text = SHEET.replace(",platform,", ",serial,platform,").replace(",pi,", ",A-1;,pi,")
    text = text.replace(":8884,", ":8884,,").replace(",jetson,", ',"Q ""7""",jetson,')
    fleet.sheet.write_text(text)
    assert fleet.run().returncode == 0
    names = ("pump-7", "fan-1", "press-2")
    sensors = [read_config(fleet.out / name / "steadyhum/config.toml").sensor for name in names]
    assert [[sensor.serial for sensor in row] for row in sensors] == [["A-1", None], [None], ['Q "7"']]
    fleet.sheet.write_text(text.replace("A-1;", "A-1;A-1"))
    assert "line 2, serial: 'A-1' appears more than once" in fleet.refused(code=78)


def test_a_sheet_apart_by_semicolons(fleet: FleetFolder) -> None:
    fleet.sheet.write_text(SHEET.replace(";", "+").replace(",", ";"))
    assert "choose comma when saving it" in fleet.refused(code=78)


def test_a_device_that_is_not_in_the_sheet_and_a_card_for_three(fleet: FleetFolder) -> None:
    assert "no device 'fan-9' in the sheet. Name one with --device; there are: pump-7" in fleet.refused(
        "--device", "fan-9", code=78
    )
    assert "a card is for one device" in fleet.refused("--card", fleet.folder, code=78)


def test_that_nobody_can_log_in_is_said(fleet: FleetFolder) -> None:
    assert "nobody can log in" in fleet.run("--dry-run").stdout
    (fleet.folder / "key.pub").write_text("ssh-ed25519 AAAA technician\n")
    assert "nobody can log in" not in fleet.run("--dry-run", "--ssh-key", fleet.folder / "key.pub").stdout


def test_every_problem_of_a_sheet_is_told_at_once_and_nothing_written(fleet: FleetFolder) -> None:
    fleet.sheet.write_text(SHEET.replace("fan-1,", "pump-7,").replace("/dev/ttyAMA0", "COM3"))
    said = fleet.refused(code=78)
    assert "has 2 rows" in said
    assert "COM3" in said
    fleet.sheet.write_bytes(b"\xff\xfe\x00")
    fleet.refused(code=78)
    fleet.sheet.write_text("")
    fleet.refused(code=78)


def test_an_unknown_model(fleet: FleetFolder) -> None:
    fleet.sheet.write_text(SHEET.replace("pump;fan.onnx", "pomp;fan.onnx"))
    said = fleet.refused(code=65)
    assert "no model 'pomp', which pump-7 needs" in said
    assert "there are: fan.onnx, pump.onnx" in said


def test_a_damaged_model(fleet: FleetFolder) -> None:
    (fleet.models / "fan.onnx").write_bytes(b"not a model")
    assert "onnxruntime refuses it" in fleet.refused(code=65)


def test_an_expired_certificate(fleet: FleetFolder) -> None:
    fleet.authority.device("fan-1", NOW - dt.timedelta(days=100), days=50)
    said = fleet.refused(code=77)
    assert "fan-1.crt: expired on" in said
    assert "deploy/authority renew" in said


def test_an_expired_or_missing_authority(fleet: FleetFolder) -> None:
    shutil.rmtree(fleet.authority.path)
    assert "deploy/authority init" in fleet.refused(code=78)
    fleet.authority.init("old plant", NOW - dt.timedelta(days=4000))
    assert "ca.crt: expired on" in fleet.refused(code=77)


def test_a_device_named_like_the_broker_does_not_get_its_key(fleet: FleetFolder) -> None:
    fleet.authority.server(["fan-1"], NOW)
    assert "Give the device another name: this one is a broker's" in fleet.refused(code=78)


def test_a_folder_that_is_a_file(fleet: FleetFolder) -> None:
    said = fleet.refused("-o", fleet.sheet, code=78)
    assert f"{fleet.sheet}: is a file and no folder. Choose another folder" in said
    assert "is a file and no folder" in fleet.refused("-o", fleet.sheet / "cards", code=78)


def test_what_the_system_denies_is_a_refusal(fleet: FleetFolder) -> None:
    """Whatever it is, and wherever it is asked for: nothing ends in a traceback."""
    said = fleet.refused("-o", fleet.folder / ("x" * 300), code=69)
    assert "File name too long. Check the path, and the disk or card it is on" in said
    assert "File name too long" in fleet.refused("--authority", "x" * 300, code=69)


def test_what_cannot_be_written_half_way_is_said(fleet: FleetFolder) -> None:
    """The printed card is the last file; a folder lies in its way."""
    (fleet.out / "fan-1.html").mkdir(parents=True)
    done = fleet.run("--device", "fan-1")
    assert (done.returncode, len(done.stderr.splitlines())) == (69, 1)
    assert (
        f"{fleet.out / 'fan-1'} is not complete. Delete it, or write the image to the card again"
        in done.stderr
    )


def test_a_path_with_blanks(fleet: FleetFolder) -> None:
    out = fleet.folder / 'my cards; "new" $HOME'
    assert fleet.run("-o", out).returncode == 0
    sums = out / "fan-1/steadyhum"
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=sums, check=True)


def test_not_a_package(fleet: FleetFolder) -> None:
    fleet.package.write_bytes(b"<html>")
    assert "is no Debian package" in fleet.refused(code=78)


def test_the_packages_of_a_folder_go_onto_every_card(fleet: FleetFolder) -> None:
    other = fleet.package.with_name("steadyhum-edge_0.1.0-1~deb13_arm64.deb")
    other.write_bytes(fleet.package.read_bytes())
    fleet.package.with_name("steadyhum-edge_0.1.0-1_amd64.deb").write_bytes(b"not looked at")
    fleet.package = fleet.folder
    assert fleet.run().returncode == 0
    assert len(list((fleet.out / "fan-1/steadyhum").glob("*_arm64.deb"))) == 2
    assert not list(fleet.out.rglob("*_amd64.deb"))


def test_a_package_for_another_processor(fleet: FleetFolder) -> None:
    fleet.package = fleet.package.rename(fleet.package.with_name("steadyhum-edge_0.1.0-1_amd64.deb"))
    assert "is not for arm64" in fleet.refused(code=78)
    fleet.package = fleet.models
    assert "no package for arm64 here" in fleet.refused(code=78)


def test_a_private_key_is_never_put_on_a_card(fleet: FleetFolder) -> None:
    secret = fleet.folder / "id_ed25519"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert "Give the .pub file" in fleet.refused("--ssh-key", secret, code=78)


def test_a_folder_that_has_the_device_already(fleet: FleetFolder) -> None:
    assert fleet.run().returncode == 0
    assert "already has" in fleet.refused(code=78)
