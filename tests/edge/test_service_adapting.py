"""A model of the same kind of machine, adapted at the machine by a command: what the plant sees of it."""

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.adapting_site import let_it_adapt
from tests.edge.learning_site import capture, commission
from tests.edge.sites import Site
from tests.edge.test_service_learning import FAULTY, NORMAL, by_command, latest, shadows
from tests.waiting import until

pytestmark = needs_mosquitto


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Site]:
    """A site whose sensor may be quiet for as long as a busy machine takes to come to it."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\nusable_share = 0\n")
        yield site


def origins(subscriber: Subscriber) -> list[tuple[str, str]]:
    """Type and origin of each event about the machine."""
    events = [event for event in subscriber.events() if event["kind"] == "anomaly"]
    return [(event["type"], event["model"]["origin"]) for event in events]


def test_a_delivered_model_is_adapted_armed_and_restored(site: Site, subscriber: Subscriber) -> None:
    state = let_it_adapt(site)
    shipped = hashlib.sha256((site.folder / "sister.onnx").read_bytes()).hexdigest()
    site.start()
    with site.playing(NORMAL) as machine:
        until(lambda: origins(subscriber) == [("new", "delivered")], what="the alarm of the model as shipped")
        until(lambda: latest(subscriber, "condition").get("link") == "up", what="its condition")
        assert latest(subscriber, "condition")["commissioning"] is None
        assert "0.0 s of normal vibration are recorded" in commission(site, "adapt")["refused"]
        assert "adapt the delivered one" in commission(site, "learn")["refused"]
        capture(state)
        assert by_command(site, "adapt", "--note", "it runs well") == "pump: delivered"
        assert commission(site)["learner"] == {"step": "adapting", "share": 0.0}
        assert "works for this sensor already" in commission(site, "adapt")["refused"]
        site.stop(signal.SIGKILL)
        site.start()  # and is done by the next start
        until(lambda: "asks to be armed" in latest(subscriber, "condition")["asks"], what="what it asks for")
        assert origins(subscriber)[-1] == ("end", "delivered"), "what is not armed is no alarm"
        machine.level = FAULTY
        until(lambda: shadows(subscriber), what="what it would have raised an alarm about")
        assert shadows(subscriber)[0]["model"]["origin"] == "adapted"
        machine.level = NORMAL
        until(lambda: shadows(subscriber)[1:], what="the end of that")
        assert commission(site, "arm")["stage"] == "armed"
        until(lambda: latest(subscriber, "condition")["commissioning"] == "armed", what="an armed sensor")
        machine.level = FAULTY
        until(lambda: ("new", "adapted") in origins(subscriber), what="the alarm of the adapted model")
        machine.level = NORMAL
        until(lambda: ("end", "adapted") in origins(subscriber), what="its end")
        info = json.loads(subscriber.latest("gateway/info") or b"{}")
        assert [model["origin"] for model in info["models"].values()] == ["adapted"]
        assert shipped not in info["models"], "it is another model than the one that was shipped"
        assert commission(site, "retire")["stage"] == "delivered"
        until(lambda: origins(subscriber)[-1] == ("new", "delivered"), what="the model as shipped, armed")
    model = latest(subscriber, "state")["model"]
    assert (model["sha256"], model["origin"]) == (shipped, "delivered")
    assert latest(subscriber, "condition")["commissioning"] is None
    site.stop()
