"""What people may do about an open alarm, after ISA-18.2 and OPC UA part 9: each has a name to it."""

from dataclasses import replace
from typing import Final

from edge_runtime.book.course import Course
from edge_runtime.book.entries import Action, Change, Instant, OpenAlarm, Record, Shelving
from edge_runtime.book.evidence import Evidence, Judgement
from edge_runtime.book.ledger import Ledger
from edge_runtime.core import AlarmCommandError, printable

LONGEST_SHELVING_US: Final = 31 * 24 * 3600 * 1_000_000
"""A judgement: a month brings any spare part. ISA-18.2 demands that shelving ends by itself."""
LONGEST_NAME: Final = 100
"""Characters. A judgement: a person's name and their company's; what the door and senders give has 64."""
LONGEST_NOTE: Final = 500
"""Characters. A judgement: a few sentences, so that an event stays below 8 KiB."""


def acknowledge(ledger: Ledger, alarm_id: str, who: str, note: str, now: Instant) -> Change:
    """Note that a person has seen the alarm."""
    course, alarm = _find(ledger, alarm_id)
    who, note = _signed(who), _noted(note)
    if (known := alarm.acknowledged) is not None:
        what = f"alarm {alarm.id} was acknowledged before, by {known.who}"
        raise AlarmCommandError(what, remedy="Nothing is left to be done")
    record = Record(now.wall_us, who, note)
    return ledger.change(course, now, action=Action.ACKNOWLEDGED, by=who, note=note, acknowledged=record)


def shelve(ledger: Ledger, alarm_id: str, asked: Shelving, now: Instant) -> Change:
    """Put the alarm aside until a time; one that is put aside already, until another time."""
    course, _ = _find(ledger, alarm_id)
    who, why, until_us = _signed(asked.who), _noted(asked.why), asked.until_us
    if not why:
        raise AlarmCommandError("a reason is missing", remedy="Say why the alarm is put aside")
    if until_us <= now.wall_us:
        raise AlarmCommandError("the time to shelve until is over", remedy="Give a time to come")
    if until_us - now.wall_us > LONGEST_SHELVING_US:
        raise AlarmCommandError(
            "the time to shelve until is more than 31 days away",
            remedy="Give an earlier one, and shelve again when it comes",
        )
    shelving = Shelving(until_us, who, why, now.wall_us)
    bound(course, shelving, now)
    return ledger.change(course, now, action=Action.SHELVED, by=who, note=why, shelved=shelving)


def unshelve(ledger: Ledger, alarm_id: str, who: str, now: Instant) -> Change:
    """Take the alarm back before its time."""
    course, alarm = _find(ledger, alarm_id)
    who = _signed(who)
    if alarm.shelved is None:
        raise AlarmCommandError(f"alarm {alarm.id} is not shelved", remedy="Nothing is left to be done")
    return ledger.change(course, now, action=Action.UNSHELVED, by=who, shelved=None)


def reset(ledger: Ledger, alarm_id: str, who: str, note: str, now: Instant) -> Change:
    """End a latched alarm whose cause is over."""
    course, alarm = _find(ledger, alarm_id)
    who, note = _signed(who), _noted(note)
    if not alarm.latched:
        what = f"alarm {alarm.id} is not latched"
        raise AlarmCommandError(what, remedy="It ends by itself when its cause is over")
    if alarm.active:
        what = f"what alarm {alarm.id} is about still goes on"
        raise AlarmCommandError(
            what, remedy="Reset it when its cause is over; acknowledge or shelve it until then"
        )
    return ledger.end(course, now, action=Action.RESET, by=who, note=note)


def judge(ledger: Ledger, alarm_id: str, said: Judgement, now: Instant) -> Change:
    """Note what a person found the alarm to be; the latest counts."""
    course, _ = _find(ledger, alarm_id)
    said = replace(said, who=_signed(said.who), note=_noted(said.note))
    return ledger.change(course, now, action=Action.JUDGED, by=said.who, note=said.note, judgement=said)


def attach(ledger: Ledger, alarm_id: str, evidence: Evidence, now: Instant) -> tuple[Change, ...]:
    """Note that vibration of the alarm is kept, in place of what was kept of the same moment before.

    Nothing where it is not open any more.
    """
    course = ledger.find(alarm_id)
    if course is None or course.alarm is None:
        return ()
    others = tuple(each for each in course.alarm.evidence if each.moment != evidence.moment)
    return (ledger.change(course, now, action=Action.EVIDENCE, evidence=(*others, evidence)),)


def bound(course: Course, shelving: Shelving, now: Instant) -> None:
    """Let the steady clock end the shelving, too: a wall clock that is set back does not make it longer."""
    left_us = min(shelving.until_us - now.wall_us, shelving.until_us - shelving.at_us)
    course.unshelve_us = now.steady_us + left_us


def _find(ledger: Ledger, alarm_id: str) -> tuple[Course, OpenAlarm]:
    course = ledger.find(alarm_id)
    if course is None or course.alarm is None:
        raise AlarmCommandError(
            f"no alarm {printable(alarm_id, LONGEST_NAME)} is open: it is unknown here or has ended",
            remedy="See which alarms are open: edge-runtime alarms list",
        )
    return course, replace(course.alarm)


def _signed(who: str) -> str:
    if not (name := printable(who, LONGEST_NAME).strip()):
        raise AlarmCommandError("the name of who does it is missing", remedy="Say who you are")
    return name


def _noted(note: str) -> str:
    return printable(note, LONGEST_NOTE).strip()
