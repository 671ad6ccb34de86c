"""A real Mosquitto on a free port, and a subscriber that writes down what it gets."""

import contextlib
import json
import shutil
import socket
import subprocess
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="Mosquitto is not installed: apt install mosquitto"
)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until(happened, seconds=10.0, what="it"):
    """Wait until `happened()` is true and return what it gave; fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return result


def listens(port):
    """Whether somebody on this machine takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Broker:
    """Mosquitto with persistence on, so that a restart keeps what it acknowledged."""

    def __init__(self, folder, *extra):
        self.port = free_port()
        self._folder = folder / "broker"
        self._folder.mkdir()
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence true"]
        lines += [f"persistence_location {self._folder}/", "autosave_interval 1", "autosave_on_changes true"]
        lines += ["user root", "max_queued_messages 200000", "max_inflight_messages 100", *extra]
        self._config = self._folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._process = None

    def start(self):
        with (self._folder / "log").open("a") as log:
            command = [MOSQUITTO, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: listens(self.port), what="Mosquitto listening")
        return self

    def stop(self, *, kill=False):
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(10)
            self._process = None


class Subscriber:
    """An MQTT 5 client with a session that Mosquitto 2.0.11 keeps over a restart: clean start must be off."""

    def __init__(self, port, name="subscriber", reconnect_s=1.0):
        self.seen, self.subscribed = [], False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda _c, _d, message: self.seen.append((message.topic, message.payload))
        self._client.on_connect = lambda *_: self._client.subscribe("steadyhum/#", qos=1)
        self._client.on_subscribe = self._on_subscribe
        self._client.reconnect_delay_set(reconnect_s, reconnect_s)
        keep = Properties(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=keep)
        self._client.loop_start()
        until(lambda: self.subscribed, what="the subscription")

    def _on_subscribe(self, *_):
        self.subscribed = True

    def events(self):
        """Every event once: QoS 1 may deliver twice, and epoch and seq tell."""
        heard = [json.loads(body) for topic, body in self.seen if topic.endswith("/event")]
        return list({(body["epoch"], body["seq"]): body for body in heard}.values())

    def latest(self, leaf):
        bodies = [body for topic, body in self.seen if topic.endswith(f"/{leaf}")]
        return bodies[-1] if bodies else None

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
