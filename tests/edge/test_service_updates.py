"""A model is taken up and sent back while the service watches, which changes over in place.

That such a reload loses no window is counted in test_service_reload."""

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.publishing.lists import Lifetimes
from deploy.publishing.repository import Repository
from edge_runtime.door import DoorClient
from edge_runtime.gateway.updates.target_path import TargetPath
from tests.artefacts import write_artefact
from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.gateways import events
from tests.edge.sites import EDGE, Site
from tests.waiting import HANG_S, scaled, until

pytestmark = needs_mosquitto
TARGET = TargetPath("plant", "device", "gateway", "pump", "quiet")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Site]:
    now = dt.datetime.now(dt.UTC)
    # Not on probation: the model that raises an alarm all the time is to be sent back by hand.
    with Site(tmp_path, broker.port) as site:
        repository = Repository(tmp_path / "models")
        repository.init(1, 1, Lifetimes(), now, encrypt=False)
        write_artefact(tmp_path / "quiet.onnx", name="quiet", threshold=0.5)
        repository.publish({TARGET: (tmp_path / "quiet.onnx").read_bytes()}, now)
        shutil.copy(tmp_path / "models" / "root.json", tmp_path / "root.json")
        text = site.config.read_text()
        site.config.write_text(
            text.replace("[[sensor]]", '[updates]\nroot = "root.json"\nwindows = 0\n[[sensor]]')
        )
        yield site.start()


def edge(site: Site, *words: str) -> str:
    done = subprocess.run(
        [*EDGE, *words, "--config", site.config],
        capture_output=True,
        text=True,
        timeout=scaled(HANG_S),
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def models_of(site: Site) -> Any:
    """What the service says of the pump's model."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return client.call("models.list")[0]


def troubles_of(site: Site) -> Any:
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return client.call("status")["troubles"]


def figures(site: Site) -> Any:
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return client.call("status")["sensors"][0]["figures"]


def anomalies(subscriber: Subscriber) -> list[Any]:
    """Events of the machine, and not of a line that a busy host reads late."""
    return [said for body in events(subscriber) if (said := json.loads(body))["kind"] == "anomaly"]


def test_taken_up_and_sent_back_in_place(site: Site, broker: Broker) -> None:
    stick = str(site.folder / "models" / "repository")
    with Subscriber(broker.port) as subscriber, site.playing(0.7):
        until(lambda: figures(site)["windows"] > 20, what="windows scored by the model of before")
        assert anomalies(subscriber) == [], "0.7 g is calm for a threshold of 1"
        said = edge(site, "update", stick)
        assert "pump: taken up" in said
        assert "the service runs it" in said
        until(lambda: anomalies(subscriber), what="an alarm by the new model, whose threshold is 0.5")
        raised = anomalies(subscriber)[0]
        assert (raised["type"], raised["model"]["name"]) == ("new", "quiet")
        said = edge(site, "models", "--back", "pump", "--note", "too shrill")
        assert "the service runs it" in said
        until(
            lambda: any(each["type"] == "end" for each in anomalies(subscriber)),
            what="the end of the alarm by the rule of the model before",
        )
        listed = json.loads(edge(site, "models", "--json"))
        assert listed["runs"]["name"] == "rms"
        assert [entry["what"] for entry in listed["history"]] == ["installed", "back"]
    assert site.log().count("pump adjusted") == 2, "in place: the port stays open, and no window is lost"
