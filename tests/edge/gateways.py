"""What the tests of the way out share: a spool on a fast disk, publishers that are stopped in the end."""

import random
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from edge_runtime.health import Health
from edge_runtime.publisher import Publisher
from edge_runtime.settings import BrokerSettings
from edge_runtime.spool import Spool

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
