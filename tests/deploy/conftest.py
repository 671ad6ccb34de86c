"""Fixtures of the doctor's tests: a broker, a sensor on a pty, and a healthy gateway."""

import pytest

from tests.broker import Broker
from tests.deploy.desk import Desk
from tests.deploy.patient import GREETING, Patient, Wire


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
def patient(tmp_path, healthy_broker, wires):
    return Patient(tmp_path, healthy_broker.port, wires(hello=GREETING))


@pytest.fixture
def quiet(tmp_path, healthy_broker):
    """For faults that lie before any port."""
    patient = Patient(tmp_path, healthy_broker.port, None)
    patient.user = "root"
    return patient


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
