"""Evidence by the whole service: the real command, a sensor at a pty, Mosquitto, paho as a page uses it."""

import hashlib
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_runtime.door import DoorClient
from edge_runtime.gateway.evidence.transfers import MAX_MESSAGE_BYTES
from edge_runtime.sensors.captures import summarize
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.doors import code
from tests.edge.sites import EDGE, OFF, Site
from tests.edge.test_door_service import ALLOWED, Panel
from trainer.recordings.list_reading import load_list

pytestmark = needs_mosquitto
NORMAL, FAULTY = 0.3, 9.0
"""Levels of the machine, g."""
SHORT = "[evidence]\nbefore_s = 1.5\nafter_s = 1.5\nfree_bytes = 0\n[recording]\nfree_bytes = 0\n"
LARGEST = 10 * 1024
"""Bytes at which some subscribers break their connection."""


@pytest.fixture
def site(tmp_path: Path, subscriber: Subscriber, broker: Broker) -> Iterator[Site]:
    """With commands over MQTT allowed and short evidence; it is not started."""
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace(OFF, f"{ALLOWED}{SHORT}")
        site.config.write_text(f"{text}silence_s = 600\n")
        yield site


class Fetcher:
    """Puts chunks of evidence together; loses its connection after each, as often as it is told to."""

    def __init__(self, port: int, name: str = "panel") -> None:
        self.chunks: dict[int, bytes] = {}
        self.heads: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"steadyhum-transfer/plant/gateway/evidence/{name}", qos=1)
        self._client.loop_start()
        until(self._subscribed.is_set, what="the subscription")

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        line, _, data = message.payload.partition(b"\n")
        head = json.loads(line)
        self.sizes.append(len(message.payload))
        self.heads.append(head)
        self.chunks[head["index"]] = bytes(data)

    @property
    def missing(self) -> int:
        """Number of the first chunk that is not there."""
        return next(number for number in range(len(self.chunks) + 1) if number not in self.chunks)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None


