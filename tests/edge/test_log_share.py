"""A log that repeats itself is held to a share."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core.log_share import LogShare
from edge_runtime.sensors.protocols.text_lines import LineDecoder


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
