"""Verdicts and figures whose published bodies were recorded: `recorded_messages.txt` has one body a line.

The recording is what subscribers already parse, so it is compared byte for byte and is never written again.
"""

import math
from pathlib import Path
from typing import Any

from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.messages.steadyhum import MessageContext, ModelSummary

RECORDED = [line.encode() for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()]
START_US = 1_767_225_600_250_000
BANDS = {"rms": ("g", None, None), "DE 10-20 Hz": ("g2", 10.0, 20.0)}
MODEL = ModelSummary("pump 7 \u00e4", "gaussian", "1", "ab" * 32, True, BANDS)
CONTEXT = MessageContext(START_US + 3_000_000, True, MODEL)
EARLY = MessageContext(0, False, ModelSummary("", "", "", "", supported=False, bands={}))
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
STATES = [*VERDICTS, (verdict(None), CONTEXT), (verdict(None, None), CONTEXT), (verdict(None, None), EARLY)]
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
}
