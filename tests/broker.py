"""A real Mosquitto on a port of its own, and a subscriber that writes down what it gets."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.held_ports import held_port
from tests.processes import end, start
from tests.waiting import until

__all__ = [
    "MOSQUITTO",
    "Broker",
    "Mosquitto",
    "Subscriber",
    "free_port",
    "listens",
    "needs_mosquitto",
    "retained_at",
    "until",
]

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="Mosquitto is not installed: apt install mosquitto"
)

REAL_SERVICE = "steadyhum/plant/gateway/"
"""What the topics of every service that tests start begin with (tests/edge/sites.py)."""


def free_port() -> int:
    """A port on which nobody listens but what the test starts there, as often as it likes."""
    return held_port()


def listens(port: int) -> bool:
    """Whether somebody on this machine takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Mosquitto:
    """Mosquitto with a configuration file, which may be stopped and started again."""

    def __init__(self, config: Path, log: Path) -> None:
        self.config, self.log = config, log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it and wait until it listens on all its ports."""
        with self.log.open("a") as log:
            self._process = start([MOSQUITTO, "-c", self.config], stdout=log, stderr=log)
        ports = set(map(int, re.findall(r"^listener (\d+)", self.config.read_text(), re.MULTILINE)))
        try:
            until(lambda: ports <= self._listening(), what="Mosquitto listening")
        except BaseException:
            self.stop(kill=True)
            raise
        return self

    def _listening(self) -> set[int]:
        """The ports that this very process listens on, whoever else is there."""
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = psutil.Process(self._process.pid).net_connections("tcp")
            found = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
        code = self._process.poll()
        assert code is None, f"Mosquitto ended with {code}: {self.log.read_text()[-2000:]}"
        return found

    def reload(self) -> None:
        """Let it read its configuration again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Let it do nothing any more, and its connections stand: as without power, no FIN and no RST."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self, *, kill: bool = False) -> None:
        """End it, if it runs."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(signal.SIGCONT)  # frozen it would end by force only
            end(process, signal.SIGKILL if kill else signal.SIGTERM)


class Broker(Mosquitto):
    """Mosquitto with persistence on, so that a restart keeps what it acknowledged."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.port = free_port()
        self.folder = folder / "broker"
        self.folder.mkdir()
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence true"]
        lines += [f"persistence_location {self.folder}/", "autosave_interval 1", "autosave_on_changes true"]
        lines += ["user root", "max_queued_messages 200000", "max_inflight_messages 100", *extra]
        super().__init__(self.folder / "mosquitto.conf", self.folder / "log")
        self.config.write_text("\n".join(lines) + "\n")

    @property
    def far_port(self) -> int:
        """Where subscribers listen."""
        return self.port

    def close(self) -> None:
        """End it, and whatever belongs to it."""
        self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Subscriber:
    """An MQTT 5 client with a session that Mosquitto 2.0.11 keeps over a restart: clean start must be off."""

    def __init__(self, port: int, name: str = "subscriber", reconnect_s: float = 1) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.subscribed = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        # paho says int, and takes any number of seconds.
        self._client.reconnect_delay_set(reconnect_s, reconnect_s)  # type: ignore[arg-type]
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        keep.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=keep)
        self._client.loop_start()
        try:
            until(lambda: self.subscribed, what="the subscription")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self._check_schemas()

    def _check_schemas(self) -> None:
        """All that a real service told fits docs/schema; tests publish under other names themselves."""
        from tests.schemas import wrong  # noqa: PLC0415  it reads files of the product

        misfits = wrong(self.seen, REAL_SERVICE)
        assert not misfits, "\n".join(misfits[:5])

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe("steadyhum/#", qos=1)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.seen.append((message.topic, bytes(message.payload)))

    def _on_subscribe(self, *_: object) -> None:
        self.subscribed = True

    def events(self) -> list[dict[str, Any]]:
        """Every event once: QoS 1 may deliver twice, and epoch and seq show it."""
        heard = [json.loads(body) for topic, body in self.seen if topic.endswith("/event")]
        return list({(body["epoch"], body["seq"]): body for body in heard}.values())

    def anomalies(self) -> list[dict[str, Any]]:
        """Beginnings and ends of alarms of machines: a sensor that is played to on a busy machine may be late
        and silent for a while, which is another alarm."""
        events = self.events()
        return [body for body in events if body["kind"] == "anomaly" and body["type"] in ("new", "end")]

    def catch_up(self) -> None:
        """Wait until all that the broker had for us by now has come: a message of our own comes behind it."""
        topic = f"steadyhum/catch-up/{time.monotonic_ns()}"
        self._client.publish(topic, b"x", qos=1)
        until(lambda: (topic, b"x") in self.seen, what="what the broker has")

    def latest(self, leaf: str) -> bytes | None:
        """The body of the newest message to a topic that ends so."""
        bodies = [body for topic, body in self.seen if topic.endswith(f"/{leaf}")]
        return bodies[-1] if bodies else None

    def close(self) -> None:
        """Disconnect, and end its thread."""
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None


def retained_at(port: int, topics: str) -> dict[str, bytes]:
    """What a broker retains of these topics, as a client that comes now is given it."""
    found: dict[str, bytes] = {}
    acks: list[object] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def note(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        found[message.topic] = bytes(message.payload)

    def ask(*_: object) -> None:
        client.subscribe(topics, qos=1)

    def end(*_: object) -> None:  # what is retained is sent before the answer to this
        client.publish("end/of/it", b"", qos=1)

    client.on_message, client.on_connect, client.on_subscribe = note, ask, end
    client.on_publish = lambda *seen: acks.append(seen)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        until(lambda: acks, what="the retained messages")
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_message = client.on_connect = client.on_subscribe = client.on_publish = None
    return {topic: body for topic, body in found.items() if body}
