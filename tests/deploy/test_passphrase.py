"""The authority's key, encrypted with a passphrase: from a file for programs, or asked on the terminal."""

import datetime as dt
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.certification.folder import Folder
from deploy.certification.passphrase import VARIABLE, Passphrase
from edge_runtime.core.errors import AccessError
from tests.deploy.fleet_folder import FleetFolder
from tests.deploy.heavy import ROOT

NOW = dt.datetime.now(dt.UTC)
WORDS = "correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    folder = Folder(tmp_path / "authority")
    folder.init("plant 1", NOW)
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Any:
    path = tmp_path / "passphrase"
    path.write_text(f"{WORDS}\n")
    path.chmod(0o600)
    return path


def run(*words: Any, **environment: Any) -> Any:
    command = [sys.executable, "-m", "deploy.certification", *map(str, words)]
    options: dict[str, Any] = {"cwd": ROOT, "env": {**os.environ, **environment}, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_an_encrypted_key_signs_with_its_passphrase_only(tmp_path: Path, secret: Any) -> None:
    where = ("--folder", tmp_path / "authority")
    assert run("init", "plant 1", "--encrypt", "--passphrase-file", secret, *where).returncode == 0
    assert "ENCRYPTED" in (tmp_path / "authority/ca.key").read_text()
    assert run("device", "pump-7", "--passphrase-file", secret, *where).returncode == 0
    assert run("device", "pump-8", *where, **{VARIABLE: str(secret)}).returncode == 0
    assert run("list", *where).returncode == 0, "which needs no key"
    without = run("device", "pump-9", *where)
    assert (without.returncode, len(without.stderr.splitlines())) == (77, 1)
    assert "--passphrase-file" in without.stderr
    secret.write_text("another passphrase")
    wrong = run("device", "pump-9", "--passphrase-file", secret, *where)
    assert (wrong.returncode, "the passphrase is not this key's" in wrong.stderr) == (77, True)
    secret.chmod(0o644)
    assert "chmod 600" in run("device", "pump-9", "--passphrase-file", secret, *where).stderr
    assert not (tmp_path / "authority/pump-9.key").exists()


def test_a_key_is_encrypted_later_and_signs_the_same(folder: Any, secret: Any) -> None:
    """Keys from before go on working without; what is signed is the same authority's."""
    folder.device("pump-7", NOW)
    done = run("encrypt", "--folder", folder.path, "--passphrase-file", secret)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AccessError, match="encrypted"):
        Folder(folder.path).device("pump-8", NOW)
    with_words = Folder(folder.path, Passphrase(secret))
    with_words.device("pump-8", NOW)
    authority = with_words.authority(NOW).certificate
    for name in ("pump-7", "pump-8"):
        pem = (folder.path / f"{name}.crt").read_bytes()
        x509.load_pem_x509_certificate(pem).verify_directly_issued_by(authority)
    again = run("encrypt", "--folder", folder.path, "--passphrase-file", secret)
    assert "is encrypted already" in again.stderr
    assert list(folder.path.glob("*.part")) == []


def test_a_short_passphrase_is_not_taken(tmp_path: Path, secret: Any) -> None:
    secret.write_text("short")
    done = run("init", "x", "--encrypt", "--folder", tmp_path / "authority", "--passphrase-file", secret)
    assert (done.returncode, "at least 12 letters" in done.stderr) == (78, True)
    assert not (tmp_path / "authority/ca.key").exists()


def test_the_terminal_is_asked(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command: list[Any] = [
        sys.executable,
        "-m",
        "deploy.certification",
        "init",
        "p",
        "--encrypt",
        "--folder",
        tmp_path / "a",
    ]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True
    ) as asked:
        os.close(slave)
        said = b""
        for question in (b"New passphrase", b"Once more"):
            while question not in said:
                said += os.read(master, 1000)
            os.write(master, WORDS.encode() + b"\n")
        while b"goes nowhere" not in said:
            said += os.read(master, 1000)
        assert asked.wait(60) == 0
    os.close(master)
    assert WORDS.encode() not in said
    assert "ENCRYPTED" in (tmp_path / "a/ca.key").read_text()


def test_cards_are_made_with_it(fleet: FleetFolder, secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for before anything is written; the keys on the cards are the devices' and need none."""
    Folder(fleet.authority.path, Passphrase(secret)).encrypt(NOW)
    assert "--passphrase-file" in fleet.refused(code=77)
    assert fleet.run("--passphrase-file", secret, "--device", "fan-1").returncode == 0
    assert "ENCRYPTED" not in (fleet.out / "fan-1/steadyhum/device.key").read_text()
    monkeypatch.setenv(VARIABLE, str(secret))
    done = fleet.run("--device", "pump-7")
    assert done.returncode == 0, done.stderr
    assert "deploy/authority acl" in done.stdout
    for file in fleet.out.rglob("*"):
        assert file.is_dir() or WORDS.encode() not in file.read_bytes()
