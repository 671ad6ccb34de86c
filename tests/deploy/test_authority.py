"""The plant's authority: its command, its files, what it refuses."""

import contextlib
import datetime as dt
import os
import stat
import subprocess

import pytest
from cryptography import x509

from deploy.certification.folder import Folder
from edge_runtime.doctor.certificates import read_certificate
from edge_runtime.errors import AccessError, ConfigError
from tests.deploy.heavy import ROOT

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "authority")
    folder.init("plant 1", NOW)
    return folder


def run(*words):
    command = [ROOT / "deploy" / "authority", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command(tmp_path):
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


def test_secrets_are_for_their_owner_only(folder):
    old = os.umask(0)
    try:
        folder.device("pump-7", NOW)
    finally:
        os.umask(old)
    for key in folder.path.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_renewal_makes_new_keys_and_keeps_names(folder):
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


def test_the_doctor_reads_the_same_dates_and_name(folder):
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


def test_the_doctors_reader_refuses_damage_in_words(folder, tmp_path):
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


def test_an_expired_authority_and_device_are_refused(folder):
    later = NOW + dt.timedelta(days=1000)
    folder.device("pump-7", NOW)
    with pytest.raises(AccessError, match=r"expired on .*renew"):
        folder.valid_device("pump-7", later)
    with pytest.raises(AccessError, match="new authority"):
        folder.device("pump-9", NOW + dt.timedelta(days=4000))
    assert folder.valid_device("nobody", NOW) is None


def test_a_key_of_another_is_refused(folder):
    folder.device("pump-7", NOW)
    folder.device("pump-8", NOW)
    (folder.path / "pump-7.key").write_bytes((folder.path / "pump-8.key").read_bytes())
    with pytest.raises(ConfigError, match="is not the key of"):
        folder.valid_device("pump-7", NOW)
