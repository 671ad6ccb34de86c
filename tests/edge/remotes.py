"""A device's commands over MQTT: what a sender in order says, and what does it."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_runtime.door import Door, Registry
from edge_runtime.gateway.evidence.transfers import Transfers
from edge_runtime.gateway.mqtt_commands import MqttCommands
from edge_runtime.messages import Topics
from tests.edge.doors import OpenDoor

TOPICS = Topics("steadyhum", "site", "device")
REPLY = "steadyhum/site/device/reply/panel-3"


def command(counter: int, **members: Any) -> dict[str, Any]:
    """A command that is obeyed, with some members changed; None takes one out."""
    body = {
        "v": 1,
        "device": "site/device",
        "by": "panel-3",
        "counter": counter,
        "sent": moment(time.time()),
        "params": {"alarm": "a1", "note": "seen"},
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


def moment(seconds: float) -> str:
    """A time as commands have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class Device:
    """What takes commands, with a book that notes them; `turn` is the service's own."""

    def __init__(self, folder: Path) -> None:
        self.noted: list[Any] = []
        self._door = OpenDoor(folder)
        self.door = Door(dict)
        self.door.work.registry = Registry(self._door.methods())
        self.noted = self._door.noted
        self.commands = MqttCommands(self.door.work, TOPICS, folder, Transfers(TOPICS.evidence))

    def give(
        self,
        body: object,
        verb: str = "alarms.note",
        *,
        response: str = REPLY,
        correlation: bytes = b"\x00\xff7",
        retained: bool = False,
        expiry_s: int | None = None,
    ) -> Any:
        """Give a command as bytes or an object; the answer, or None where there is none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.commands.remote.receive(
            verb,
            data,
            retained=retained,
            response_topic=response,
            correlation=correlation,
            expiry_s=expiry_s,
        )
        self.door.pump()
        reply = self.commands.take_reply()
        if reply is None:
            return None
        assert (reply.topic, reply.correlation) == (response, correlation)
        return json.loads(reply.body)

    def counted(self, name: str) -> float | None:
        """A counter of its health."""
        return self.commands.remote.figures()[name]
