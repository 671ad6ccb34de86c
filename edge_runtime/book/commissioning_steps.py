"""How a sensor comes by a model of its own, step by step: what changes a `Commissioning`.

    learning ─► calibrating ─► shadow ─► armed ─► retired
        ▲            │            │         │         │
        └────────────┴────────────┴─────────┴─────────┘   by `learn` and `after-repair`

`adapt` comes to `calibrating` from wherever the sensor is, but for `armed`; what watches goes on until then.

Nothing of it is published as an alarm of the machine before `armed`. Each function gives another record, and
raises CommissionError where what is asked makes no sense as it stands. Time counts in seconds of usable
windows: a clock that jumps, or a night without power, neither makes it longer nor shorter.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from edge_runtime.book.commissioning import (
    ADAPT,
    LONGEST,
    MOST_ENTRIES,
    Commissioning,
    Doer,
    Entry,
    Stage,
    Terms,
)
from edge_runtime.core import CommissionError, printable

ALWAYS_EXCEEDED: Final = 0.05
"""A new threshold that more of the first windows exceed was not made for what the machine does now. A
judgement: thresholds are for less than one window in a hundred."""
BY_ITSELF: Final = "auto_arm"
"""Who armed it, where a person allowed it beforehand."""


def ask_learner(record: Commissioning, request: str, doer: Doer) -> Commissioning:
    """Let the learner work on what was recorded."""
    _check_idle(record)
    begun = _enter(record, Stage.LEARNING, doer, "asked the learner")
    return replace(_without_offer(begun), request=request, baseline=0)


def ask_adaptation(record: Commissioning, request: str, wished: Collection[str], doer: Doer) -> Commissioning:
    """Let the model of the same kind of machine be adapted from what was recorded.

    Nothing else changes until it is: what watches the sensor goes on.
    """
    _check_idle(record)
    words = " ".join((ADAPT, request, *sorted(wished)))
    asked = replace(_without_offer(record), request=words, asks="")
    return _note(asked, doer.at_us, doer.who, _with(doer, "asked for an adaptation"))


def learnt(record: Commissioning, number: int, warnings: str, at_us: int) -> Commissioning:
    """Go on with what was made of the recordings; where it warns, a person accepts it first."""
    made = "adapted" if record.adapts else "learnt"
    done = replace(record, request="", newest=max(number, record.newest), asks="")
    if warnings:
        asks = f"the {made} model waits for `accept`: {warnings}"
        done = replace(done, offer=number, offered=_short(warnings), asks=_short(asks))
        return _note(done, at_us, "", f"model {number} was {made}, with warnings")
    by_program = Doer("", at_us)
    return replace(_enter(done, Stage.CALIBRATING, by_program, f"model {number} was {made}"), baseline=number)


def refused(record: Commissioning, reason: str, at_us: int) -> Commissioning:
    """Keep why nothing was made of the recordings."""
    said = replace(record, request="", asks=_short(reason))
    made = "adapted" if record.adapts else "learnt"
    return _note(said, at_us, "", f"nothing was {made}: {reason}")


def accept(record: Commissioning, number: int, doer: Doer) -> Commissioning:
    """Take what is offered, or a learnt model of another number, which is kept."""
    if record.request:
        raise CommissionError("the learner is at work", remedy="Wait for it")
    chosen = number or record.offer
    if not chosen:
        raise CommissionError(
            "nothing is offered", remedy="See how it stands: edge-runtime commission SENSOR status"
        )
    if not 0 < chosen <= record.newest:
        raise CommissionError(
            f"there is no learnt model {chosen}", remedy=f"Give a number from 1 to {record.newest}"
        )
    taken = replace(_without_offer(record), baseline=chosen)
    if record.stage is Stage.ARMED and chosen == record.offer:  # the same model with a refined threshold
        return replace(_note(taken, doer.at_us, doer.who, _with(doer, f"accepted model {chosen}")), asks="")
    return replace(_enter(taken, Stage.CALIBRATING, doer, f"accepted model {chosen}"), baseline=chosen)


def offer(record: Commissioning, number: int, why: str, at_us: int) -> Commissioning:
    """Offer a refined threshold to a person; nothing changes before `accept`."""
    asks = f"a refined threshold waits for `accept`: {why}"
    found = replace(record, offer=number, offered=_short(why), newest=max(number, record.newest))
    return _note(replace(found, asks=_short(asks)), at_us, "", f"model {number} was offered: {why}")


def arm(record: Commissioning, doer: Doer) -> Commissioning:
    """Let the model raise alarms, by a person's word."""
    if record.stage is Stage.ARMED:
        raise CommissionError("the sensor is armed", remedy="Nothing is left to be done")
    if record.request:
        raise CommissionError("the learner is at work", remedy="Wait for it, or retire what it works on")
    if record.stage is not Stage.SHADOW:
        raise CommissionError(
            f"the sensor is in the stage {record.stage}, and only one in the shadow can be armed",
            remedy="See what it waits for: edge-runtime commission SENSOR status",
        )
    seen = f"armed after {_span(record.watched_s)} in the shadow with {record.alarms} alarms"
    return _enter(_without_offer(record), Stage.ARMED, doer, seen)


