"""Models that arrive: taken up, kept, sent back, by folder and by a server that breaks off."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_runtime.book.commissioning import Commissioning, Stage
from edge_runtime.cli.commands import app
from edge_runtime.core.errors import (
    AccessError,
    ArtefactError,
    BusyError,
    ConfigError,
    EdgeError,
    UnavailableError,
)
from edge_runtime.core.summary import LEARNT_HERE
from edge_runtime.gateway.preparation import prepare
from edge_runtime.gateway.updates.listing import taken_up_models
from edge_runtime.gateway.updates.places import CURRENT, PREVIOUS, SensorPlaces
from edge_runtime.gateway.updates.record import FILE, Entry, Record
from edge_runtime.gateway.updates.sending_back import go_back
from edge_runtime.gateway.updates.target_path import TargetPath
from edge_runtime.gateway.updates.updating import update
from edge_runtime.models.baseline import Baseline, write_baseline
from edge_runtime.pipeline.commissioned import write_record
from tests.attack.updates.lab import PUMP, Case, Lab
from tests.edge.driven import ROOT
from tests.waiting import HANG_S, scaled

NO_CRYPTOGRAPHY = (
    "import sys; sys.modules['cryptography'] = None; from edge_runtime.__main__ import main; main()"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab") / "lab")


@pytest.fixture
def case(lab: Lab) -> Case:
    return lab.case()


def edge(case: Case, *words: str) -> Result:
    """Type a command of the gateway; raises what it ends with."""
    done = CliRunner().invoke(app, [*words, "--config", str(case.folder / "edge.toml")])
    if isinstance(done.exception, EdgeError):
        raise done.exception
    return done


def test_updates_are_verified_without_compiled_packages(case: Case) -> None:
    """As a gateway has it: without the package that signs."""
    words = ("update", str(case.stick), "--config", str(case.folder / "edge.toml"))
    command = [sys.executable, "-c", NO_CRYPTOGRAPHY, *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=scaled(HANG_S), check=False
    )
    assert (done.returncode, "pump: taken up" in done.stdout) == (0, True), done


def test_the_commands_take_up_list_and_go_back(case: Case) -> None:
    done = edge(case, "update", str(case.stick))
    assert (done.exit_code, "pump: taken up" in done.output) == (0, True), done.output
    assert "the service does not run" in done.output
    new = case.runs()
    said = json.loads(edge(case, "models", "--json").output)
    assert (said["sha256"], said["target"], said["freshness"]) == (
        new,
        str(PUMP),
        "signed until it is withdrawn",
    )
    assert [entry["what"] for entry in said["history"]] == ["installed", "installed"]
    done = edge(case, "models", "--back", "pump", "--note", "rattles\x1b[2J")
    assert done.exit_code == 0, done.output
    assert case.runs() not in ("", new)
    listed = edge(case, "models").output
    assert "rattles" in listed
    assert "\x1b" not in listed
    assert edge(case, "update", str(case.stick)).exit_code == ArtefactError.exit_code
    done = edge(case, "update", str(case.stick), "--retry")
    assert (done.exit_code, case.runs()) == (0, new)


def test_going_back_ends_at_the_sites_own_file(case: Case) -> None:
    first = case.runs()
    assert case.look().startswith("new")
    assert case.places.sensor("pump").linked(PREVIOUS) == first
    assert go_back(case.config, "pump", "") == first
    go_back(case.config, "pump", "")
    assert case.runs() == ""
    assert prepare(case.folder / "edge.toml").sensors[0].model.name == "rms"
    with pytest.raises(ConfigError, match="no model was taken up"):
        go_back(case.config, "pump", "")
    with pytest.raises(ConfigError, match="no model was taken up"):
        go_back(case.config, "fan", "")
    shown = taken_up_models(case.config)[0]
    assert (shown.sha256, shown.freshness) == ("", "no freshness")


def test_a_model_that_cannot_be_opened_makes_way_for_the_one_before(case: Case) -> None:
    assert case.look().startswith("new")
    (case.places.sensor("pump").model_folder(case.runs()) / "model.onnx").write_bytes(b"torn")
    prepared = prepare(case.folder / "edge.toml")
    assert prepared.sensors[0].model.name == "first"
    assert "another model than its folder says" in prepared.not_taken_up["pump"]
    assert taken_up_models(case.config)[0].problem
    assert case.look().startswith("new"), "what is damaged is taken up again"
    assert prepare(case.folder / "edge.toml").not_taken_up == {}


def test_of_the_device_goes_before_that_of_its_group(case: Case, lab: Lab) -> None:
    group = replace(PUMP, kind="group", who="presses")
    case.publish(lab.second, group)
    assert case.look() == f"new: {group}"
    case.publish(lab.first, replace(PUMP, model="first"), alone=False)
    assert case.look().startswith("new: plant/device/gateway/pump/first")


def test_what_is_not_configured_is_said(case: Case) -> None:
    config = case.config
    with pytest.raises(ConfigError, match="trusts no repository"):
        list(update(replace(config, updates=replace(config.updates, root=None)), str(case.stick)))
    with pytest.raises(ConfigError, match="nothing says where to look"):
        list(update(config, ""))
    with case.places.held(), pytest.raises(BusyError, match="another update is at work"):
        list(update(config, str(case.stick)))
    assert list(update(replace(config, updates=replace(config.updates, source=str(case.stick))), ""))


def test_a_full_disk_is_said_and_changes_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = case.runs()
    case.places.incoming.mkdir(exist_ok=True)
    monkeypatch.setattr("edge_runtime.gateway.updates.keeping.FREE_BYTES", 2**60)
    assert "the disk is too full" in case.look()
    assert case.runs() == before


def test_what_is_a_name_and_what_is_none() -> None:
    assert TargetPath.parse(str(PUMP)) == PUMP
    for text in (
        "",
        "a/b/c/d/e.onnx",
        "a/device/c/d/e",
        "a/device/c/d/.onnx",
        "a/device/c/d?/e.onnx",
        "a/device/./d/e.onnx",
    ):
        with pytest.raises(ValueError, match="no SITE"):
            TargetPath.parse(text)


def test_links_after_a_cut_in_the_middle_of_a_change(tmp_path: Path) -> None:
    links = SensorPlaces(tmp_path)
    one, two = "1" * 64, "2" * 64
    links.switch(one)
    links.link(PREVIOUS, one)  # as a change from one is begun
    links.go_back()
    assert (links.linked(CURRENT), links.linked(PREVIOUS)) == ("", "")
    links.switch(one)
    links.switch(two)
    links.switch(two)
    assert (links.linked(CURRENT), links.linked(PREVIOUS)) == (two, one)


def test_a_record_that_is_damaged_is_begun_again(tmp_path: Path) -> None:
    record = Record.read(tmp_path)
    for text in ("", "[]", '{"entries": {"pump": [{"no": 1}]}, "refused": {}}', "[" * 9000):
        (tmp_path / FILE).write_text(text)
        record = Record.read(tmp_path)
        assert (record.entries, record.refused) == ({}, {})
    for _ in range(3):
        record.note(tmp_path, "pump", Entry(1.0, "refused", "1" * 64, why="no\x1b"))
    for number in range(80):
        record.note(tmp_path, "fan", Entry(1.0, "back", f"{number}"), never_again=True)
    read = Record.read(tmp_path)
    assert [entry.why for entry in read.entries["pump"]] == ["no\\x1b"]
    assert (len(read.entries["fan"]), len(read.refused["fan"])) == (50, 50)


def test_a_folder_that_cannot_be_written_is_said(case: Case) -> None:
    shutil.rmtree(case.places.folder)
    case.places.folder.write_text("a file in its place")
    with pytest.raises(AccessError, match="updates"):
        edge(case, "update", str(case.stick))
    shutil.rmtree(case.places.state_folder)
    if os.geteuid() == 0:
        with pytest.raises(UnavailableError, match="no state folder yet"):
            edge(case, "update", str(case.stick))


def test_a_withdrawn_model_and_its_successor_come_on_one_stick(case: Case, lab: Lab) -> None:
    case.repository.withdraw([lab.first_digest], dt.datetime.now(dt.UTC))
    back, new = case.look().splitlines()
    assert back == "back: the plant has withdrawn it"
    assert new.startswith("new: plant/device/gateway/pump/second")
    assert case.places.sensor("pump").linked(PREVIOUS) == "", "what was withdrawn is not gone back to"


def test_going_back_does_not_wait_for_a_slow_fetch(case: Case) -> None:
    with case.places.held():
        go_back(case.config, "pump", "")
    assert case.runs() == ""


def test_what_was_adapted_here_is_neither_replaced_nor_taken_back(case: Case, lab: Lab) -> None:
    state, digest = case.places.state_folder, lab.first_digest
    write_baseline(state, 1, Baseline("pump", LEARNT_HERE, digest, None, "from 0.5 h", "", 0), lab.first)
    write_record(state, "pump", Commissioning(stage=Stage.ARMED, baseline=1, newest=1))
    assert "its model was adapted at this machine" in case.look()
    with pytest.raises(ArtefactError, match="retire"):
        go_back(case.config, "pump", "")
    case.repository.withdraw([digest], dt.datetime.now(dt.UTC))
    assert "its model was adapted at this machine" in case.look()
    assert case.runs() == digest
