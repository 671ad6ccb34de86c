"""A dead card loses nothing that was learnt: backup, another card, restore."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.book import commissioning_steps as steps
from edge_runtime.configuration import Config, read_config
from edge_runtime.core import EdgeError
from edge_runtime.gateway import open_history, restore, save
from edge_runtime.gateway.backup import read_contents
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.models.baseline import baseline_folder
from edge_runtime.pipeline import library
from edge_runtime.pipeline.commissioned import read_commissioned
from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.history_pieces import put
from tests.edge.learning_site import capture, let_it_learn
from tests.edge.sites import EDGE, Site, told
from tests.faults.commissioning_steps import ANNA, SETTINGS, learner_at, take_answer
from tests.faults.history_driver import BEGIN, SENSORS
from tests.waiting import until


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Site]:
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\nusable_share = 0\n")
        yield site


def armed(site: Site) -> Path:
    """Let the pump be armed with a model that was learnt; return the state folder."""
    state = let_it_learn(site)
    capture(state)
    learner = learner_at(state)
    asked = learner.ask(commissioned(state).record, ANNA, ("normal",), ())
    record = take_answer(learner, asked, site.folder / "rms.onnx")
    record = steps.due(steps.watched(record, 1, 9, 0, 0), SETTINGS.terms, 6)
    learner.keep(steps.arm(record, ANNA))
    return state


def commissioned(state: Path) -> Any:
    return read_commissioned(state, "pump")[0]


def edge(*words: object, code: int = 0) -> str:
    done = subprocess.run([*EDGE, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@needs_mosquitto
def test_on_another_card_the_same_scores_and_the_open_alarm_goes_on(
    site: Site, subscriber: Subscriber
) -> None:
    state, stick = armed(site), site.folder / "stick"
    site.start()
    with site.playing(3.0):
        until(lambda: ("new", "anomaly") in told(subscriber), what="the alarm")
    edge("backup", stick, "--config", site.config)
    edge("backup", stick, "--config", site.config)  # again, in place of the first
    site.stop(9)
    files = [path for path in stick.rglob("*") if path.is_file()]
    assert not [path for path in files if b"PRIVATE KEY" in path.read_bytes()]
    model = baseline_folder(state, "pump", 1) / "model.onnx"
    window = np.float32(np.random.default_rng(1).standard_normal((640, 1)))
    scores, before = library.score(library.load_model(model), window), commissioned(state)
    key = (state / "seal" / "device.key").read_bytes()
    shutil.rmtree(state)
    state.mkdir()

    edge("restore", stick, "--config", site.config)
    after = commissioned(state)
    assert (after.record.stage, after.baseline, after.problem) == ("armed", before.baseline, "")
    assert library.score(library.load_model(model), window).tobytes() == scores.tobytes()
    assert (state / "seal" / "device.key").read_bytes() != key
    (opened,) = [event for event in subscriber.events() if event["kind"] == "anomaly"]
    site.start()
    with site.playing(0.2):
        until(lambda: ("end", "anomaly") in told(subscriber), what="the end of the alarm that went on")
    anomaly = [event for event in subscriber.events() if event["kind"] == "anomaly"]
    assert {event["id"] for event in anomaly} == {opened["id"]}
    assert len({event["epoch"] for event in anomaly}) == 2
    assert [event["by"] for event in anomaly if event["by"]] == ["restore"]
    site.stop()


def test_what_is_no_backup_of_this_device_is_refused_and_changes_nothing(site: Site) -> None:
    state, stick, config = armed(site), site.folder / "stick", read_config(site.config)
    save(config, stick)

    def refused(what: str, source: Path = stick, here: Config = config, code: int = 65) -> None:
        with pytest.raises(EdgeError, match=what) as raised:
            restore(here, source)
        assert raised.value.exit_code == code

    refused("has a commissioning here already")
    shutil.rmtree(state)
    state.mkdir()
    refused("is no whole backup", site.folder)
    another = replace(config, site=replace(config.site, device="another"))
    refused("is a backup of plant/gateway, and this is plant/another", here=another, code=78)
    model = stick / "commissioning" / "pump" / "1" / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1])
    refused("is damaged: commissioning/pump/1/model.onnx")
    # Somebody who also mends the list of the backup cannot mend the seal.
    body = json.loads((stick / "backup.json").read_text())
    model.write_bytes(whole + b"\0")
    body["files"]["commissioning/pump/1/model.onnx"] = hashlib.sha256(whole + b"\0").hexdigest()
    (stick / "backup.json").write_text(json.dumps(body))
    refused("is not the file named in SHA256SUMS")
    body["files"]["../../etc/passwd"] = "0" * 64
    (stick / "backup.json").write_text(json.dumps(body))
    refused("names a file outside of it")
    assert commissioned(state).record.stage == "learning"


@needs_mosquitto
def test_while_the_service_runs_nothing_is_restored(site: Site, subscriber: Subscriber) -> None:
    armed(site)
    edge("backup", site.folder / "stick", "--config", site.config)
    site.start()
    edge("restore", site.folder / "stick", "--config", site.config, code=75)


def minutes_of(path: Path) -> list[int]:
    with open_history(path) as reader:
        return [row.minute for row in reader.rows("s0", "minute", 0, 2 * BEGIN)]


def test_a_backup_holds_the_trends_too(site: Site) -> None:
    """They come to another card, and to none that has a history already."""
    state, stick, config = armed(site), site.folder / "stick", read_config(site.config)
    history = config.history.file(state)
    with closing(HistoryFile(history)) as file:
        put(file, BEGIN, 30, SENSORS)
    assert "Without history" not in edge("backup", stick, "--config", site.config)
    with closing(HistoryFile(history)) as file:
        put(file, BEGIN + 30, 1, SENSORS)
    shutil.rmtree(state / "commissioning")
    assert "a history here already" in restore(config, stick).no_history
    assert len(minutes_of(history)) == 31
    shutil.rmtree(state)
    state.mkdir()
    history.with_name("history.db-journal").write_bytes(b"of a file that is gone")
    assert "Without history" not in edge("restore", stick, "--config", site.config)
    assert minutes_of(history) == list(range(BEGIN, BEGIN + 30))
    assert [path.name for path in state.glob("*history*")] == ["history.db"]


def test_a_damaged_history_is_said_and_what_was_learnt_is_saved(site: Site) -> None:
    state, stick, config = armed(site), site.folder / "stick", read_config(site.config)
    config.history.file(state).write_bytes(b"\xff" * 5000)
    assert "Without history: " in edge("backup", stick, "--config", site.config)
    said = read_contents(stick)
    assert "it is no history" in said.no_history
    assert "history.db" not in said.files
    shutil.rmtree(state)
    state.mkdir()
    assert "Without history: " in edge("restore", stick, "--config", site.config)
    assert commissioned(state).record.stage == "armed"
    body = json.loads((stick / "backup.json").read_text())
    del body["no_history"]  # as an older program wrote it
    (stick / "backup.json").write_text(json.dumps(body))
    assert read_contents(stick).no_history == ""
