"""An alarm that begins again and again, and a log that repeats itself, are held to a share."""

import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core.log_share import LogShare
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.gateway.chatter import Chatter
from edge_runtime.sensors.protocols.text_lines import LineDecoder


def verdict(
    transition: Any,
    name: str | None = "a1",
    time_us: int = 0,
    kind: Any = AlarmKind.ANOMALY,
    peak: float = 2.0,
    reason: str = "",
) -> Any:
    alarm = None if name is None else Alarm(name, kind, time_us, peak, reason)
    return Verdict(time_us, 2.0, 1.0, False, alarm, transition)


def seen(found: Any) -> Any:
    return [
        (item.transition, item.alarm.id, item.alarm.reason) for item in found if item.transition is not None
    ]


def flapping(chatter: Any, begins: Any, now_s: Any, every_s: float = 0.1) -> tuple[Any, Any]:
    """Alarms that begin and end; returns what is published and when it was over."""
    published = []
    for number in range(begins):
        for transition in (Transition.NEW, Transition.END):
            published.append(chatter.admit(verdict(transition, f"a{number}", peak=2.0 + number), now_s))
            now_s += every_s
        published += chatter.due(now_s)
    return published, now_s


def test_six_alarms_a_minute_begin_and_the_last_is_held_open_and_counts_the_rest() -> None:
    chatter = Chatter()
    published, now_s = flapping(chatter, 40, 0.0)
    sent = seen(published)
    assert sent == [
        *((kind, f"a{n}", "") for n in range(5) for kind in (Transition.NEW, Transition.END)),
        (Transition.NEW, "a5", ""),
    ]
    assert "anomaly is held open, would have begun 34 more times" in chatter.trouble
    assert chatter.admit(verdict(None, None), now_s).alarm.id == "a5", "the state shows the held alarm"
    assert chatter.admit(verdict(None, "later"), now_s).alarm.id == "a5"
    assert seen(chatter.due(now_s + 10)) == []
    (ended,) = chatter.due(now_s + 60)
    assert seen([ended]) == [(Transition.END, "a5", "chatter: would have begun 34 more times")]
    assert ended.alarm.peak_score == 41.0
    assert chatter.trouble == ""
    assert seen([chatter.admit(verdict(Transition.NEW, "b"), now_s + 61)]) == [(Transition.NEW, "b", "")]
    assert chatter.admit(verdict(None, None), now_s + 61).alarm is None


def test_a_held_alarm_that_goes_on_is_updated_each_minute_and_ends_as_what_it_is() -> None:
    chatter = Chatter()
    sent, now_s = flapping(chatter, 700, 0.0)
    updates = [item for item in seen(sent) if item[0] is Transition.UPDATE]
    assert [name for _, name, _ in updates] == ["a5", "a5"]
    assert updates[1][2].startswith("chatter: would have begun ")
    chatter.admit(verdict(Transition.NEW, "lasting"), now_s)
    assert seen(chatter.due(now_s + 30)) == []
    assert [kind for kind, _, _ in seen(chatter.due(now_s + 300))] == [Transition.UPDATE], "it is active"
    update = chatter.admit(verdict(Transition.UPDATE, "lasting"), now_s + 301)
    assert seen([update])[0][:2] == (Transition.UPDATE, "a5")
    end = chatter.admit(verdict(Transition.END, "lasting"), now_s + 302)
    (ended,) = seen([end, *chatter.due(now_s + 303)])
    assert ended[:2] == (Transition.END, "a5")


def test_kinds_do_not_count_for_each_other_and_a_fault_keeps_its_reason() -> None:
    chatter = Chatter()
    flapping(chatter, 10, 0.0)
    fault = verdict(Transition.NEW, "f", kind=AlarmKind.SENSOR, reason="flat: x")
    assert chatter.admit(fault, 3.0) is fault
    for number in range(8):
        for transition in (Transition.NEW, Transition.END):
            chatter.admit(verdict(transition, f"f{number}", kind=AlarmKind.SENSOR, reason="flat: x"), 4.0)
    reasons = {item[2] for item in seen(chatter.due(90.0))}
    again = "chatter: would have begun"
    assert reasons == {f"{again} 4 more times", f"flat: x; {again} 3 more times"}


def test_updates_are_limited_by_the_gateways_time() -> None:
    chatter = Chatter()
    found = [chatter.admit(verdict(Transition.UPDATE, "a"), number / 10) for number in range(100)]
    assert len(seen(found)) == 6


def test_a_kind_has_one_line_a_minute_and_how_it_ended_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    share = LogShare("a")
    for number in range(47):
        share.warn("trouble", f"line {number}", number / 10)
    share.warn("other", "kind", 5.0)
    assert [record.message for record in caplog.records] == ["a: line 0", "a: kind"]
    caplog.clear()
    share.close_minutes(60.0)
    assert not caplog.records
    share.close_minutes(60.2)
    (record,) = caplog.records
    assert record.message == "a: in the last minute also 46 x trouble, the latest: line 46"
    share.close_minutes(200.0)
    assert len(caplog.records) == 1


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 14)), max_size=200), st.integers(1, 9))
def test_in_no_minute_are_more_than_ten_lines(events: list[tuple[float, int]], of_a_kind: int) -> None:
    """Whatever happens, and nothing is left out without being counted."""
    share, now_s = LogShare("", of_a_kind=of_a_kind), 0.0
    lines: list[tuple[float, str]] = []
    log = logging.getLogger("edge_runtime")

    def note(record: logging.LogRecord) -> bool:
        lines.append((now_s, record.getMessage()))
        return False

    log.addFilter(note)
    try:
        for wait_s, kind in events:
            now_s += wait_s
            share.warn(f"kind {kind}", "text", now_s)
        now_s += 61
        share.close_minutes(now_s)
    finally:
        log.removeFilter(note)
    for at_s, _ in lines:
        assert sum(at_s <= other_s < at_s + 60 for other_s, _ in lines) <= 10
    counted = [int(count) for _, line in lines for count in re.findall(r"(\d+) x kind", line)]
    assert sum(line == "text" for _, line in lines) + sum(counted) == len(events)


def test_foreign_text_is_one_printable_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    decoder = LineDecoder(1, 100.0)
    decoder.feed(b"x\n")
    (fault,) = decoder.feed(b"ERR \x1b[2J\x1b]0;title\x07\r2026-11-25 INFO b: all machines fine\n")
    LogShare("a").warn("trouble", fault.detail, 0.0)
    (record,) = caplog.records
    assert record.message.isprintable()
    assert record.message == "a: ERR \\x1b[2J\\x1b]0;title\\x07\\r2026-11-25 INFO b: all machines fine"
