"""Brokers, certificates and disks that several files use.

Nothing of the product is imported here: this is read before coverage begins to count.
"""

import time

import pytest
import trustme

from tests.broker import Broker, Subscriber, free_port, listens, until
from tests.edge.certificates import identity, pem
from tests.edge.disks import mount_tmpfs


@pytest.fixture
def broker(tmp_path):
    """A Mosquitto that is not started yet."""
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def subscriber(broker):
    """Listens from the start, with a session that outlives the broker."""
    broker.start()
    subscriber = Subscriber(broker.port)
    time.sleep(0.2)
    yield subscriber
    subscriber.close()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(tmp_path, authority):
    return pem(tmp_path / "ca.crt", authority.cert_pem)


@pytest.fixture
def plain(tmp_path):
    """Makes one Mosquitto without TLS and stops it in the end."""
    made = []

    def make(*lines):
        made.append(Broker(tmp_path, *lines).start())
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def start(tmp_path, authority, plain):
    """Makes a Mosquitto with TLS on its first listener, and a plain one for the subscriber."""

    def make(name="localhost", *extra, **how):
        certificate, key = identity(tmp_path, authority, name, **how)
        ca = pem(tmp_path / "broker-ca.crt", authority.cert_pem)
        inside = free_port()
        lines = [f"cafile {ca}", f"certfile {certificate}", f"keyfile {key}", *extra]
        broker = plain(*lines, f"listener {inside} 127.0.0.1")
        until(lambda: listens(inside), what="the second listener")
        return broker, inside

    return make


@pytest.fixture
def folder(tmp_path):
    """Where a spool may live; it is not made yet."""
    return tmp_path / "state"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MiB."""
    unmount = mount_tmpfs(tmp_path / "disk", "3m")
    yield tmp_path / "disk"
    unmount()
