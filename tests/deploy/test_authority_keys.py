"""The authority's keys are never overwritten, and what it takes back stays taken back."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.certification.access_list import access_list
from deploy.certification.folder import FORMER, Folder
from deploy.certification.revocation import CRL, revoke, write_crl
from edge_runtime.core.errors import ConfigError
from tests.deploy.heavy import ROOT

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    folder = Folder(tmp_path / "authority")
    folder.init("plant 1", NOW)
    return folder


def run(*words: Any) -> Any:
    command = [sys.executable, "-m", "deploy.certification", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def keys(folder: Any) -> Any:
    return {path: path.read_bytes() for path in folder.path.rglob("*.key")}


def test_no_key_is_overwritten(folder: Any) -> None:
    """Neither by asking twice nor by a pair that has lost its other half; what exists is said."""
    folder.device("pump-7", NOW)
    folder.server(["broker"], NOW)
    before = keys(folder)
    attempts: list[Callable[[], object]] = [
        lambda: folder.device("pump-7", NOW),
        lambda: folder.server(["broker"], NOW),
    ]
    for again in attempts:
        with pytest.raises(ConfigError, match=r"there is one already.*renew .*revoke"):
            again()
    (folder.path / "pump-7.crt").unlink()
    with pytest.raises(ConfigError, match="a key without its certificate"):
        folder.device("pump-7", NOW)
    assert keys(folder) == before
    done = run("device", "fan-1", "broker", "--folder", folder.path)
    assert (done.returncode, keys(folder)) == (78, before), "one was signed before all were looked at"


def test_renewing_keeps_the_former_pair(folder: Any) -> None:
    folder.device("pump-7", NOW)
    folder.device("pump-8", NOW)
    before = set(keys(folder).values())
    for _ in range(2):
        assert [path.name for path in folder.renew(NOW, names=["pump-7"])] == ["pump-7.crt"]
    assert before < set(keys(folder).values())
    assert len(list((folder.path / FORMER).glob("pump-7@*.key"))) == 2
    with pytest.raises(ConfigError, match="no certificate 'fan-1'"):
        folder.renew(NOW, names=["pump-7", "fan-1"])
    assert folder.valid_device("pump-7", NOW) is not None


def serials(folder: Any) -> Any:
    crl = x509.load_pem_x509_crl((folder.path / CRL).read_bytes())
    return {entry.serial_number for entry in crl}


def serial(path: Path) -> Any:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def test_what_was_revoked_stays_revoked(folder: Any, tmp_path: Path) -> None:
    """By name with everything the name had, by file, over later lists; and a name is free again."""
    write_crl(folder, NOW)
    assert serials(folder) == set()
    folder.device("pump-7", NOW)
    first = serial(folder.path / "pump-7.crt")
    folder.renew(NOW, names=["pump-7"])
    second = serial(folder.path / "pump-7.crt")
    revoke(folder, ["pump-7"], NOW)
    assert serials(folder) == {first, second}
    folder.device("pump-7", NOW)
    copied = tmp_path / "copied.crt"
    copied.write_bytes((folder.path / "pump-7.crt").read_bytes())
    revoke(folder, [str(copied)], NOW)
    assert serials(folder) == {first, second, serial(copied)}
    write_crl(folder, NOW)
    assert len(serials(folder)) == 3


def test_what_cannot_be_revoked_is_refused_and_the_list_stays(folder: Any, tmp_path: Path) -> None:
    write_crl(folder, NOW)
    before = (folder.path / CRL).read_bytes()
    other = Folder(tmp_path / "other")
    other.init("plant 1", NOW)
    other.device("pump-7", NOW)
    (tmp_path / "no.crt").write_text("none")
    for name in ("nobody", "ca", "*", str(other.path / "pump-7.crt"), str(tmp_path / "no.crt")):
        with pytest.raises(ConfigError):
            revoke(folder, [name], NOW)
    assert (folder.path / CRL).read_bytes() == before
    write_crl(other, NOW)
    (folder.path / CRL).write_bytes((other.path / CRL).read_bytes())
    with pytest.raises(ConfigError, match="is not signed by this authority"):
        write_crl(folder, NOW)


def test_the_command_says_what_to_do_with_the_list(folder: Any) -> None:
    folder.device("pump-7", NOW)
    done = run("revoke", "pump-7", "--folder", folder.path)
    assert done.returncode == 0, done.stderr
    assert "takes 1 back, valid until" in done.stdout
    assert "systemctl restart mosquitto" in done.stdout
    assert "takes 1 back" in run("crl", "--folder", folder.path).stdout


def test_the_access_list_names_device_and_site(folder: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "fleet.csv"
    sheet.write_text(
        "device,site,sensor,port,model,broker\npress-2,hall 2,ram,/dev/ttyAMA0,pump,broker.plant\n"
    )
    folder.device("steadyhum-viewer-office", NOW)
    folder.device("steadyhum-operator-hall-2", NOW)
    words = ("acl", "plant-1/pump-7", "--sheet", sheet, "--prefix", "hum", "--folder", folder.path)
    done = run(*words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "topic write hum/hall 2/press-2/+/event" in lines
    assert "topic read hum/plant-1/pump-7/cmd/#" in lines
    assert "topic write hum-transfer/plant-1/pump-7/#" in lines
    assert lines.count("topic write hum/+/+/cmd/+") == 2
    assert [line for line in lines if line.startswith("user ")] == [
        "user steadyhum-viewer",
        "user steadyhum-operator",
        "user steadyhum-viewer-office",
        "user steadyhum-operator-hall-2",
        "user press-2",
        "user pump-7",
    ]
    rules = [line for line in lines if not line.startswith("#")]
    assert not [line for line in rules if "SITE" in line or "DEVICE" in line or "steadyhum/" in line]


@pytest.mark.parametrize(
    ("site", "device"),
    [
        ("a/b", "x"),
        ("+", "x"),
        ("a", "#"),
        ("a\nuser b", "x"),
        ("", "x"),
        ("a", " x"),
        ("a", "steadyhum-viewer"),
        ("a", "steadyhum-operator-2"),
    ],
)
def test_no_name_breaks_out_of_its_line(site: str, device: str) -> None:
    with pytest.raises(ConfigError):
        access_list([(site, device)])


def test_a_device_is_at_one_site() -> None:
    with pytest.raises(ConfigError, match="pump-7 is at 'a' and at 'b'"):
        access_list([("a", "pump-7"), ("b", "pump-7")])
