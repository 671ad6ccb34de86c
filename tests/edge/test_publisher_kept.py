"""What a subscriber that is away may lose, as health says it."""

from pathlib import Path

from edge_runtime.mqtt.kept_messages import HOURS, KeptMessages
from edge_runtime.mqtt.unread_note import read_note, write_note
from tests.broker import until
from tests.edge.gateways import Gateway, counted, depth, put, troubles
from tests.faults.fakebroker import FakeBroker

DAY_S = HOURS * 3600.0


def test_counts_a_day_and_forgets_it() -> None:
    kept = KeptMessages(most=10)
    for n in range(240):
        kept.add(n * 360.0)
    assert kept.count(240 * 360.0 - 1) == 240
    assert kept.count(DAY_S + 2 * 3600 + 1) == 220
    assert kept.count(3 * DAY_S) == 0
    assert len(kept._hours) <= HOURS + 1  # noqa: SLF001 - that it stays small


def test_says_how_many_are_at_risk() -> None:
    kept = KeptMessages(most=10)
    for _ in range(10):
        kept.add(5.0)
    assert kept.trouble(6.0) == ""
    kept.add(7.0)
    assert "11 messages within 24 h, of which a subscriber that was away may have lost 1" in kept.trouble(8.0)
    assert kept.trouble(3 * DAY_S) == ""


def test_health_says_it() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        put(gateway, *(f"a{n}" for n in range(30)))
        publisher = gateway.publish(broker.port, kept_messages=20)
        until(lambda: depth(gateway) == 0)
        assert "may have lost 11" in until(lambda: troubles(publisher).get("unread")), "30 and online"
        assert counted(publisher, "mqtt.kept_a_day") == 31


def test_a_note_for_the_doctor(tmp_path: Path) -> None:
    assert read_note(tmp_path) == ""
    write_note(tmp_path, "12 at risk")
    assert read_note(tmp_path) == "12 at risk"
    before = (tmp_path / "unread.txt").stat().st_ino
    write_note(tmp_path, "12 at risk")
    assert (tmp_path / "unread.txt").stat().st_ino == before, "what has not changed is not written"
    write_note(tmp_path, "")
    assert list(tmp_path.iterdir()) == []
    write_note(tmp_path / "missing", "nowhere")
    assert read_note(tmp_path / "missing") == ""
