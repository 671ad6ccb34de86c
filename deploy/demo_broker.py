"""Parts of the demos: a broker, and a subscriber that prints what it receives."""

import contextlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.demo_processes import free_port, process, reachable, say, wait_for

COME_S = 20
"""For the broker and the gateway to come or go: they take 1 s, and BUSY times as long is waited."""
_ROOT = Path(__file__).resolve().parent.parent

QUIET = threading.Event()
"""Set where what else is printed has to stay on the screen."""
Seen = list[tuple[float, str, str]]
"""Of each message the time at which it came, its topic, its body."""


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[tuple[int, str]]:
    """Start a broker on a free port, its files in the folder; yield the port and its MQTT version."""
    port = free_port()
    mosquitto = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if mosquitto:
        (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        command, version = [mosquitto, "-c", folder / "mosquitto.conf"], "5"
    else:
        say("Mosquitto is not installed: an embedded broker takes its place, which speaks only MQTT 3.1.1")
        command, version = [sys.executable, _ROOT / "deploy" / "embedded_broker.py", str(port)], "3.1.1"
    log = (folder / "broker.log").open("w")
    with log, process(command, stdout=log, stderr=log):
        wait_for(lambda: reachable(port), "the broker", COME_S)
        say(f"{'Mosquitto' if mosquitto else 'the embedded broker'} listens on port {port}")
        yield port, version


@contextlib.contextmanager
def subscriber(port: int, version: str) -> Iterator[Seen]:
    """Subscribe to all topics; yield the growing list of (time, topic, body)."""
    seen: Seen = []
    protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-subscriber", protocol=protocol)
    client.on_message = lambda _client, _data, message: show(seen, message.topic, message.payload.decode())
    client.on_connect = _subscribe
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


def _subscribe(client: mqtt.Client, *_: Any) -> None:
    client.subscribe("steadyhum/#", qos=1)


def show(seen: Seen, topic: str, body: str) -> None:
    """Append a message to `seen` and print it, unless it is to be quiet."""
    seen.append((time.time(), topic, body))
    if not QUIET.is_set():
        print(f"  {time.strftime('%H:%M:%S')}  {topic}  {shortened(body)}", flush=True)


def shortened(body: str) -> str:
    """Return the fields of a JSON body that matter to a reader; any other body as it is."""
    with contextlib.suppress(ValueError):
        fields = json.loads(body)
        if isinstance(fields, dict):
            shown = (
                "type",
                "alarm",
                "kind",
                "commissioning",
                "asks",
                "reason",
                "score",
                "threshold",
                "start_time",
                "end_time",
                "seq",
            )
            return "  ".join(f"{name}={neat(fields[name])}" for name in shown if fields.get(name))
    return body


def neat(value: object) -> object:
    """Return a float with four significant digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else value