def command(site: Site, *words: object, exit_code: int = 0) -> str:
    """Run `edge-runtime`."""
    asked = [*EDGE, *map(str, words)]
    if "--from" not in words:
        asked += ["--config", str(site.config)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def raise_alarm(site: Site, subscriber: Subscriber) -> list[dict[str, Any]]:
    """Let the machine be loud until there is an alarm, and calm until both its captures are told of."""
    with DoorClient(site.folder / "state" / "door.sock") as client, site.playing(NORMAL) as machine:
        until(lambda: held_s(client) > 2.0, what="the ring being full")
        machine.level = FAULTY
        until(lambda: told(subscriber, "evidence"), what="the evidence of its beginning")
        machine.level = NORMAL
        until(lambda: len(told(subscriber, "evidence")) == 2, what="the evidence of its end")
    return [body for body in subscriber.events() if body["kind"] == "anomaly"]


def held_s(client: DoorClient) -> float:
    """Seconds that the sensor was watched, and held in memory."""
    (sensor,) = client.call("status")["sensors"]
    return float(sensor["figures"]["windows"]) * 0.032


def told(subscriber: Subscriber, action: str) -> list[dict[str, Any]]:
    """Events of the machine with this action."""
    return [body for body in subscriber.events() if body["action"] == action and body["kind"] == "anomaly"]


def test_an_alarm_keeps_what_it_was_raised_by(
    site: Site, subscriber: Subscriber, broker: Broker, tmp_path: Path
) -> None:
    """Told of by events, listed, fetched with cuts at every chunk, replayed, judged, given to the trainer."""
    site.start()
    events = raise_alarm(site, subscriber)
    begin, end = told(subscriber, "evidence")
    (kept,) = begin["evidence"]
    assert (begin["type"], kept["moment"], kept["whole"], end["type"]) == ("update", "begin", True, "end")
    assert [each["moment"] for each in end["evidence"]] == ["begin", "end"]
    assert end["end_time"] is not None, "its end was before that of its last capture"
    assert not end["active"]
    assert [body["type"] for body in events] == ["new", "update", "end", "end"]
    assert all(len(body) <= LARGEST for topic, body in subscriber.seen), "what subscribers listen to"

    path = site.folder / "state" / "evidence" / "pump" / f"{kept['id']}.frames"
    data = path.read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (kept["sha256"], kept["bytes"])
    assert summarize(str(path)).damaged == 0
    assert kept["seconds"] == pytest.approx(3.2, abs=0.5)

    listed = [json.loads(line) for line in command(site, "evidence", "list", "--json").splitlines()]
    assert [each["moment"] for each in listed] == ["begin", "end"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{kept['id']}.frames.partial").write_bytes(data[:1000])  # of a break before
    command(site, "evidence", "get", kept["id"], "-o", tmp_path / "out")
    assert (tmp_path / "out" / path.name).read_bytes() == data
    said = command(site, "evidence", "replay", begin["id"])
    found = re.search(r"raises the same alarm, score (\S+), then (\S+)", said)
    assert found is not None, said
    assert float(found[1]) == pytest.approx(float(found[2]), rel=1e-5), "other windows"
    assert [each["words"] for each in begin["diagnosis"]] == [
        "not diagnosed: no stretch of 5 s without a gap is in it"
    ]
    check_fetched(broker, kept, data)

    assert "judged false by root" in command(
        site, "alarms", "judge", begin["id"], "false", "--note", "a door"
    )
    (judged,) = until(lambda: told(subscriber, "judged"), what="the judgement's event")
    assert (judged["judgement"]["verity"], judged["note"]) == ("false", "a door")
    assert judged["evidence"] == end["evidence"]
    assert "no judgement" in command(site, "alarms", "judge", begin["id"], "perhaps", exit_code=65)
    assert "no alarm none is open" in command(site, "alarms", "judge", "none", "real", exit_code=65)
    site.stop()
    (tmp_path / "stick").mkdir()
    assert "2 captures copied" in command(site, "evidence", "copy", tmp_path / "stick")
    assert "2 were there already" in command(site, "evidence", "copy", tmp_path / "stick")
    command(site, "evidence", "export", "-o", tmp_path / "list.csv", "--from", tmp_path / "stick")
    assert [row.label for row in load_list(tmp_path / "list.csv")] == ["normal", "normal"]
    assert "judged false" in command(site, "evidence", "list")  # without the service, from its folder


def check_fetched(broker: Broker, kept: dict[str, Any], data: bytes) -> None:
    """Fetch it over MQTT one chunk at a time, each over a connection of its own."""
    panel = Panel(broker.port)
    try:
        fetched: dict[int, bytes] = {}
        while len(fetched) * 6144 < len(data):
            fetcher = Fetcher(broker.port)
            fetcher.chunks = fetched
            try:
                said = panel.ask("evidence.fetch", id=kept["id"], to="panel", first=fetcher.missing, most=1)
                assert said["result"]["sha256"] == kept["sha256"]
                until(lambda: fetcher.sizes, what="a chunk")  # noqa: B023  it is over within the turn
            finally:
                fetcher.close()
            assert max(fetcher.sizes) <= MAX_MESSAGE_BYTES
            assert fetcher.heads[0]["count"] == said["result"]["count"]
        assert b"".join(fetched[number] for number in sorted(fetched)) == data
        assert len(panel.ask("evidence.list")["result"]) == 2
        assert code(panel.ask("evidence.fetch", id=kept["id"], to="a/b")) == "refused"
        assert code(panel.ask("evidence.fetch", id=kept["id"], to="panel", first=10_000)) == "refused"
        assert code(panel.ask("evidence.fetch", id="../../door", to="panel")) == "refused"
    finally:
        panel.close()


def test_a_kill_in_the_midst_leaves_evidence_that_goes_on(site: Site, subscriber: Subscriber) -> None:
    site.start()
    with site.playing(NORMAL) as machine:
        with DoorClient(site.folder / "state" / "door.sock") as client:
            until(lambda: held_s(client) > 2.0, what="the ring being full")
        machine.level = FAULTY
        until(lambda: [body for body in subscriber.events() if body["kind"] == "anomaly"], what="the alarm")
        folder = site.folder / "state" / "evidence" / "pump"
        until(lambda: list(folder.glob("*.frames")), what="the capture's beginning")
        (path,) = folder.glob("*.frames")
        begun = path.stat().st_size
        until(lambda: path.stat().st_size > begun, what="its going on")
        site.stop(signal.SIGKILL)
        before = path.read_bytes()
        site.start()
        (body,) = until(lambda: told(subscriber, "evidence"), what="its event")
    (kept,) = body["evidence"]
    data = path.read_bytes()
    assert data.startswith(before)
    assert hashlib.sha256(data).hexdigest() == kept["sha256"]
    assert kept["whole"]
