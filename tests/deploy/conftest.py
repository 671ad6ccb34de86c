"""Fixtures of the doctor's tests: a broker, a sensor on a pty, and a healthy gateway."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.broker import Broker
from tests.deploy.examined_gateway import GREETING, ExaminedGateway, Wire
from tests.deploy.fleet_folder import FleetFolder
from tests.deploy.mosquitto_site import Client
from tests.deploy.mosquitto_users import Visitor

T = TypeVar("T", Wire, Client, Visitor)


@pytest.fixture(scope="module")
def healthy_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@contextmanager
def opening(kind: Callable[..., T]) -> Iterator[Callable[..., T]]:
    """Opens as many of a kind as are asked for, and closes them at the end."""
    opened: list[T] = []

    def one(*arguments: Any, **options: Any) -> T:
        opened.append(kind(*arguments, **options))
        return opened[-1]

    yield one
    for item in opened:
        item.close()


@pytest.fixture
def wires() -> Iterator[Callable[..., Wire]]:
    with opening(Wire) as wires:
        yield wires


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    with opening(Client) as clients:
        yield clients


@pytest.fixture
def visitors() -> Iterator[Callable[..., Visitor]]:
    with opening(Visitor) as visitors:
        yield visitors


@pytest.fixture
def examined(tmp_path: Path, healthy_broker: Broker, wires: Callable[..., Wire]) -> ExaminedGateway:
    return ExaminedGateway(tmp_path, healthy_broker.port, wires(hello=GREETING))


@pytest.fixture
def quiet(tmp_path: Path, healthy_broker: Broker) -> ExaminedGateway:
    """For faults that lie before any port."""
    examined = ExaminedGateway(tmp_path, healthy_broker.port, None)
    examined.user = "root"
    return examined


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    return FleetFolder(tmp_path)
