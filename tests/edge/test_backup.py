"""A dead card loses nothing that was learnt: backup, another card, restore."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.book import commissioning_steps as steps
from edge_runtime.configuration import Config, read_config
from edge_runtime.core import EdgeError
from edge_runtime.gateway import restore, save
from edge_runtime.models.baseline import baseline_folder
from edge_runtime.pipeline import library
from edge_runtime.pipeline.commissioned import read_commissioned
from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.learning_site import capture, let_it_learn
from tests.edge.sites import EDGE, Site, told
from tests.faults.commissioning_steps import ANNA, SETTINGS, learner_at, take_answer
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
