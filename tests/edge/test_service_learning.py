"""A sensor without a model, from its first window to its first alarm, as its users have it."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import learning_folder, read_request
from edge_runtime.pipeline import Watch, library, replay_capture
from tests.bridged import both_ways
from tests.broker import Broker, Subscriber, needs_mosquitto
from tests.edge.learning_site import answer, asked, capture, commission, let_it_learn
from tests.edge.sites import EDGE, Site, told
from tests.waiting import until

NORMAL, FAULTY = 0.2, 3.0
"""Levels of the machine, g."""


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Site]:
    """A site whose sensor learns, and may be quiet for as long as a busy machine takes to come to it."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text() + "silence_s = 3600\nusable_share = 0\n")
        yield site


def by_command(site: Site, *arguments: str) -> str:
    """The first line of what the command says."""
    command = [*EDGE, "commission", "pump", *arguments, "--config", str(site.config)]
    return subprocess.check_output(command, text=True).splitlines()[0]


def latest(subscriber: Subscriber, leaf: str) -> dict[str, Any]:
    """The newest message of the pump on that topic; empty before the first."""
    body: dict[str, Any] = json.loads(subscriber.latest(f"pump/{leaf}") or b"{}")
    return body


def shadows(subscriber: Subscriber) -> list[dict[str, Any]]:
    """What the pump said in the shadow."""
    return [json.loads(body) for topic, body in subscriber.seen if topic.endswith("/pump/shadow")]


@needs_mosquitto
@both_ways("plant/gateway")
def test_from_no_model_to_an_alarm(site: Site, subscriber: Subscriber) -> None:
    state = let_it_learn(site)
    site.start()
    with site.playing(NORMAL) as machine:
        until(lambda: latest(subscriber, "condition").get("link") == "up", what="the sensor being heard")
        assert latest(subscriber, "condition")["commissioning"] == "learning"
        capture(state)
        assert commission(site, "learn")["learner"] == {"step": "", "share": 0.0}
        answer(state, asked(state), site.folder / "rms.onnx")
        until(lambda: bool(latest(subscriber, "condition")["asks"]), what="the sensor asking to be armed")
        said = commission(site)
        assert (said["stage"], said["alarms"]) == ("shadow", 0)
        machine.level = FAULTY
        until(lambda: shadows(subscriber), what="what it would have raised an alarm about")
        machine.level = NORMAL
        until(lambda: shadows(subscriber)[1:], what="the end of that")
        assert [(body["shadow"], body["type"]) for body in shadows(subscriber)[:2]] == [
            (True, "new"),
            (True, "end"),
        ]
        assert [kind for _, kind in told(subscriber) if kind == "anomaly"] == []
        assert by_command(site, "arm", "--note", "heard it myself") == "pump: armed"
        until(lambda: latest(subscriber, "condition")["commissioning"] == "armed", what="an armed sensor")
        machine.level = FAULTY
        until(lambda: ("new", "anomaly") in told(subscriber), what="the alarm")
    assert latest(subscriber, "state")["model"]["origin"] == "learnt-here"
    site.stop()
    subscriber.close()


@needs_mosquitto
def test_what_makes_no_sense_is_a_sentence_with_a_remedy(site: Site, subscriber: Subscriber) -> None:
    state = let_it_learn(site)
    site.config.write_text(
        site.config.read_text()
        + '\n[[sensor]]\nname = "fan"\nport = "/dev/ttyACM9"\nmodel = "rms.onnx"\nrate_hz = 1000\n'
        'channels = ["x"]\nunit = "g"\n'
    )
    site.start()

    def refused(verb: str, *, says: str, remedy: str, sensor: str = "pump", **params: str) -> None:
        said = commission(site, verb, sensor=sensor, **params)
        assert said.get("code") == 65, said
        assert says in said["refused"]
        assert remedy in said["refused"]
        assert "Traceback" not in said["refused"]

    refused("learn", says="0.0 s of normal vibration are recorded", remedy="edge-runtime record")
    refused("learn", sensor="motor", says="no sensor of that name is watched: motor", remedy="pump, fan")
    refused("learn", sensor="fan", says="watched by a delivered model", remedy='`model = "learn"`')
    refused("arm", says="in the stage learning", remedy="commission SENSOR status")
    refused("accept", says="nothing is offered", remedy="commission SENSOR status")
    refused("choose", stage="shadow", says="'shadow' by a word", remedy="calibrating, armed, retired")
    refused("choose", stage="armed", says="in the stage learning", remedy="commission SENSOR status")
    refused("choose", stage="calibrating", says="nothing is offered", remedy="commission SENSOR status")
    refused("retire", says="no learnt model to retire", remedy="commission SENSOR learn")
    capture(state, seconds=1.5)
    refused("learn", says="2.0 s are needed: 0.5 s are missing", remedy="--for 10s")
    alien = capture(state, seconds=2.5, name="b", sensor="fan")
    refused("learn", says="the sensor 'fan' and not 'pump'", remedy="Move it out of this folder")
    alien.unlink()
    capture(state, seconds=1.5, name="c", label="bearing")
    refused("learn", says="in 1 captures", remedy="edge-runtime record")
    capture(state, seconds=1.5, name="d")
    commission(site, "learn")
    refused("learn", says="works for this sensor already", remedy="give it up")
    refused("after-repair", says="the learner is at work", remedy="retire")
    request = asked(state)
    assert [item.path for item in request.captures] == ["captures/pump/a.frames", "captures/pump/d.frames"]
    assert request.asked_by
    answer(state, request, site.folder / "rms.onnx", outcome="refused", reason="zone D", remedy="Repair it")
    until(lambda: "zone D. Repair it" in commission(site)["asks"], what="the learner's refusal")
    commission(site, "after-repair")
    refused("learn", says="in 0 captures", remedy="edge-runtime record")
    assert len(list((state / "captures" / "pump").glob("*.frames"))) == 3, "what was recorded is kept"


