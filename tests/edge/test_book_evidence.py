"""The book on what is kept of an alarm's vibration, and on what people found the alarm to be."""

from dataclasses import replace
from typing import Any

import pytest

from edge_runtime.book import (
    Action,
    AlarmMoment,
    Evidence,
    Finding,
    FoundLine,
    Judgement,
    Verity,
    entry_of,
    stored_entry,
)
from edge_runtime.core import AlarmCommandError
from tests.edge.test_book import NEW, Device

FINDINGS = (
    Finding("x", "the outer race knocks", 3.256, "C", 9.0, 5.0, 12.0, (FoundLine("BPFO", 107.4, 14.0),)),
    Finding("", "nothing is named"),
)
BEGIN = Evidence("a1-begin", AlarmMoment.BEGIN, "ab" * 32, 70_000, 10.0, whole=True, findings=FINDINGS)


@pytest.fixture
def device() -> Any:
    device = Device()
    device.say(NEW)
    return device


def found_false(device: Any, **changes: Any) -> Judgement:
    return replace(Judgement(Verity.FALSE, device.now.wall_us, " ann ", "a door"), **changes)


def test_the_latest_judgement_counts(device: Any) -> None:
    (change,) = device.book.judge("a1", found_false(device))
    assert (change.action, change.by, change.note) == (Action.JUDGED, "ann", "a door")
    device.s += 1
    device.book.judge("a1", found_false(device, verity=Verity.REAL, note=""))
    assert (device.open.judgement.verity, device.open.judgement.note) == (Verity.REAL, "")


@pytest.mark.parametrize(("alarm", "changes"), [("a2", {}), ("a1", {"who": " "})])
def test_a_judgement_is_of_an_open_alarm_and_somebodys(device: Any, alarm: str, changes: Any) -> None:
    with pytest.raises(AlarmCommandError):
        device.book.judge(alarm, found_false(device, **changes))
    assert device.open.judgement is None


def test_evidence_of_the_same_moment_takes_the_place_of_what_was_kept(device: Any) -> None:
    (change,) = device.book.attach("a1", BEGIN, device.now.wall_us)
    assert change.action is Action.EVIDENCE
    longer, end = replace(BEGIN, seconds=11.0), replace(BEGIN, id="a1-end", moment=AlarmMoment.END)
    device.book.attach("a1", end, device.now.wall_us)
    device.book.attach("a1", longer, device.now.wall_us)
    assert device.open.evidence == (end, longer)
    assert device.book.attach("a2", BEGIN, device.now.wall_us) == ()


def test_both_are_stored_with_the_alarm(device: Any) -> None:
    device.book.attach("a1", BEGIN, device.now.wall_us)
    device.book.judge("a1", found_false(device))
    kept = entry_of("a/anomaly", stored_entry(device.open))
    assert (kept.evidence, kept.judgement) == (device.open.evidence, device.open.judgement)
    damaged = stored_entry(device.open)
    damaged = replace(damaged, notes=damaged.notes.replace('"false"', '"perhaps"'))
    assert entry_of("a/anomaly", damaged).judgement is None


def test_a_finding_in_a_line() -> None:
    assert list(map(str, FINDINGS)) == [
        "x: 3.26 mm/s, zone C, the outer race knocks, lines BPFO",
        "nothing is named",
    ]
