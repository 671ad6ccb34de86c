"""The plant's repository of models: its commands, its keys, what it refuses."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Root, Snapshot, Timestamp
from typer.testing import CliRunner

from deploy.certification.__main__ import app
from deploy.certification.folder import Folder
from deploy.certification.passphrase import Passphrase
from deploy.publishing.lists import Lifetimes
from deploy.publishing.repository import Repository
from edge_runtime.core.errors import AccessError, ArtefactError, ConfigError, EdgeError
from edge_runtime.gateway.updates.target_path import TargetPath
from tests.artefacts import write_artefact
from tests.edge.sites import CONFIG

NOW = dt.datetime.now(dt.UTC)
PUMP = TargetPath("plant", "device", "gateway", "pump", "rms")


def run(folder: Path, *words: Any) -> str:
    done = CliRunner().invoke(app, ["models", *map(str, words), "--folder", str(folder)])
    if isinstance(done.exception, EdgeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "models")
    repository.init(3, 2, Lifetimes(), NOW, encrypt=False)
    return repository


def test_the_commands(tmp_path: Path) -> None:
    folder, model = tmp_path / "models", write_artefact(tmp_path / "rms.onnx")
    assert "root.json goes onto every device" in run(folder, "init", "--stick-days", 7)
    assert run(
        folder, "publish", model, "--device", "plant/gateway/pump", "--group", "plant/fans/fan"
    ).split() == [
        "plant/device/gateway/pump/rms.onnx",
        "plant/group/fans/fan/rms.onnx",
    ]
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    said = run(folder, "status")
    assert f"{digest}  plant/device/gateway/pump/rms.onnx" in said
    assert "2 of 3 keys" in said
    assert "6 days left" in said
    assert "root-1.pem" in said
    until = f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=7):%Y-%m-%d}"
    assert until in run(folder, "renew")
    assert digest in run(folder, "withdraw", "plant/group/fans/fan/rms.onnx")
    assert f"{digest}  withdrawn" in run(folder, "status")
    assert "targets.pem is new" in run(folder, "rotate", "targets")


def test_what_the_commands_refuse(tmp_path: Path) -> None:
    folder, model = tmp_path / "models", write_artefact(tmp_path / "rms.onnx")
    with pytest.raises(ConfigError, match="no repository here"):
        run(folder, "status")
    with pytest.raises(ConfigError, match="cannot be a repository"):
        run(folder, "init", "--threshold", 4)
    run(folder, "init")
    with pytest.raises(ConfigError, match="there is a repository already"):
        run(folder, "init")
    with pytest.raises(ConfigError, match="nobody is named"):
        run(folder, "publish", model)
    for text in ("pump", "a/b/c/d", "plant/gateway/", "plant/gate:way/pump", "plant/../pump"):
        with pytest.raises(ConfigError, match="is no name"):
            run(folder, "publish", model, "--device", text)
    with pytest.raises(ConfigError, match="neither published nor"):
        run(folder, "withdraw", "plant/device/gateway/pump/rms.onnx")
    with pytest.raises(ConfigError, match="there is no key"):
        run(folder, "rotate", "root")
    long = write_artefact(tmp_path / "long.onnx", name="x" * 130)
    with pytest.raises(ConfigError, match="at most 120 bytes"):
        run(folder, "publish", long, "--device", "plant/gateway/pump")
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(ArtefactError):
        run(folder, "publish", tmp_path / "no.onnx", "--device", "plant/gateway/pump")


def test_a_new_model_takes_the_place_of_the_one_before(repository: Repository, tmp_path: Path) -> None:
    one, two = (write_artefact(tmp_path / "m.onnx", threshold=t).read_bytes() for t in (1.0, 2.0))
    other = TargetPath("plant", "device", "gateway", "pump", "other")
    neighbour = TargetPath("plant", "device", "gateway", "pump2", "rms")
    repository.publish({PUMP: one, neighbour: one}, NOW)
    repository.publish({other: two}, NOW)
    assert set(repository.targets().targets) == {str(other), str(neighbour)}
    repository.withdraw([hashlib.sha256(one).hexdigest()], NOW)
    assert set(repository.targets().targets) == {str(other)}
    with pytest.raises(ArtefactError, match="was withdrawn"):
        repository.publish({PUMP: one}, NOW)


def test_root_takes_as_many_keys_as_must_sign(repository: Repository, tmp_path: Path) -> None:
    drawers = tmp_path / "drawers"
    drawers.mkdir()
    before = (repository.folder / "root.json").read_bytes()
    for path in list(repository.keys.glob("root-*.pem")):
        path.rename(drawers / path.name)
    with pytest.raises(AccessError, match="too few keys of root"):
        repository.rotate("snapshot", [drawers / "root-1.pem"], NOW)
    assert (repository.folder / "root.json").read_bytes() == before
    repository.rotate("snapshot", [drawers / "root-1.pem", drawers / "root-3.pem"], NOW)
    assert repository.read("root", Root).version == 2
    with pytest.raises(ConfigError, match="this key is not here"):
        repository.rotate("timestamp", [drawers / "root-9.pem"], NOW)
    with pytest.raises(AccessError, match="cannot be opened"):
        repository.rotate("timestamp", [repository.folder / "root.json"], NOW)


def test_renew_signs_what_is_half_over(repository: Repository) -> None:
    repository.renew([], NOW)
    assert repository.targets().version == 1
    late = NOW + dt.timedelta(days=400)
    repository.renew([], late)
    assert (repository.targets().version, repository.read("root", Root).version) == (2, 1)
    repository.renew([], NOW + dt.timedelta(days=1000))
    assert repository.read("root", Root).version == 2
    snapshot, timestamp = repository.read("snapshot", Snapshot), repository.read("timestamp", Timestamp)
    assert snapshot.version == timestamp.snapshot_meta.version == 4
    assert len(list((repository.public / "metadata").glob("*.snapshot.json"))) == 2


def test_a_change_of_keys_that_was_interrupted_is_said(repository: Repository) -> None:
    stolen = (repository.keys / "targets.pem").read_bytes()
    repository.rotate("targets", [], NOW)
    (repository.keys / "targets.pem").write_bytes(stolen)
    with pytest.raises(ConfigError, match="not the key that root names"):
        repository.withdraw(["0" * 64], NOW)


def test_keys_that_are_encrypted(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("four words of no use\n")
    secret.chmod(0o600)
    repository = Repository(tmp_path / "models", Passphrase(secret))
    repository.init(1, 1, Lifetimes(), NOW, encrypt=True)
    for name in ("root-1", "targets"):
        assert b"ENCRYPTED" in (repository.keys / f"{name}.pem").read_bytes()
    repository.rotate("targets", [], NOW)
    repository.renew([], NOW)
    secret.write_text("another sentence\n")
    with pytest.raises(AccessError, match="cannot be opened"):
        Repository(tmp_path / "models", Passphrase(secret)).withdraw(["0" * 64], NOW)


def test_folders_that_were_signed_before_go_over(repository: Repository, tmp_path: Path) -> None:
    authority, folder = Folder(tmp_path / "authority"), tmp_path / "signed"
    authority.init("plant", NOW)
    folder.mkdir()
    write_artefact(folder / "rms.onnx")
    authority.sign_models(folder, NOW)
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG.format(port=1, line="/dev/null"))
    words = ("migrate", folder, "--config", config, "--authority", tmp_path / "authority" / "ca.crt")
    assert run(repository.folder, *words).split() == [str(PUMP)]
    assert list(repository.targets().targets) == [str(PUMP)]
    write_artefact(folder / "rms.onnx", threshold=3.0)
    with pytest.raises(ArtefactError, match="is not the file named"):
        run(repository.folder, *words)
    (folder / "rms.onnx").unlink()
    with pytest.raises(ConfigError, match="no sensor is watched"):
        run(repository.folder, *words)
