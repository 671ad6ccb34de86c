"""What the tests of the way out share: a spool on a fast disk, publishers that are stopped in the end."""

import json
import random
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from edge_runtime.core.health import Health
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass, Spool
from tests.broker import until
from tests.faults.alarm_account import body_of

MEMORY = Path("/dev/shm")
EVENT = "steadyhum/site/device/pump/event"
AVAILABILITY = "steadyhum/site/device/availability"


class Gateway:
    """A spool and the publishers made for it; what is not said is made quick for tests."""

    def __init__(self):
        self._stack = ExitStack()
        self.root = Path(tempfile.mkdtemp(prefix="gateway-", dir=MEMORY if MEMORY.is_dir() else None))
        self._stack.callback(shutil.rmtree, self.root)
        self.spool = self._stack.enter_context(Spool.open(self.root / "state"))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._stack.close()

    def publish(self, port, host="127.0.0.1", **settings):
        """Start a publisher towards a port."""
        settings = {"backoff_s": (0.1, 0.5), "client_id": "gateway", **settings}
        made = Publisher(
            BrokerSettings(host, port=port, **settings), self.spool, Health(), AVAILABILITY, random.Random(1)
        )
        made.start()
        self._stack.callback(made.stop)
        return made


def troubles(publisher):
    """What its health says is wrong."""
    return publisher._health.troubles()


def counted(publisher, name):
    """A counter of its health."""
    return publisher._health.figures().get(name, 0)


def put(gateway, *names, topic=EVENT, size=0):
    """Store alarms under these names."""
    for name in names:
        gateway.spool.put(MessageClass.ALARM, topic, body_of(name, size))


def depth(gateway):
    """How many alarms wait in its spool."""
    return gateway.spool.figures()["alarm.depth"]


def names(broker):
    """The names that a fake broker was sent."""
    return [json.loads(body)["id"] for body in broker.bodies()]


def events(subscriber):
    """The bodies of the events that arrived, doubles included."""
    return [body for topic, body in subscriber.seen if topic.endswith("/event")]


def raise_and_wait(account, gateway, subscriber, seconds=10.0):
    """Raise an alarm and return how long it took to arrive."""
    name = f'"{account.raise_alarm(gateway.spool, EVENT)}"'.encode()
    begun_s = time.monotonic()
    until(lambda: any(name in body for body in events(subscriber)), seconds, "the alarm's arrival")
    return time.monotonic() - begun_s


def why_not(gateway, port, tls, host="localhost", **settings):
    """Publish towards a broker that will not do; returns what health says of it."""
    publisher = gateway.publish(port, host, tls=tls, connect_timeout_s=1, **settings)
    said = until(lambda: troubles(publisher).get("broker"))
    time.sleep(0.3)
    assert not publisher.connected
    assert gateway.spool.figures()["alarm.depth"] == 1
    return said
