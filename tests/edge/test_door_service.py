"""The whole service through its door: the real command, a sensor, Mosquitto, and paho as a page uses it."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.core import Frame
from edge_runtime.door import DoorClient
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.doors import code
from tests.edge.remotes import moment
from tests.edge.sites import EDGE, Site, vibration

pytestmark = needs_mosquitto
BASE = "steadyhum/plant/gateway"
ALLOWED = "[commands]\nmqtt = true\n"


@pytest.fixture
def site(tmp_path: Path, subscriber: Subscriber, broker: Broker) -> Iterator[Site]:
    """With commands over MQTT allowed, and a subscriber that looks on; it is not started."""
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace("[[sensor]]", f"{ALLOWED}[[sensor]]")
        site.config.write_text(f"{text}silence_s = 600\n")  # silence between two plays is no alarm here
        yield site


class Panel:
    """An MQTT 5 client that gives commands and waits for their answers."""

    def __init__(self, port: int, name: str = "panel") -> None:
        self.name, self.answers = name, dict[bytes, dict[str, Any]]()
        self._counter = time.time_ns() // 1000
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"{BASE}/reply/{name}", qos=1)
        self._client.loop_start()
        until(self._subscribed.is_set, what="the subscription")

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.answers[message.properties.CorrelationData] = json.loads(message.payload)

    def give(self, verb: str, *, body: bytes | None = None, topic: str = "", **params: object) -> bytes:
        """Give a command; returns the correlation data of its answer."""
        self._counter += 1
        correlation = str(self._counter).encode()
        members = {"v": 1, "device": "plant/gateway", "by": self.name, "counter": self._counter}
        data = json.dumps({**members, "sent": moment(time.time()), "params": params}).encode()
        given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
        given.ResponseTopic = topic or f"{BASE}/reply/{self.name}"
        given.CorrelationData = correlation
        given.MessageExpiryInterval = 60
        self._client.publish(f"{BASE}/cmd/{verb}", data if body is None else body, qos=1, properties=given)
        return correlation

    def ask(self, verb: str, **how: Any) -> dict[str, Any]:
        """Give a command and wait for the answer."""
        given = {self.give(verb, **how): time.monotonic()}

        def answered() -> dict[str, Any] | None:
            if time.monotonic() - max(given.values()) > 3.0:  # none waits for a device to come
                given[self.give(verb, **how)] = time.monotonic()
            return next((self.answers[one] for one in given if one in self.answers), None)

        return until(answered, what=f"the answer to {verb}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None


def alarms(site: Site, *words: str, exit_code: int = 0) -> str:
    """Run `edge-runtime alarms`."""
    command = [*EDGE, "alarms", *words, "--config", str(site.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def open_alarm(site: Site, subscriber: Subscriber) -> str:
    """Let the machine be loud until there is an alarm; its id."""
    site.play(vibration(1.0, 9.0))
    return str(until(subscriber.anomalies, what="the alarm")[0]["id"])


def test_a_technician_acknowledges_and_shelves(site: Site, subscriber: Subscriber) -> None:
    """By the command, through the socket; each leaves a record that is an event, and a restart keeps it."""
    site.start()
    assert alarms(site, "list") == "no alarm is open\n"
    alarm = open_alarm(site, subscriber)
    assert alarm in alarms(site, "list")
    assert "acknowledged by root" in alarms(site, "acknowledge", alarm, "--note", "on my way")
    assert "was acknowledged before" in alarms(site, "acknowledge", alarm, exit_code=65)
    assert "shelved until" in alarms(site, "shelve", alarm, "--why", "bearing is ordered", "--for", "2h")
    assert "no length of time" in alarms(site, "shelve", alarm, "--why", "x", "--for", "soon", exit_code=78)
    assert "is open: it is unknown here" in alarms(site, "unshelve", "none", exit_code=65)
    actions = until(
        lambda: [body for body in subscriber.events() if body.get("action")][1:], what="the two records"
    )
    assert (actions[0]["action"], actions[0]["by"].split()[0]) == ("shelved", "root")
    site.stop()
    site.start()
    (listed,) = [json.loads(line) for line in alarms(site, "list", "--json").splitlines() if alarm in line]
    assert listed["acknowledged"]["note"] == "on my way"
    assert listed["shelved"]["why"] == "bearing is ordered"
    assert "shelved until" not in alarms(site, "unshelve", alarm)


def test_status_says_what_is_true(site: Site) -> None:
    site.start()
    done = subprocess.run(
        [*EDGE, "status", "--config", str(site.config)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("plant/gateway: ")
    assert "pump: " in done.stdout


def test_a_page_commands_over_mqtt(site: Site, subscriber: Subscriber, broker: Broker) -> None:
    """Request and answer with response topic and correlation data; a record names the sender."""
    site.start()
    alarm = open_alarm(site, subscriber)
    panel = Panel(broker.port)
    try:
        listed = panel.ask("alarms.list")
        assert [each["id"] for each in listed["result"]] == [alarm]
        assert panel.ask("status")["result"]["connected"] is True
        done = panel.ask("alarms.acknowledge", alarm=alarm, note="seen on the panel")
        assert done["result"]["acknowledged"]["who"] == "panel (mqtt)"
        assert code(panel.ask("alarms.acknowledge", alarm=alarm)) == "refused"
        assert code(panel.ask("reboot")) == "unknown_method"
        assert code(panel.ask("alarms.list", body=b"on")) == "bad_json"
        assert code(panel.ask("alarms.list", body=b'{"v":1,"params":{}}')) == "bad_request"
    finally:
        panel.close()
    record = until(lambda: [body for body in subscriber.events() if body.get("action")])[0]
    assert (record["action"], record["by"]) == ("acknowledged", "panel (mqtt)")


def test_what_is_not_obeyed_over_mqtt_changes_nothing(
    site: Site, subscriber: Subscriber, broker: Broker
) -> None:
    """Answers elsewhere, 1 MB, floods: the connection lasts, alarms go on, and a command is obeyed again."""
    site.start()
    alarm = open_alarm(site, subscriber)
    panel = Panel(broker.port)
    try:
        panel.give("alarms.acknowledge", topic="steadyhum/plant/other/reply/panel", alarm=alarm)
        panel.give("alarms.acknowledge", body=b"[" * 1_000_000)
        panel.give("alarms.acknowledge", body=b"\x00" * 4000)
        for _ in range(50):
            panel.give("x" * 150, body=b"\xff")
        assert panel.ask("alarms.list")["result"][0]["acknowledged"] is None
        with DoorClient(site.folder / "state" / "door.sock") as client:
            until(lambda: client.call("status")["connected"])
        health = until(lambda: subscriber.latest("health"))
        assert json.loads(health)["figures"]["mqtt.connections"] == 1
        assert panel.ask("alarms.acknowledge", alarm=alarm)["result"]
    finally:
        panel.close()


def test_a_device_that_takes_no_commands_answers_none(tmp_path: Path, broker: Broker) -> None:
    with broker, Site(tmp_path, broker.port) as site:
        site.start()
        panel = Panel(broker.port)
        try:
            with DoorClient(site.folder / "state" / "door.sock") as client:
                until(lambda: client.call("status")["connected"])
                panel.give("status")
                panel.give("alarms.list")
                assert client.call("status")["connected"]
        finally:
            panel.close()
        assert panel.answers == {}


def test_a_reload_keeps_the_door_open(site: Site, subscriber: Subscriber) -> None:
    site.start()
    with DoorClient(site.folder / "state" / "door.sock") as client:
        client.call("subscribe", to="event")
        pid = client.about["pid"]
        site.config.write_text(site.config.read_text() + "[sensor.alarm]\nvotes = [1, 1]\n")
        site.service.send_signal(signal.SIGHUP)
        until(lambda: "reloaded" in site.log(), what="the reload")
        until(lambda: _answers(client), what="an answer after the reload")
        assert client.about["pid"] == pid
        open_alarm(site, subscriber)
        assert next(client.items())["data"]["type"] == "new"


def _answers(client: DoorClient) -> bool:
    with suppress(Exception):
        return bool(client.call("status"))
    return False


def test_a_second_service_takes_nothing_from_the_first(site: Site) -> None:
    site.start()
    done = subprocess.run(
        [*EDGE, "run", "--config", str(site.config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 75, done.stderr
    alarms(site, "list")  # is answered as before


def test_kill_9_leaves_a_socket_that_the_next_start_takes_over(site: Site) -> None:
    site.start()
    site.stop(signal.SIGKILL)
    path = site.folder / "state" / "door.sock"
    assert path.exists()
    assert "no service listens" in alarms(site, "list", exit_code=69)
    site.start()
    alarms(site, "list")
    site.stop()
    assert not path.exists()


def test_frames_of_a_sensor_come_as_they_were_sent(site: Site) -> None:
    site.start()
    with DoorClient(site.folder / "state" / "door.sock") as client:
        client.call("subscribe", to="frames", sensor="pump", raw=True)
        site.play(vibration(1.0))
        got = b""
        for part in client.raw():
            got += part
            if got.count(b"\0") >= 3:  # frames end with a zero byte
                break
    assert [type(item) for item in FrameDecoder().feed(got)].count(Frame) >= 2


def test_a_storm_at_the_door_loses_no_window(site: Site, subscriber: Subscriber) -> None:
    """While clients send garbage, connect and vanish without an end, every window is scored in time."""
    site.start()
    path, stop = site.folder / "state" / "door.sock", threading.Event()
    sent = b"\n" * 60_000, os.urandom(60_000), b'{"v":1,"method":"status"}\n' * 500

    def storm(kind: int) -> None:
        while not stop.is_set():
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect(str(path))
                client.settimeout(0.05)
                client.sendall(sent[kind])
                client.recv(1000)

    threads = [threading.Thread(target=storm, args=(kind % 3,)) for kind in range(6)]
    for thread in threads:
        thread.start()
    try:
        site.play(vibration(*[1.0] * 6, 9.0))
        until(subscriber.anomalies, what="the alarm through the storm")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with DoorClient(path) as client:
        figures = client.call("status")["sensors"][0]["figures"]
    assert figures["dropped_bytes"] == 0
    assert figures["faults.gap"] == 0


def test_the_site_says_that_the_machine_stands_still_and_it_does_not(
    site: Site, subscriber: Subscriber, broker: Broker
) -> None:
    """Said over MQTT, shown in condition and status, compared with the vibration; unsaid, the alarm ends."""
    with site.config.open("a") as config:
        config.write("[sensor.states]\nmismatch_s = 0.3\n")

    def said() -> list[dict[str, Any]]:
        return [body for body in subscriber.events() if body["kind"] == "operating_state"]

    site.start()
    panel = Panel(broker.port)
    try:
        assert panel.ask("machine.state", sensor="pump", state="not_running")["result"]["sensor"] == "pump"
        assert code(panel.ask("machine.state", sensor="pump", state="idle")) == "refused"
        assert code(panel.ask("machine.state", sensor="fan", state="")) == "refused"
        site.play(vibration(1.0, 1.0, 1.0))
        event = until(said, what="the mismatch")[0]
        assert event["type"] == "new"
        assert event["reason"].startswith("state_mismatch: the site says not_running")
        condition = json.loads(until(lambda: subscriber.latest("condition")))
        assert condition["state_said"] == "not_running"
        assert "operating_state" in [alarm["kind"] for alarm in condition["alarms"]]
        (shown,) = panel.ask("status")["result"]["sensors"]
        assert shown["state_said"] == "not_running"
        panel.ask("machine.state", sensor="pump", state="")
        site.play(vibration(1.0, 1.0, 1.0, 1.0))
        until(lambda: [body for body in said() if body["type"] == "end"], what="its end")
    finally:
        panel.close()