@needs_mosquitto
def test_a_model_that_cannot_be_used_is_a_fault_of_that_sensor_and_known_to_check(
    site: Site, subscriber: Subscriber
) -> None:
    state = let_it_learn(site, shadow_s=0.1, auto_arm=True)
    capture(state)
    site.start()
    with site.playing(NORMAL):
        commission(site, "learn")
        answer(state, asked(state), site.folder / "rms.onnx", sha256="0" * 64)
        until(lambda: "is not the file that the learner names" in commission(site)["asks"], what="a refusal")
        commission(site, "learn")
        answer(state, asked(state), site.folder / "rms.onnx", days=0)
        until(lambda: latest(subscriber, "condition").get("commissioning") == "armed", what="arming itself")
        assert "on unknown days, as no clock was set" in commission(site)["rests_on"]
    record = json.loads((state / "commissioning" / "pump" / "record.json").read_text())
    assert record["history"][-1]["who"] == "auto_arm"
    site.stop()
    check = [*EDGE, "check", "--config", str(site.config)]
    assert "pump: armed, ok" in subprocess.check_output(check, text=True)
    model = state / "commissioning" / "pump" / "1" / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 65
    assert "is not as this device sealed it" in done.stdout
    site.start()
    with site.playing(NORMAL):
        until(lambda: ("new", "model_fault") in told(subscriber), what="the fault of the model")
        until(lambda: "sealed" in latest(subscriber, "condition").get("model_fault", ""), what="its reason")


@needs_mosquitto
def test_what_speaks_against_arming_is_kept_and_can_be_learnt_from(
    site: Site, subscriber: Subscriber
) -> None:
    state = let_it_learn(site, shadow_s=2.0)
    capture(state)
    site.start()
    with site.playing(NORMAL):
        commission(site, "learn")
        answer(state, asked(state), site.folder / "rms.onnx")
        until(lambda: latest(subscriber, "condition").get("commissioning") == "shadow", what="the shadow")
    site.stop(signal.SIGKILL)
    site.start()
    assert commission(site)["stage"] == "shadow", "it goes on where it was"
    with site.playing(FAULTY) as machine:
        until(lambda: bool(shadows(subscriber)), what="an anomaly in the shadow")
        machine.level = NORMAL
        until(lambda: "does not arm" in commission(site)["asks"], what="why it does not arm")
        kept = state / "captures" / "pump"
        until(lambda: bool(list(kept.glob("*-shadow.frames"))), what="what spoke against it")
    (evidence,) = kept.glob("*-shadow.frames")
    watch = Watch.of(library.load_model(site.folder / "rms.onnx"))
    assert any(item.verdict.exceeded for item in replay_capture(str(evidence), watch)), "the fault is in it"
    commission(site, "learn", with_shadow=True)
    request = asked(state)
    assert {Path(item.path).name for item in request.captures} == {"a.frames", evidence.name}
    assert [event for event in told(subscriber) if event[1] == "anomaly"] == []
    commission(site, "choose", stage="retired")
    assert (commission(site)["stage"], read_request(learning_folder(state, "pump"))) == ("retired", None)
    assert [entry["what"] for entry in commission(site)["history"]][-1] == "retired model 0"