def retire(record: Commissioning, doer: Doer) -> Commissioning:
    """Take the learnt model out of use, and give up what the learner works on."""
    if record.stage is Stage.RETIRED:
        raise CommissionError("it is retired", remedy="To begin again: edge-runtime commission SENSOR learn")
    if not (record.baseline or record.request or record.offer):
        raise CommissionError(
            "there is no learnt model to retire", remedy="Learn one: edge-runtime commission SENSOR learn"
        )
    done = replace(_without_offer(record), request="", baseline=0)
    return _enter(done, Stage.RETIRED, doer, f"retired model {record.baseline}")


def after_repair(record: Commissioning, doer: Doer) -> Commissioning:
    """Begin a new baseline: what was learnt and recorded before is kept and not used."""
    if record.request:
        raise CommissionError("the learner is at work", remedy="Wait for it, or retire what it works on")
    done = replace(_without_offer(record), baseline=0)
    begun = _enter(done, Stage.LEARNING, doer, f"a new baseline after a repair; model {record.baseline} kept")
    asks = "record the repaired machine, then: edge-runtime commission SENSOR learn, or adapt"
    return replace(begun, asks=asks)


def restored(record: Commissioning, doer: Doer) -> Commissioning:
    """Go on with it on another card, where the learner knows nothing of an earlier request."""
    asks = "the learner's work was lost: ask again" if record.request else record.asks
    return _note(replace(record, request="", asks=asks), doer.at_us, doer.who, "taken up from a backup")


def watched(record: Commissioning, seconds: float, windows: int, exceeded: int, alarms: int) -> Commissioning:
    """Count what the model said since the last time."""
    return replace(
        record,
        watched_s=record.watched_s + seconds,
        windows=record.windows + windows,
        exceeded=record.exceeded + exceeded,
        alarms=record.alarms + alarms,
    )


def due(record: Commissioning, terms: Terms, at_us: int) -> Commissioning:
    """Go on where the stage has lasted as long as the site wants; the same record where it has not, and while
    an adaptation is on its way."""
    if record.request:
        return record
    if record.stage is Stage.CALIBRATING and record.watched_s >= terms.calibrate_s:
        share = record.exceeded / max(1, record.windows)
        if share <= ALWAYS_EXCEEDED:
            return _enter(record, Stage.SHADOW, Doer("", at_us), "its threshold holds so far")
        why = (
            f"{share:.0%} of {record.windows} windows exceed the threshold: what was recorded is not what "
            "the machine does now. Record what it does, as a condition of its own, and learn again"
        )
        back = replace(record, baseline=0)
        return replace(_enter(back, Stage.LEARNING, Doer("", at_us), why), asks=_short(why))
    if record.stage is not Stage.SHADOW or record.watched_s < terms.shadow_s:
        return record
    lasted = f"{_span(record.watched_s)} in the shadow, {record.alarms} alarms"
    speaks_against = record.alarms > terms.shadow_alarms
    if terms.auto_arm and not speaks_against:
        return _enter(_without_offer(record), Stage.ARMED, Doer(BY_ITSELF, at_us), f"armed after {lasted}")
    asks = f"asks to be armed: {lasted}, of which the site allows {terms.shadow_alarms}"
    if speaks_against:
        asks = (
            f"does not arm: {lasted}, of which the site allows {terms.shadow_alarms}; the windows are kept "
            "as captures. Look at the machine; if it is well, learn again with them (--with-shadow), or arm "
            "it"
        )
    # Counts go on, and what is asked is asked once.
    return record if record.asks[:12] == asks[:12] else replace(record, asks=asks)


def _check_idle(record: Commissioning) -> None:
    if record.request:
        raise CommissionError(
            "the learner works for this sensor already",
            remedy="Wait for it, or give it up: edge-runtime commission SENSOR retire",
        )
    if record.stage is Stage.ARMED:
        raise CommissionError(
            "the sensor is armed",
            remedy="After work on the machine: edge-runtime commission SENSOR after-repair; to begin again: "
            "retire, then learn or adapt",
        )


def _without_offer(record: Commissioning) -> Commissioning:
    """What was not taken stays under its number: an armed sensor takes refined thresholds only."""
    return replace(record, offer=0, offered="")


def _enter(record: Commissioning, stage: Stage, doer: Doer, what: str) -> Commissioning:
    begun = replace(record, stage=stage, watched_s=0.0, windows=0, exceeded=0, alarms=0, asks="")
    return _note(begun, doer.at_us, doer.who, _with(doer, what))


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.0f} s"


def _with(doer: Doer, what: str) -> str:
    return f"{what}: {doer.note}" if doer.note else what


def _note(record: Commissioning, at_us: int, who: str, what: str) -> Commissioning:
    entry = Entry(at_us, printable(who, 100), _short(what))
    return replace(record, history=(*record.history, entry)[-MOST_ENTRIES:])


def _short(text: str) -> str:
    return printable(" ".join(text.split()), LONGEST)
