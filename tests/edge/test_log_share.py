"""A log that repeats itself is held to a share."""

import pytest

from edge_runtime.gateway.log_share import LogShare
from edge_runtime.sensors.protocols.text_lines import LineDecoder


def test_a_sensor_writes_ten_lines_a_minute_and_then_how_many_more(caplog: pytest.LogCaptureFixture) -> None:
    share = LogShare("a")
    for number in range(47):
        share.warn("trouble", f"line {number}", number / 10)
    share.warn("other", "kind", 5.0)
    assert [record.message for record in caplog.records] == [*(f"a: line {n}" for n in range(10)), "a: kind"]
    caplog.clear()
    share.close_minutes(59.0)
    assert not caplog.records
    share.close_minutes(66.0)
    assert [record.message for record in caplog.records] == ["a: and 37 more like it (trouble)"]
    share.close_minutes(130.0)
    assert len(caplog.records) == 1


def test_foreign_text_is_one_printable_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    decoder = LineDecoder(1, 100.0)
    decoder.feed(b"x\n")
    (fault,) = decoder.feed(b"ERR \x1b[2J\x1b]0;title\x07\r2026-11-25 INFO b: all machines fine\n")
    LogShare("a").warn("trouble", fault.detail, 0.0)
    (record,) = caplog.records
    assert record.message.isprintable()
    assert record.message == "a: ERR \\x1b[2J\\x1b]0;title\\x07\\r2026-11-25 INFO b: all machines fine"
