"""Verdicts and figures whose published bodies were recorded: `recorded_messages.txt` has one body a line.

The recording is what subscribers already parse, so it is compared byte for byte and is never written again.
"""

import math
from pathlib import Path
from typing import Any

from edge_runtime.book import Change, Condition, Instant, OpenAlarm, Record, Shelving, Standing, Watched
from edge_runtime.core import ModelSummary
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.messages.retained import Stamp
from edge_runtime.messages.retained_bodies import SensorInfoBody
from edge_runtime.messages.shadow import ShadowEvent

RECORDED = [line.encode() for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()]
START_US = 1_767_225_600_250_000
BANDS = {"rms": ("g", None, None), "DE 10-20 Hz": ("g2", 10.0, 20.0)}
MODEL = ModelSummary("pump 7 \u00e4", "gaussian", "1", "ab" * 32, True, BANDS)
NO_MODEL = ModelSummary("", "", "", "", supported=False, bands={})
CONTEXT = (START_US + 3_000_000, True, MODEL)
"""When a message is made, whether the clock is set, the model."""
EARLY = (0, False, NO_MODEL)
ALARM = Alarm("01H", AlarmKind.ANOMALY, START_US, 7.5)
SENSOR_FAULT = Alarm("01S", AlarmKind.SENSOR, START_US, math.nan, 'flat: channel "x" \ud800\n')
SHARES = (("DE 10-20 Hz", 0.75), ("rms", 0.25), ("unknown", math.inf))
MANY = tuple((f"f{n}", 1.0 / (n + 1)) for n in range(20))


def verdict(
    transition: Any,
    alarm: Any = ALARM,
    score: Any = 5.0,
    contributions: Any = SHARES,
    time_us: Any = START_US + 2_000_000,
) -> Any:
    return Verdict(time_us, score, 1.5, score > 1.5, alarm, transition, contributions)


VERDICTS = [
    (verdict(Transition.NEW), CONTEXT),
    (verdict(Transition.UPDATE, contributions=MANY), CONTEXT),
    (verdict(Transition.END, score=0.1 + 0.2), CONTEXT),
    (verdict(Transition.NEW, SENSOR_FAULT, math.nan, ()), CONTEXT),
    (verdict(Transition.END, SENSOR_FAULT, -math.inf, (), time_us=2**62), EARLY),
]


def change_of(judged: Any, context: Any) -> Change:
    """What the book says of a verdict with an alarm."""
    sent_us, _, model = context
    ended = judged.transition is Transition.END
    return Change(
        judged.transition,
        open_alarm(judged, model),
        Instant(sent_us, 0),
        judged.time_us if ended else None,
        max(judged.time_us - judged.alarm.start_us, 0),
        contributions=judged.contributions,
        members=("DE", "FE"),
    )


def open_alarm(judged: Any, model: ModelSummary, **members: Any) -> OpenAlarm:
    """The alarm of a verdict as it stands in the book."""
    alarm = judged.alarm
    return OpenAlarm(
        alarm.id,
        "DE",
        alarm.kind,
        "pump",
        alarm.id,
        alarm.reason,
        alarm.start_us,
        alarm.peak_score,
        judged.score,
        judged.threshold,
        model,
        **members,
    )


def standing(judged: Any, context: Any, **members: Any) -> Standing:
    """How it stands with the machine after a verdict, which need not have an alarm."""
    model = context[2]
    alarm = open_alarm(judged, model, **members) if judged.alarm else None
    watched = Watched("DE", model, judged.threshold, "pump")
    score, time_us = judged.score, judged.time_us
    return Standing(watched, alarm, model, judged.threshold, score, time_us, judged.contributions)


def stamp(context: Any) -> Stamp:
    """When and where it was said."""
    sent_us, clock_ok, _ = context
    return Stamp(sent_us, clock_ok, sent_us + 30_000_000, 17, "e" * 32)


ACKNOWLEDGED = Record(START_US + 4_000_000, "ann", "seen")
SHELVED = Shelving(START_US + 3_600_000_000, "bob", "bearing comes on Friday", START_US + 5_000_000)
STATES = [
    (standing(verdict(None), CONTEXT), stamp(CONTEXT)),
    (standing(verdict(None, None), CONTEXT), stamp(CONTEXT)),
    (standing(verdict(None, None), EARLY), stamp(EARLY)),
    (
        standing(
            verdict(None, contributions=MANY),
            CONTEXT,
            acknowledged=ACKNOWLEDGED,
            shelved=SHELVED,
            suppressed="overhaul",
            latched=True,
            active=False,
            again=3,
        ),
        stamp(CONTEXT),
    ),
]
FAULT = open_alarm(verdict(None, SENSOR_FAULT), MODEL, shelved=SHELVED)
CONDITIONS = [
    (Condition("DE", "unknown", "", "", ()), stamp(EARLY)),
    (Condition("DE", "up", FAULT.reason, "it is too slow", (FAULT,)), stamp(CONTEXT)),
]
INFO = (
    {"steadyhum": "0.1.0"},
    {
        "DE": SensorInfoBody(
            machine="pump",
            model=MODEL.sha256,
            threshold=1.5,
            rate_hz=1000.0,
            channels=("x",),
            unit="g",
            commissioning=None,
        )
    },
    [MODEL],
    [FAULT],
    stamp(CONTEXT),
)
SHADOWS = [
    ShadowEvent(verdict(Transition.NEW), "shadow", "pump", MODEL, 1),
    ShadowEvent(verdict(Transition.END, score=math.nan, contributions=()), "calibrating", "", MODEL, 2),
]
SCORES = [verdict(None, None), verdict(None, None, math.nan), verdict(Transition.NEW, score=1e-300)]
SENSOR = {
    "frames": 12,
    "windows": 3,
    "rate_hz": None,
    "port_opened": 1,
    "alarms_active": 0,
    "faults.garbage": 0.0,
}
HEALTH = {
    "sensor": SENSOR,
    "trouble": "silent: the port is open and nothing comes",
    "last_fault": "",
    "identity": "",
    "status": "degraded",
    "troubles": {"broker": "localhost:1883: refused. Start it"},
    "figures": {"mqtt.connected": 1.0, "spool.oldest_age_s": None, "names_refused": 0, "odd": math.inf},
    "seq": 17,
    "epoch": "e" * 32,
}
