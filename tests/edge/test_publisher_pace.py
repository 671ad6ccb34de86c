"""What a link of any rate is given: enough to be busy, and no more than a second of it."""

from typing import Any

import pytest

from edge_runtime.mqtt.flow_control import LEAST_BYTES, MOST_BYTES, WAIT_S, Pace
from tests.broker import until
from tests.edge.gateways import Gateway
from tests.faults.fakebroker import FakeBroker


class Link:
    """A link of so many bytes a second that acknowledges after `delay_s`, looked at every `look_s`."""

    def __init__(self, rate: Any, delay_s: float = 0.0, look_s: float = 0.02) -> None:
        self.rate, self._look_s, self._looks_late = rate, look_s, round(delay_s / look_s)
        self.pace, self.now_s, self.sent, self.through = Pace(), 0.0, 0, 0.0
        self._carried = [0.0]

    def run(self, seconds: Any, message: int = 500) -> tuple[Any, Any]:
        """Hand over all that is allowed; returns what was carried and how much waited at the most."""
        begun, until_s, most = self.through, self.now_s + seconds, 0
        while self.now_s < until_s:
            while self.pace.allows(self.sent, self.sent - int(self.through), self.now_s):
                self.sent += message
            most = max(most, self.sent - int(self.through))
            self._carry()
        return self.through - begun, most

    def _carry(self) -> None:
        self.now_s += self._look_s
        self._carried.append(min(self._carried[-1] + self.rate * self._look_s, self.sent))
        self.through = self._carried[max(len(self._carried) - 1 - self._looks_late, 0)]


@pytest.mark.parametrize("rate", [1000, 8000, 100_000])
@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.5])
def test_a_link_is_used_and_nothing_waits_for_long(rate: int, delay_s: float) -> None:
    link = Link(rate, delay_s)
    link.run(4)
    carried, most = link.run(6)
    assert carried > 0.5 * 6 * rate
    assert most <= max(LEAST_BYTES, 1.5 * WAIT_S * rate) + 500


def test_a_link_that_becomes_slow_is_given_less() -> None:
    link = Link(100_000)
    link.run(3)
    assert link.pace.limit_bytes > 50_000
    link.rate = 1000
    link.run(120)
    assert link.pace.limit_bytes == LEAST_BYTES


def test_no_link_is_given_more_than_the_most() -> None:
    link = Link(10**8)
    link.run(3)
    assert link.pace.limit_bytes == MOST_BYTES


def test_a_dead_link_is_given_the_least() -> None:
    link = Link(100_000)
    link.run(3)
    link.rate = 0
    assert link.run(5)[0] == 0
    assert link.pace.limit_bytes == LEAST_BYTES


def test_a_look_that_comes_late_proves_nothing_against_the_link() -> None:
    link = Link(100_000)
    link.run(3)
    limit = link.pace.limit_bytes
    sent = link.sent + 100
    assert link.pace.allows(sent, 100, 1000.0)
    assert link.pace.allows(sent, 100, 1000.1)
    assert link.pace.allows(sent, 0, 1100.0)
    assert link.pace.limit_bytes == limit


def test_what_is_larger_than_a_socket_takes_goes_in_parts() -> None:
    body = bytes(16_000_000)
    with FakeBroker() as broker, Gateway() as gateway:
        publisher = gateway.publish(broker.port, max_packet_bytes=2**27)
        until(lambda: publisher.connected)
        publisher.retain("steadyhum/site/device/pump/state", body)
        until(lambda: broker.bodies("state"), 30)
        assert broker.bodies("state") == [body]
        assert len(broker.connects) == 1
