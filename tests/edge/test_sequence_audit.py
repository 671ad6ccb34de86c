"""The audit of what was received: missing, duplicate, late, altered, in bounded memory."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.audit.sequence_audit import MAX_BODIES, MAX_STREAMS, Discrepancy, SequenceAudit, Stream
from tests.edge.messages import EVENT, body


def receive(audit: Any, *seqs: Any, topic: Any = EVENT, **how: Any) -> Any:
    return [audit.add(topic, body(seq, **how)).discrepancy for seq in seqs]


def test_findings() -> None:
    audit = SequenceAudit()
    assert receive(audit, 5, 6) == [Discrepancy.ON_TIME, Discrepancy.ON_TIME]
    assert receive(audit, 9) == [Discrepancy.AHEAD]
    assert audit.lost() == 2
    assert receive(audit, 7, 7, 8) == [Discrepancy.LATE, Discrepancy.DUPLICATE, Discrepancy.LATE]
    assert audit.lost() == 0
    assert receive(audit, 3, replayed=True) == [Discrepancy.LATE]
    assert audit.add(EVENT, body(11, replayed=True)).missing == 2
    (stream,) = audit.summary()
    assert stream == {
        "device": "steadyhum/site/device",
        "kind": "event",
        "epoch": "e1",
        "first": 3,
        "last": 11,
        "received": 7,
        "missing": [(4, 4), (10, 10)],
        "duplicates": 1,
        "conflicts": 0,
        "late": 3,
        "replayed": 2,
        "disordered": 2,
    }


def test_sent_again_as_replayed_is_a_duplicate_but_another_body_is_a_conflict() -> None:
    audit = SequenceAudit()
    receive(audit, 1)
    assert receive(audit, 1, replayed=True) == [Discrepancy.DUPLICATE]
    assert audit.add(EVENT, body(1)[: -len(',"replayed":false}')] + b"}").discrepancy is Discrepancy.CONFLICT
    assert receive(audit, 1, id="y") == [Discrepancy.CONFLICT]
    assert audit.summary()[0]["conflicts"] == 2


def test_order_counts_within_new_and_within_replayed() -> None:
    audit = SequenceAudit()
    entries = [
        audit.add(EVENT, body(seq, replayed=replayed))
        for seq, replayed in ((100, False), (1, True), (101, False), (2, True), (4, True), (3, True))
    ]
    assert [entry.disordered for entry in entries] == [False] * 5 + [True]


def test_sensors_of_a_device_share_numbers_and_kinds_do_not() -> None:
    audit = SequenceAudit()
    receive(audit, 1)
    assert receive(audit, 2, topic="steadyhum/site/device/fan/event") == [Discrepancy.ON_TIME]
    assert receive(audit, 7, topic="steadyhum/site/device/fan/log") == [Discrepancy.ON_TIME]
    assert receive(audit, 9, topic="steadyhum/site/other/fan/event") == [Discrepancy.ON_TIME]
    assert audit.lost() == 0


def test_a_new_epoch_begins_with_one() -> None:
    audit = SequenceAudit()
    receive(audit, 50)
    assert receive(audit, 3, epoch="e2") == [Discrepancy.AHEAD]
    assert audit.lost() == 2
    assert receive(audit, 1, 2, epoch="e2") == [Discrepancy.LATE, Discrepancy.LATE]
    assert audit.summary()[1]["first"] == 1


@pytest.mark.parametrize(
    "strange",
    [b"online", b"", b"[1]", b'{"seq":1}', b'{"seq":"1","epoch":"e"}', b'{"seq":true,"epoch":"e"}', b"\xff",
     b'{"seq":-1,"epoch":"e"}', b'{"seq":1,"epoch":2}', b'{"seq":1.5,"epoch":"e"}', b"[" * 100_000,
     b'{"seq":99999999999999999999999,"epoch":"e"}'],
)  # fmt: skip
def test_what_has_no_number_is_only_counted(strange: bytes) -> None:
    audit = SequenceAudit()
    assert audit.add(EVENT, strange).discrepancy is Discrepancy.UNNUMBERED
    assert (audit.unnumbered, audit.streams) == (1, {})


def test_memory_is_bounded() -> None:
    audit = SequenceAudit()
    for n in range(MAX_STREAMS + 50):
        audit.add(f"p/s/d{n}/x/event", body(1))
    assert len(audit.streams) == MAX_STREAMS + 1


def test_bodies_are_remembered_for_a_while() -> None:
    audit = SequenceAudit()
    for seq in range(1, MAX_BODIES + 10):
        audit.add(EVENT, body(seq))
    assert audit.add(EVENT, body(1, id="y")).discrepancy is Discrepancy.DUPLICATE, "too long ago to compare"
    assert audit.add(EVENT, body(MAX_BODIES, id="y")).discrepancy is Discrepancy.CONFLICT


def test_an_empty_account() -> None:
    assert Stream("d", "event", "e").lost == 0
    assert SequenceAudit().summary() == []


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=120))
def test_against_a_set(messages: list[Any]) -> None:
    """Missing, duplicates and received as the obvious bookkeeping has them."""
    audit, seen, duplicates = SequenceAudit(), set(), 0
    for seq, replayed in messages:
        audit.add(EVENT, body(seq, replayed=replayed))
        duplicates += seq in seen
        seen.add(seq)
    holes = set(range(min(seen, default=1), max(seen, default=0) + 1)) - seen
    assert audit.lost() == len(holes)
    for stream in audit.summary():
        assert stream["received"] == len(seen)
        assert stream["duplicates"] == duplicates
        assert {n for first, last in stream["missing"] for n in range(first, last + 1)} == holes
        assert [first for first, _ in audit.streams.popitem()[1].runs] == sorted(
            n for n in seen if n - 1 not in seen
        )


def test_ten_thousand_in_random_order_add_up() -> None:
    audit, seqs = SequenceAudit(), list(range(1, 10_001))
    random.Random(5).shuffle(seqs)
    lost = set(seqs[:37])
    receive(audit, *(seq for seq in seqs if seq not in lost))
    inner = {seq for seq in lost if 1 < seq < 10_000}
    assert audit.lost() == len(inner)
