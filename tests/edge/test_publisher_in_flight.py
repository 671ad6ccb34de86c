"""What is in flight, and which packet a broker may mean; time as an argument."""

from typing import Any

from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.spool.rows import MessageClass, StoredMessage


def row(number: Any) -> Any:
    return StoredMessage(MessageClass.ALARM, number, number, "t", b"{}", 0, 0.0)


def test_numbers_that_are_not_in_use_settle_nothing() -> None:
    flight = InFlight()
    flight.add(7, Sent(1.0, "t", 100, row(1)))
    assert flight.settle([(8, 0), (0, 0x80)], 2.0) == []
    assert len(flight) == 1
    assert [(sent.row.id, code) for sent, code in flight.settle([(7, 0x10), (7, 0)], 3.0)] == [(1, 0x10)]
    assert len(flight) == 0


def test_rows_and_retained_messages_are_kept_apart() -> None:
    flight = InFlight()
    flight.add(1, Sent(1.0, "t/state", 50))
    flight.add(2, Sent(1.0, "t/event", 100, row(5)))
    assert flight.busy == {"t/state"}
    assert list(flight.rows) == [(MessageClass.ALARM, 5)]
    assert flight.holds((MessageClass.ALARM, 5))
    assert not flight.holds((MessageClass.ALARM, 6))


def test_the_largest_that_may_not_have_arrived() -> None:
    flight = InFlight()
    assert flight.largest_bytes == 0
    flight.add(1, Sent(1.0, "t", 100))
    flight.add_live(5000, 2.0)
    flight.add_live(10, 3.0)
    assert flight.largest_bytes == 5000
    flight.settle([(1, 0)], 4.0)
    assert flight.largest_bytes == 5000, "it was sent after what is acknowledged"
    flight.add(2, Sent(5.0, "t", 100))
    flight.add(3, Sent(5.0, "t", 200))
    flight.settle([(2, 0)], 6.0)
    assert flight.largest_bytes == 200


def test_each_in_turn_may_take_its_time() -> None:
    flight = InFlight()
    assert flight.overdue(1.0, 100.0) is None
    for number in (1, 2):
        flight.add(number, Sent(0.0, "t", 1, row(number)))
    assert flight.overdue(1.0, 0.9) is None
    flight.settle([(1, 0)], 0.9)
    assert flight.overdue(1.0, 1.8) is None
    late = flight.overdue(1.0, 2.0)
    assert late is not None
    assert late.key == (MessageClass.ALARM, 2)
    assert not flight.passed_by(late)
    flight.add(3, Sent(1.0, "t", 1, row(3)))
    flight.settle([(3, 0)], 2.5)
    assert flight.passed_by(late)
