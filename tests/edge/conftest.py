"""Brokers, certificates and disks that several files use.

Nothing of the product is imported here: this is read before coverage begins to count.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.bridged import BridgedBroker
from tests.broker import Broker, Subscriber, free_port
from tests.edge.certificates import identity, pem
from tests.edge.disks import mount_tmpfs


@pytest.fixture
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A Mosquitto that is not started yet; by `both_ways` also one with a bridge to another."""
    device = getattr(request, "param", None)
    broker = BridgedBroker(tmp_path, device=device) if device else Broker(tmp_path)
    yield broker
    broker.close()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    """Listens from the start, with a session that outlives the broker."""
    broker.start()
    with Subscriber(broker.far_port) as subscriber:
        yield subscriber


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(tmp_path: Path, authority: trustme.CA) -> Path:
    return pem(tmp_path / "ca.crt", authority.cert_pem)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Makes one Mosquitto without TLS and stops it in the end."""
    made: list[Broker] = []

    def make(*lines: str) -> Broker:
        made.append(Broker(tmp_path, *lines))
        return made[-1].start()

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def start(
    tmp_path: Path, authority: trustme.CA, plain: Callable[..., Broker]
) -> Callable[..., tuple[Broker, int]]:
    """Makes a Mosquitto with TLS on its first listener, and a plain one for the subscriber."""

    def make(name: str = "localhost", *extra: str, **how: Any) -> tuple[Broker, int]:
        certificate, key = identity(tmp_path, authority, name, **how)
        ca = pem(tmp_path / "broker-ca.crt", authority.cert_pem)
        inside = free_port()
        lines = [f"cafile {ca}", f"certfile {certificate}", f"keyfile {key}", *extra]
        return plain(*lines, f"listener {inside} 127.0.0.1"), inside

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a spool may live; it is not made yet."""
    return tmp_path / "state"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    unmount = mount_tmpfs(tmp_path / "disk", "3m")
    yield tmp_path / "disk"
    unmount()
