"""The plant's authority: its command, its files, what it refuses."""

import contextlib
import datetime as dt
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.certification.folder import Folder
from edge_runtime.core.errors import AccessError, ConfigError
from edge_runtime.doctor.certificates import read_certificate
from tests.deploy.heavy import ROOT
from tests.waiting import HANG_S, scaled

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    folder = Folder(tmp_path / "authority")
    folder.init("plant 1", NOW)
    return folder


def run(*words: Any) -> Any:
    command = [ROOT / "deploy" / "authority", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=scaled(HANG_S))


def test_the_command(tmp_path: Path) -> None:
    where = ("--folder", str(tmp_path / "authority"))
    assert run("init", "plant 1", *where).returncode == 0
    assert run("server", "broker.plant", "192.0.2.7", *where).stdout.strip().endswith("broker.plant.crt")
    assert run("device", "pump-7", "pump-8", *where).stdout.count(".crt") == 2
    assert run("list", *where).stdout.split()[1::2] == [
        "broker.plant.crt",
        "ca.crt",
        "pump-7.crt",
        "pump-8.crt",
    ]
    again = run("init", "plant 1", *where)
    assert (again.returncode, "already" in again.stderr) == (78, True)
    assert run("device", "../pump", *where).returncode == 78
    assert "Traceback" not in run("device", "x", "--folder", "/proc/none").stderr


def test_what_the_command_refuses_it_refuses_in_words(tmp_path: Path) -> None:
    where = ("--folder", str(tmp_path / "authority"))
    for name in ("", "x" * 65):
        assert "cannot name an authority" in run("init", name, *where).stderr
    for word in ("list", "renew"):
        done = run(word, *where)
        assert (done.returncode, "no authority here" in done.stderr) == (78, True)
    assert run("init", "plant 1", *where).returncode == 0
    assert "nothing ends within 60 days" in run("renew", *where).stdout
    (tmp_path / "file").write_text("")
    done = run("init", "plant 1", "--folder", str(tmp_path / "file"))
    assert (done.returncode, "Traceback" in done.stderr) == (77, False)


def test_a_key_in_the_drawer_is_asked_for(folder: Any) -> None:
    """As docs/technician.md has it kept; a second authority would lock every device out."""
    (folder.path / "ca.key").unlink()
    with pytest.raises(ConfigError, match=r"ca\.key: the authority's key is not here\. Put ca\.key back"):
        folder.device("pump-7", NOW)
    (folder.path / "ca.key").write_text("not a key")
    with pytest.raises(ConfigError, match=r"Bring ca\.crt and ca\.key back"):
        folder.device("pump-7", NOW)


def test_no_other_key_than_a_devices_is_given_for_a_device(folder: Any) -> None:
    """It would go onto a card: the authority's own most of all."""
    folder.server(["broker"], NOW)
    with pytest.raises(ConfigError, match="is no device's certificate"):
        folder.valid_device("broker", NOW)
    with pytest.raises(ConfigError, match="cannot name a certificate"):
        folder.valid_device("ca", NOW)
    (folder.path / "plant.crt").write_bytes((folder.path / "ca.crt").read_bytes())
    (folder.path / "plant.key").write_bytes((folder.path / "ca.key").read_bytes())
    with pytest.raises(ConfigError, match="is no device's certificate"):
        folder.valid_device("plant", NOW)


def test_secrets_are_for_their_owner_only(folder: Any) -> None:
    old = os.umask(0)
    try:
        folder.device("pump-7", NOW)
    finally:
        os.umask(old)
    for key in folder.path.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_renewal_makes_new_keys_and_keeps_names(folder: Any) -> None:
    folder.server(["broker.plant", "192.0.2.7"], NOW, days=30)
    folder.device("pump-7", NOW, days=30)
    folder.device("pump-8", NOW, days=300)
    old = (folder.path / "pump-7.key").read_bytes()
    assert {path.name for path in folder.renew(NOW)} == {"broker.plant.crt", "pump-7.crt"}
    assert (folder.path / "pump-7.key").read_bytes() != old
    renewed = dict(folder.all())[folder.path / "broker.plant.crt"]
    names = renewed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["broker.plant", "192.0.2.7"]
    assert folder.renew(NOW) == []


def test_the_doctor_reads_the_same_dates_and_name(folder: Any) -> None:
    """Its own reader of DER against the library's, over both ways a date is written."""
    folder.device("pump-7", NOW)
    folder.device("old", NOW, days=365 * 30)
    for name in ("pump-7", "old", "ca"):
        path = folder.path / f"{name}.crt"
        reference = x509.load_pem_x509_certificate(path.read_bytes())
        found = read_certificate(path)
        assert (found.not_before, found.not_after) == (
            reference.not_valid_before_utc,
            reference.not_valid_after_utc,
        )
        assert found.name == {"ca": "plant 1"}.get(name, name)


def test_the_doctors_reader_refuses_damage_in_words(folder: Any, tmp_path: Path) -> None:
    folder.device("pump-7", NOW)
    pem = (folder.path / "pump-7.crt").read_bytes()
    broken = tmp_path / "broken.crt"
    for at in range(30, len(pem) - 30, 7):
        broken.write_bytes(pem[:at] + b"%" + pem[at + 3 :])
        with contextlib.suppress(ConfigError):  # and nothing else
            read_certificate(broken)
    broken.write_bytes(pem[:200])
    with pytest.raises(ConfigError, match="not a certificate"):
        read_certificate(broken)


def test_an_expired_authority_and_device_are_refused(folder: Any) -> None:
    later = NOW + dt.timedelta(days=1000)
    folder.device("pump-7", NOW)
    with pytest.raises(AccessError, match=r"expired on .*renew"):
        folder.valid_device("pump-7", later)
    with pytest.raises(AccessError, match="new authority"):
        folder.device("pump-9", NOW + dt.timedelta(days=4000))
    assert folder.valid_device("nobody", NOW) is None


def test_a_key_of_another_is_refused(folder: Any) -> None:
    folder.device("pump-7", NOW)
    folder.device("pump-8", NOW)
    (folder.path / "pump-7.key").write_bytes((folder.path / "pump-8.key").read_bytes())
    with pytest.raises(ConfigError, match="is not the key of"):
        folder.valid_device("pump-7", NOW)
