"""Models must come from the plant: a signed list beside them; doctor, `check` and service ask for it."""

import datetime as dt
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.certification.certificates import make_device, sign_detached
from deploy.certification.folder import Folder
from edge_runtime.core.errors import ArtefactError, ConfigError, UnavailableError
from edge_runtime.gateway import prepare
from edge_runtime.models import signature
from edge_runtime.models.signature import DIGESTS, SIGNATURE, check_signed, digest_of
from tests.artefacts import write_artefact
from tests.broker import needs_mosquitto
from tests.deploy.examined_gateway import ExaminedGateway, found
from tests.deploy.fleet_folder import NOW
from tests.deploy.heavy import ROOT
from tests.waiting import HANG_S, scaled

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: apt install openssl")


@pytest.fixture
def plant(tmp_path: Path) -> tuple[Any, Any]:
    """An authority, and a folder with a model that it signed."""
    authority = Folder(tmp_path / "authority")
    authority.init("plant 1", NOW)
    (tmp_path / "models").mkdir()
    write_artefact(tmp_path / "models/rms.onnx")
    authority.sign_models(tmp_path / "models", NOW)
    return authority, tmp_path / "models/rms.onnx"


def asked(authority: Any, model: Any) -> None:
    check_signed(model, digest_of(model), authority.path / "ca.crt")


def refused(authority: Any, model: Any, says: Any) -> None:
    with pytest.raises(ArtefactError, match=says) as caught:
        asked(authority, model)
    assert "Copy the model again" in caught.value.remedy


def test_a_signed_model_is_taken_and_everything_else_refused(plant: tuple[Any, Any]) -> None:
    authority, model = plant
    asked(authority, model)
    write_artefact(model, threshold=2.0)
    refused(authority, model, "is not the file named in SHA256SUMS")
    sums = model.parent / DIGESTS
    sums.write_text(f"{digest_of(model)}  {model.name}\n")  # whoever alters the model can alter the list
    refused(authority, model, "the signature is not right: content verify error")
    (model.parent / SIGNATURE).write_bytes(b"\x30\x03abc")
    refused(authority, model, "the signature is not right")
    (model.parent / SIGNATURE).unlink()
    refused(authority, model, "the models are not signed")
    sums.unlink()
    refused(authority, model, "the list of signed models cannot be read")


SITE = """
state_folder = "state"
model_authority = "authority/ca.crt"
site = {{site = "plant", device = "gateway"}}
broker = {{host = "localhost"}}
[[sensor]]
name = "pump"
port = "/dev/none"
model = "{model}"
rate_hz = 1000
channels = ["x"]
unit = "g"
"""


def test_an_unsigned_model_is_refused_before_it_is_opened(plant: tuple[Any, Any], tmp_path: Path) -> None:
    """What is altered is never parsed, and what was checked is what scores and is named in messages."""
    _, model = plant
    config = tmp_path / "edge.toml"
    config.write_text(SITE.format(model=model))
    assert prepare(config).sensors[0].model.sha256 == digest_of(model)
    model.write_bytes(b"no model at all")
    with pytest.raises(ArtefactError, match="is not the file named in SHA256SUMS"):
        prepare(config)


def test_a_model_that_is_not_on_the_list(plant: tuple[Any, Any]) -> None:
    authority, model = plant
    refused(authority, write_artefact(model.with_name("other.onnx")), "is not among the models")


def test_every_flipped_byte_of_the_list_is_noticed(plant: tuple[Any, Any]) -> None:
    authority, model = plant
    sums = model.parent / DIGESTS
    whole = sums.read_bytes()
    for at in range(0, len(whole), 7):
        sums.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        refused(authority, model, "signature is not right")


def test_another_authority_and_a_devices_key_cannot_sign(plant: tuple[Any, Any], tmp_path: Path) -> None:
    authority, model = plant
    other = Folder(tmp_path / "other")
    other.init("plant 1", NOW)
    other.sign_models(model.parent, NOW)
    refused(authority, model, "the signature is not right")
    pair, data = authority.authority(NOW), (model.parent / DIGESTS).read_bytes()
    device = make_device(pair, "pump-7", NOW)
    (tmp_path / "d.crt").write_bytes(device.certificate_pem)
    (tmp_path / "d.key").write_bytes(device.key_pem)
    sign: list[Any] = ["openssl", "cms", "-sign", "-binary", "-outform", "DER", "-signer", tmp_path / "d.crt"]
    sign += ["-inkey", tmp_path / "d.key", "-in", model.parent / DIGESTS, "-out", model.parent / SIGNATURE]
    subprocess.run(sign, check=True)
    refused(authority, model, "purpose|not right")
    (model.parent / SIGNATURE).write_bytes(sign_detached(pair, data, NOW))
    asked(authority, model)


