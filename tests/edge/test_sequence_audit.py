"""The account of what was heard: missing, double, late, altered, and never more memory than allowed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.audit.sequence_audit import MAX_BODIES, MAX_STREAMS, Discrepancy, SequenceAudit, Stream
from tests.edge.messages import EVENT, body


def hear(ledger, *seqs, topic=EVENT, **how):
    return [ledger.hear(topic, body(seq, **how)).finding for seq in seqs]


def test_findings():
    ledger = SequenceAudit()
    assert hear(ledger, 5, 6) == [Discrepancy.ON_TIME, Discrepancy.ON_TIME]
    assert hear(ledger, 9) == [Discrepancy.AHEAD]
    assert ledger.lost() == 2
    assert hear(ledger, 7, 7, 8) == [Discrepancy.LATE, Discrepancy.DUPLICATE, Discrepancy.LATE]
    assert ledger.lost() == 0
    assert hear(ledger, 3, replayed=True) == [Discrepancy.LATE]
    assert ledger.hear(EVENT, body(11, replayed=True)).missing == 2
    (stream,) = ledger.summary()
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


def test_sent_again_as_replayed_is_a_duplicate_but_another_body_is_a_conflict():
    ledger = SequenceAudit()
    hear(ledger, 1)
    assert hear(ledger, 1, replayed=True) == [Discrepancy.DUPLICATE]
    assert ledger.hear(EVENT, body(1)[: -len(',"replayed":false}')] + b"}").finding is Discrepancy.CONFLICT
    assert hear(ledger, 1, id="y") == [Discrepancy.CONFLICT]
    assert ledger.summary()[0]["conflicts"] == 2


def test_order_counts_within_new_and_within_replayed():
    ledger = SequenceAudit()
    entries = [
        ledger.hear(EVENT, body(seq, replayed=replayed))
        for seq, replayed in ((100, False), (1, True), (101, False), (2, True), (4, True), (3, True))
    ]
    assert [entry.disordered for entry in entries] == [False] * 5 + [True]


def test_sensors_of_a_device_share_numbers_and_kinds_do_not():
    ledger = SequenceAudit()
    hear(ledger, 1)
    assert hear(ledger, 2, topic="steadyhum/site/device/fan/event") == [Discrepancy.ON_TIME]
    assert hear(ledger, 7, topic="steadyhum/site/device/fan/log") == [Discrepancy.ON_TIME]
    assert hear(ledger, 9, topic="steadyhum/site/other/fan/event") == [Discrepancy.ON_TIME]
    assert ledger.lost() == 0


def test_a_new_epoch_begins_with_one():
    ledger = SequenceAudit()
    hear(ledger, 50)
    assert hear(ledger, 3, epoch="e2") == [Discrepancy.AHEAD]
    assert ledger.lost() == 2
    assert hear(ledger, 1, 2, epoch="e2") == [Discrepancy.LATE, Discrepancy.LATE]
    assert ledger.summary()[1]["first"] == 1


@pytest.mark.parametrize(
    "strange",
    [b"online", b"", b"[1]", b'{"seq":1}', b'{"seq":"1","epoch":"e"}', b'{"seq":true,"epoch":"e"}', b"\xff",
     b'{"seq":-1,"epoch":"e"}', b'{"seq":1,"epoch":2}', b'{"seq":1.5,"epoch":"e"}', b"[" * 100_000,
     b'{"seq":99999999999999999999999,"epoch":"e"}'],
)  # fmt: skip
def test_what_has_no_number_is_only_counted(strange):
    ledger = SequenceAudit()
    assert ledger.hear(EVENT, strange).finding is Discrepancy.UNNUMBERED
    assert (ledger.foreign, ledger.streams) == (1, {})


def test_memory_is_bounded():
    ledger = SequenceAudit()
    for n in range(MAX_STREAMS + 50):
        ledger.hear(f"p/s/d{n}/x/event", body(1))
    assert len(ledger.streams) == MAX_STREAMS + 1


def test_bodies_are_remembered_for_a_while():
    ledger = SequenceAudit()
    for seq in range(1, MAX_BODIES + 10):
        ledger.hear(EVENT, body(seq))
    assert ledger.hear(EVENT, body(1, id="y")).finding is Discrepancy.DUPLICATE, "too long ago to compare"
    assert ledger.hear(EVENT, body(MAX_BODIES, id="y")).finding is Discrepancy.CONFLICT


def test_an_empty_account():
    assert Stream("d", "event", "e").lost == 0
    assert SequenceAudit().summary() == []


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=120))
def test_against_a_set(messages):
    """Missing, duplicates and received as the obvious bookkeeping has them."""
    ledger, seen, duplicates = SequenceAudit(), set(), 0
    for seq, replayed in messages:
        ledger.hear(EVENT, body(seq, replayed=replayed))
        duplicates += seq in seen
        seen.add(seq)
    holes = set(range(min(seen, default=1), max(seen, default=0) + 1)) - seen
    assert ledger.lost() == len(holes)
    for stream in ledger.summary():
        assert stream["received"] == len(seen)
        assert stream["duplicates"] == duplicates
        assert {n for first, last in stream["missing"] for n in range(first, last + 1)} == holes
        assert [first for first, _ in ledger.streams.popitem()[1].runs] == sorted(
            n for n in seen if n - 1 not in seen
        )


def test_ten_thousand_in_random_order_add_up():
    ledger, seqs = SequenceAudit(), list(range(1, 10_001))
    random.Random(5).shuffle(seqs)
    lost = set(seqs[:37])
    hear(ledger, *(seq for seq in seqs if seq not in lost))
    inner = {seq for seq in lost if 1 < seq < 10_000}
    assert ledger.lost() == len(inner)
