"""Clients that fetch one piece of evidence over MQTT again and again, as processes of their own would.

`python -m tests.benchmarks.fetchers PORT ID COUNT`: says `ready`, fetches until its input ends, and then says
how many bytes came and how often all of it had.
"""

import hashlib
import json
import sys
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.edge.remotes import moment

BASE = "steadyhum/plant/gateway"
CHUNKS = "steadyhum-transfer/plant/gateway/evidence"


class Fetcher:
    """One client: asks for the first chunk that is missing whenever what it asked for has come."""

    def __init__(self, port: int, evidence: str, name: str) -> None:
        self.bytes = self.whole = 0
        self._evidence, self._name, self._counter = evidence, name, time.time_ns() // 1000
        self._chunks: dict[int, bytes] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self.ask()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(f"{CHUNKS}/{name}", qos=1)

    def ask(self) -> None:
        """Ask for what is missing."""
        self._counter += 1
        params = {"id": self._evidence, "to": self._name, "first": len(self._chunks)}
        members = {"v": 1, "device": "plant/gateway", "by": self._name, "counter": self._counter}
        body = json.dumps({**members, "sent": moment(time.time()), "params": params})
        given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
        given.ResponseTopic = f"{BASE}/reply/{self._name}"
        self.client.publish(f"{BASE}/cmd/evidence.fetch", body, qos=1, properties=given)

    def _on_message(self, _client: object, _data: object, message: Any) -> None:
        line, _, data = message.payload.partition(b"\n")
        head = json.loads(line)
        self.bytes += len(data)
        self._chunks[head["index"]] = data
        if len(self._chunks) == head["count"]:
            file = b"".join(self._chunks[number] for number in sorted(self._chunks))
            assert hashlib.sha256(file).hexdigest() == head["sha256"]
            self.whole += 1
            self._chunks = {}
            self.ask()
        elif head["index"] % 128 == 127:  # as many as one request gives
            self.ask()


def main(port: int, evidence: str, count: int) -> None:
    """Fetch with so many clients."""
    fetchers = [Fetcher(port, evidence, f"fetcher-{number}") for number in range(count)]
    for fetcher in fetchers:
        fetcher.client.loop_start()
    print("ready", flush=True)
    sys.stdin.read()
    for fetcher in fetchers:
        fetcher.client.disconnect()
        fetcher.client.loop_stop()
    print(
        json.dumps([sum(each.bytes for each in fetchers), sum(each.whole for each in fetchers)]), flush=True
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
