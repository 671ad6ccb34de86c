"""What the tests of the way out share: a spool on a fast disk, publishers that are stopped in the end."""

import json
import random
import shutil
import tempfile
import time
import weakref
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_runtime.core.health import Health
from edge_runtime.mqtt.commands import CommandHandler
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings
from edge_runtime.spool.queue import MessageClass, Spool
from tests.broker import Subscriber, until
from tests.faults.alarm_account import AlarmAccount, body_of
from tests.faults.fakebroker import FakeBroker
from tests.waiting import scaled

MEMORY = Path("/dev/shm")
EVENT = "steadyhum/site/device/pump/event"
AVAILABILITY = "steadyhum/site/device/availability"
_HEALTHS: "weakref.WeakKeyDictionary[Publisher, Health]" = weakref.WeakKeyDictionary()
"""What each publisher made here reports to."""


class Gateway:
    """A spool and the publishers made for it; what is not said is made quick for tests."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.root = Path(tempfile.mkdtemp(prefix="gateway-", dir=MEMORY if MEMORY.is_dir() else None))
        self._stack.callback(shutil.rmtree, self.root)
        self.spool = self._stack.enter_context(Spool.open(self.root / "state"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def publish(
        self, port: int, host: str = "127.0.0.1", *, commands: CommandHandler | None = None, **settings: Any
    ) -> Publisher:
        """Start a publisher towards a port.

        Its keepalive outlasts a machine that stands still for a while, as shared ones do: what a connection
        that falls silent does is asked for by its own tests.
        """
        settings = {"backoff_s": (0.1, 0.5), "client_id": "gateway", "keepalive_s": 600, **settings}
        health, chosen = Health(), BrokerSettings(host, port=port, **settings)
        made = Publisher(chosen, self.spool, health, AVAILABILITY, random.Random(1), commands=commands)
        _HEALTHS[made] = health
        made.start()
        self._stack.callback(made.stop)
        return made


def troubles(publisher: Publisher) -> dict[str, str]:
    """What its health says is wrong."""
    return _HEALTHS[publisher].troubles()


def counted(publisher: Publisher, name: str) -> float:
    """A counter of its health."""
    return _HEALTHS[publisher].figures().get(name) or 0


def put(gateway: Gateway, *names: str, topic: str = EVENT, size: int = 0) -> None:
    """Store alarms under these names."""
    for name in names:
        gateway.spool.put(MessageClass.ALARM, topic, body_of(name, size))


def depth(gateway: Gateway) -> float | None:
    """How many alarms wait in its spool."""
    return gateway.spool.figures()["alarm.depth"]


def names(broker: FakeBroker) -> list[str]:
    """The names that a fake broker was sent."""
    return [json.loads(body)["id"] for body in broker.bodies()]


def events(subscriber: Subscriber) -> list[bytes]:
    """The bodies of the events that arrived, doubles included."""
    return [body for topic, body in subscriber.seen if topic.endswith("/event")]


def raise_and_wait(
    account: AlarmAccount, gateway: Gateway, subscriber: Subscriber, seconds: float = 0.0
) -> float:
    """Raise an alarm and return how long it took to arrive."""
    name = account.raise_alarm(gateway.spool, EVENT)
    begun_s = time.monotonic()
    until(partial(arrived, subscriber, name), seconds, "the alarm's arrival")
    return time.monotonic() - begun_s


def arrived(subscriber: Subscriber, name: str, since: int = 0) -> bool:
    """Whether the alarm of this name is among what a subscriber got, from this message on."""
    text = f'"{name}"'.encode()
    return any(text in body for topic, body in subscriber.seen[since:] if topic.endswith("/event"))


def why_not(gateway: Gateway, port: int, tls: TlsSettings, host: str = "localhost", **settings: Any) -> str:
    """Publish towards a broker that will not do; returns what health says of it."""
    # Time enough for a handshake on this machine, or that is all that health would say.
    publisher = gateway.publish(port, host, tls=tls, connect_timeout_s=scaled(1), **settings)
    said = until(lambda: troubles(publisher).get("broker"))
    time.sleep(0.3)
    assert not publisher.connected
    assert gateway.spool.figures()["alarm.depth"] == 1
    return said