def test_dates_do_not_count(plant: tuple[Any, Any]) -> None:
    """A gateway whose clock was never set starts; one whose plant signed ten years ago goes on."""
    authority, model = plant
    pair, data = authority.authority(NOW), (model.parent / DIGESTS).read_bytes()
    for days in (-4000, 4000):
        signature = sign_detached(pair, data, NOW + dt.timedelta(days=days))
        (model.parent / SIGNATURE).write_bytes(signature)
        asked(authority, model)


def test_an_authority_that_cannot_be_read(plant: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the authority cannot be read"):
        check_signed(plant[1], digest_of(plant[1]), tmp_path / "nothing.crt")


def test_without_openssl(plant: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    authority, model = plant
    monkeypatch.setattr(signature, "_PROGRAMS", ("/nowhere/openssl",))
    with pytest.raises(UnavailableError, match="Install openssl"):
        asked(authority, model)


def test_an_openssl_earlier_in_path_is_not_asked(
    plant: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that finds everything right; a library that OPENSSL_CONF names is not loaded either."""
    authority, model = plant
    (tmp_path / "openssl").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "openssl").chmod(0o755)
    (tmp_path / "openssl.cnf").write_text("openssl_conf = init\n[init]\nengines = none\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OPENSSL_CONF", str(tmp_path / "openssl.cnf"))
    asked(authority, model)
    with (model.parent / DIGESTS).open("a") as sums:
        sums.write("0  other.onnx\n")
    refused(authority, model, "the signature is not right")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [DIGESTS, SIGNATURE])
def test_what_is_no_small_regular_file_is_refused_and_not_waited_for(
    plant: tuple[Any, Any], name: Any
) -> None:
    authority, model = plant
    path = model.parent / name
    path.unlink()
    os.mkfifo(path)
    refused(authority, model, "cannot be read .not a regular file")
    path.unlink()
    path.symlink_to("/dev/zero")
    refused(authority, model, "cannot be read .not a regular file")
    path.unlink()
    path.write_bytes(bytes(2**20 + 1))
    refused(authority, model, "cannot be read .larger than")


def test_the_command_signs_what_openssl_alone_can_verify(plant: tuple[Any, Any], tmp_path: Path) -> None:
    authority, model = plant
    write_artefact(model.with_name("fan.onnx"))
    command = [ROOT / "deploy/authority", "sign", model.parent, "--folder", authority.path]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "fan.onnx" in said.stdout
    verify = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-content", DIGESTS, "-in", SIGNATURE]
    verify += ["-CAfile", authority.path / "ca.crt", "-out", "/dev/null"]
    subprocess.run(verify, cwd=model.parent, check=True, capture_output=True)
    subprocess.run(["sha256sum", "--quiet", "-c", DIGESTS], cwd=model.parent, check=True)
    command[2] = tmp_path / "authority"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (78, 1)
    assert "no model here" in done.stderr


@needs_mosquitto
def test_the_doctor_check_and_the_service_ask_for_it(
    quiet: ExaminedGateway, tmp_path: Path, plant: tuple[Any, Any]
) -> None:
    authority, _ = plant
    ca = f'model_authority = "{authority.path}/ca.crt"\n'
    quiet.config.write_text(ca + quiet.config.read_text())
    found(quiet, "model.signature", "Copy the model again")
    for verb in ("check", "run"):
        command = [sys.executable, "-m", "edge_runtime", verb, "--config", quiet.config]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=scaled(HANG_S))
        assert (done.returncode, len(done.stderr.splitlines())) == (65, 1), done.stderr
        assert "the list of signed models cannot be read" in done.stderr
    authority.sign_models(tmp_path, NOW)
    digest = hashlib.sha256((tmp_path / "rms.onnx").read_bytes()).hexdigest()
    assert digest in (tmp_path / DIGESTS).read_text()
    _, findings = quiet.report()
    assert [item["level"] for item in findings if item["check"] == "model.signature"] == ["ok"]
    command = [sys.executable, "-m", "edge_runtime", "check", "--config", quiet.config]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=scaled(HANG_S))
    assert done.returncode == 0, done.stderr
