"""Fixtures of the doctor's tests: a broker, a sensor on a pty, and a healthy gateway."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker
from tests.deploy.examined_gateway import GREETING, ExaminedGateway, Wire
from tests.deploy.fleet_folder import FleetFolder


@pytest.fixture(scope="module")
def healthy_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def wires() -> Iterator[Callable[..., Wire]]:
    opened: list[Wire] = []

    def wire(*arguments: Any, **options: Any) -> Wire:
        opened.append(Wire(*arguments, **options))
        return opened[-1]

    yield wire
    for item in opened:
        item.close()


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
