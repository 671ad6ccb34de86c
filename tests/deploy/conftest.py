"""Fixtures of the doctor's tests: a broker, a sensor on a pty, and a healthy gateway."""

import pytest

from tests.broker import Broker
from tests.deploy.examined_gateway import GREETING, ExaminedGateway, Wire
from tests.deploy.fleet_folder import FleetFolder


@pytest.fixture(scope="module")
def healthy_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker")).start()
    yield broker
    broker.stop()


@pytest.fixture
def wires():
    opened = []

    def wire(*arguments, **options):
        opened.append(Wire(*arguments, **options))
        return opened[-1]

    yield wire
    for item in opened:
        item.close()


@pytest.fixture
def examined(tmp_path, healthy_broker, wires):
    return ExaminedGateway(tmp_path, healthy_broker.port, wires(hello=GREETING))


@pytest.fixture
def quiet(tmp_path, healthy_broker):
    """For faults that lie before any port."""
    examined = ExaminedGateway(tmp_path, healthy_broker.port, None)
    examined.user = "root"
    return examined


@pytest.fixture
def fleet(tmp_path):
    return FleetFolder(tmp_path)
