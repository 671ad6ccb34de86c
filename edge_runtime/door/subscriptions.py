"""What can be subscribed to, on its way from the service's thread to the door's: `Feed`."""

import base64
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from edge_runtime.core import printable
from edge_runtime.door.protocol import Code, RequestError, encode_item

MAX_WAITING_BYTES: Final = 2 * 1024 * 1024
"""Of all sensors' frames, and as much again of all else, for the moment that the door's thread takes to come
to it: 20 lines of 921600 baud for a second."""


class Topic(StrEnum):
    """What a subscriber gets; all but frames as the broker gets it, under the same names."""

    EVENT = "event"
    """Every event of an alarm, and the records of acknowledging and shelving it."""
    STATE = "state"
    """How it stands with the machine at a sensor: at each change, and when it is said again."""
    CONDITION = "condition"
    """How it stands with the sensor itself, likewise."""
    SCORE = "score"
    """Each window's score."""
    FRAMES = "frames"
    """Bytes as the sensor sent them; base64 in a line, or raw."""


@dataclass(frozen=True, slots=True)
class SubscribeParams:
    """What to bring."""

    to: str
    sensor: str = ""
    """Empty for all of them."""
    raw: bool = False
    """With `frames` of one sensor: after the answer its bytes and nothing else."""


class Item(NamedTuple):
    """One thing to be brought."""

    topic: str
    sensor: str
    body: bytes
    """JSON; of `frames` the bytes."""


class Feed:
    """Written by the service's thread, read by the door's; bounded, and nothing where nobody listens."""

    def __init__(self) -> None:
        """Nobody has subscribed."""
        self.wake: Callable[[], None] = lambda: None
        """Called when something waits."""
        self.sensors: frozenset[str] = frozenset()
        """The names of the sensors that there are."""
        self._wanted: frozenset[tuple[str, str]] = frozenset()
        self._mutex = threading.Lock()
        self._waiting: deque[Item] = deque()
        self._waiting_bytes: Counter[bool] = Counter()
        self._missed: Counter[tuple[str, str]] = Counter()
        self._missed_bytes: Counter[tuple[str, str]] = Counter()

    def wants(self, topic: Topic, sensor: str) -> bool:
        """Whether anybody listens to that: what nobody wants need not be made."""
        wanted = self._wanted
        return bool(wanted) and ((topic, sensor) in wanted or (topic, "") in wanted)

    def bring(self, topic: Topic, sensor: str, body: bytes) -> None:
        """Hand it to the subscribers. Never waits; where they cannot keep up it counts as missed."""
        if not self.wants(topic, sensor):
            return
        bulky = topic is Topic.FRAMES  # frames must not push an alarm out
        with self._mutex:
            if self._waiting_bytes[bulky] + len(body) > MAX_WAITING_BYTES:
                self._missed[topic, sensor] += 1
                self._missed_bytes[topic, sensor] += len(body)
                return
            self._waiting_bytes[bulky] += len(body)
            self._waiting.append(Item(topic, sensor, body))
        self.wake()

    @property
    def empty(self) -> bool:
        """Whether nothing waits for the door's thread."""
        return not self._waiting

    def take(self) -> tuple[list[Item], dict[tuple[str, str], tuple[int, int]]]:
        """What waits, and of which topic and sensor how many items and bytes came while too much waited."""
        with self._mutex:
            items, self._waiting = list(self._waiting), deque()
            missed = {pair: (number, self._missed_bytes[pair]) for pair, number in self._missed.items()}
            for counted in (self._missed, self._missed_bytes, self._waiting_bytes):
                counted.clear()
        return items, missed

    def want(self, wanted: frozenset[tuple[str, str]]) -> None:
        """Bring these pairs of topic and sensor from now on, where "" stands for all sensors."""
        self._wanted = wanted

    def want_also(self, topic: str, sensor: str) -> None:
        """Bring this, too."""
        self._wanted |= {(topic, sensor)}

    def check(self, params: SubscribeParams) -> None:
        """Raise RequestError for what cannot be subscribed to."""
        if params.to not in list(Topic):
            remedy = f"Choose one of {', '.join(Topic)}"
            what = f"nothing is called {printable(params.to, 60)!r}"
            raise RequestError(Code.BAD_PARAMS, what, remedy)
        if params.sensor and params.sensor not in self.sensors:
            what = f"there is no sensor {printable(params.sensor, 60)!r}"
            raise RequestError(Code.BAD_PARAMS, what, f"Sensors are: {', '.join(sorted(self.sensors))}")
        if params.raw and not (params.to == Topic.FRAMES and params.sensor):
            raise RequestError(Code.BAD_PARAMS, "only frames of one sensor come raw", "Leave raw out")


def line_of(item: Item) -> bytes:
    """The item as a line of JSON."""
    body = item.body
    if item.topic == Topic.FRAMES:
        body = json.dumps(base64.b64encode(body).decode()).encode()
    return encode_item(item.topic, item.sensor, body)
