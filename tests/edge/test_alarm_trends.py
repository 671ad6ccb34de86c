"""Alarms by limits of the site's: which limit counts, what ends one, what no healthy machine raises."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from edge_runtime.analysis import Rise, TrendLimit, TrendWatch
from edge_runtime.analysis.diagnosis import (
    LOWEST_RATE_HZ,
    MachineGroup,
    Support,
    Zone,
    indicators,
    upper_end_mm_s,
    zone,
)
from edge_runtime.book import Action
from edge_runtime.book.sensor import NO_LIMIT
from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, Transition, Verdict
from tests.edge.test_book import Device
from tests.shared import SAMPLE

NEW, END = Transition.NEW, Transition.END
POLICY = AlarmPolicy((2, 3), 60.0, 300.0, 0.05, 86400.0)
EVERY_S = 5.0
FIXED = TrendLimit(4.5, "zone: above zone B of ISO 20816-3")
GRAVITY = 9.80665


def watch(*limits: TrendLimit, rise: Rise | None = None, policy: AlarmPolicy = POLICY) -> TrendWatch:
    names = (f"a{number}" for number in count())
    kind = AlarmKind.VELOCITY
    return TrendWatch(kind, limits, rise, policy, lambda: next(names), unit=" mm/s", every_s=EVERY_S)


def play(watched: TrendWatch, values: list[float], from_s: float = 0.0) -> list[tuple[float, Verdict]]:
    """What changes, and when, of values that come every five seconds."""
    found = []
    for place, value in enumerate(values):
        at_s = from_s + place * EVERY_S
        verdict = watched.step(round(at_s * 1e6), value)
        if verdict is not None and verdict.transition is not None:
            found.append((at_s, verdict))
    return found


def test_a_rise_above_a_limit_is_an_alarm_when_it_lasts_and_ends_below_the_deadband() -> None:
    watched = watch(FIXED)
    assert play(watched, [4.0] * 20 + [9.0] + [4.0] * 20 + [9.0] * 10 + [4.0] * 20) == [], "nothing lasted"
    ((at_s, began),) = play(watched, [5.0] * 30, 1000)
    assert at_s == 1000 + EVERY_S + POLICY.on_delay_s
    assert (began.transition, began.score, began.threshold) == (NEW, 5.0, 4.5)
    assert began.alarm is not None
    assert began.alarm.reason == "zone: 5 mm/s, above zone B of ISO 20816-3 (4.5)"
    assert play(watched, [4.4] * 200, 2000) == [], "within the deadband"
    ((at_s, ended),) = play(watched, [4.2] * 200, 4000)
    assert (at_s, ended.transition) == (4000 + POLICY.off_delay_s, END)
    assert ended.alarm is not None
    assert ended.alarm.id == began.alarm.id


def test_what_was_not_seen_is_not_calm_and_what_is_no_number_counts_for_nothing() -> None:
    watched = watch(FIXED)
    play(watched, [5.0] * 30)
    assert play(watched, [4.0], 1000) + play(watched, [math.nan, math.inf, -math.inf, 4.0], 9000) == []
    assert play(watched, [4.0] * 50, 9020) == []
    ((_, ended),) = play(watched, [4.0] * 10, 9020 + 50 * EVERY_S)
    assert ended.transition is END


def test_the_lowest_limit_counts() -> None:
    watched = watch(FIXED, TrendLimit(3.0, "baseline: above 200 % of 1.5"))
    ((_, began),) = play(watched, [3.5] * 30)
    assert began.alarm is not None
    assert began.alarm.reason == "baseline: 3.5 mm/s, above 200 % of 1.5 (3)"


def test_a_rise_counts_within_its_time_and_over_a_restart() -> None:
    """Slower than that it is none; what was kept before the start counts as if it had been seen."""
    hour = 720
    rise = Rise(1.0, 6 * 3600.0)
    slow = list(np.linspace(1.0, 3.0, 24 * hour))
    assert play(watch(rise=rise), slow) == []
    ((at_s, began),) = play(watch(FIXED, rise=rise), [1.0] * hour + [2.2] * 30)
    assert at_s == 3600 + EVERY_S + 60
    assert began.alarm is not None
    assert began.alarm.reason == "rise: 2.2 mm/s, more than 1 above the least in 6 h (2)"
    fresh = watch(rise=rise)
    assert play(fresh, [2.2] * 30, 1e6) == [], "it knows nothing else"
    fresh = watch(rise=rise)
    for minute in range(60):
        fresh.remember(round((1e6 - 60 * minute) * 1e6), 1.0, 12.0)
    fresh.remember(round((1e6 - 7 * 3600) * 1e6), 0.1, 12.0)
    fresh.remember(round((1e6 - 3600) * 1e6), math.nan)
    ((_, again),) = play(fresh, [2.2] * 30, 1e6)
    assert again.threshold == pytest.approx(2.0, abs=0.05)
    alone = watch()
    alone.remember(0, 1.0)
    assert play(alone, [1e6] * 100) == [], "without any limit nothing is one"


def test_an_alarm_that_was_open_is_ended_after_a_restart() -> None:
    watched = watch(FIXED)
    watched.resume(Alarm("before", AlarmKind.VELOCITY, 0, 6.0, "zone: 6 mm/s"))
    assert play(watched, [5.0] * 30) == []
    ((_, ended),) = play(watched, [1.0] * 100, 200)
    assert ended.transition is END
    assert ended.alarm is not None
    assert ended.alarm.id == "before"


def looks(name: str, rate_hz: float) -> Iterator[tuple[float, float]]:
    """Velocity in mm/s and acceleration in m/s2 of each second of a real recording."""
    values = loadmat(SAMPLE / "cwru" / f"{name}.mat")[f"X{int(name):03d}_DE_time"][:, 0] * GRAVITY
    second = round(rate_hz)
    for begin in range(0, len(values) - second + 1, second):
        said = indicators(values[begin : begin + second], rate_hz)
        yield said.velocity_mm_s, said.rms


@pytest.fixture(scope="module")
def healthy() -> dict[str, list[tuple[float, float]]]:
    return {name: list(looks(name, 48000)) for name in ("97", "98", "99", "100")}


def test_no_healthy_machine_of_real_recordings_raises_one(
    healthy: dict[str, list[tuple[float, float]]],
) -> None:
    """By the end of zone B, twice what one load showed, a rise as high as that: at every load, for hours."""
    policy = replace(POLICY, on_delay_s=0.0)
    end = upper_end_mm_s(Zone.B, MachineGroup.MEDIUM, Support.RIGID)
    for measure in (0, 1):
        of_all = {name: [look[measure] for look in seen] for name, seen in healthy.items()}
        for baseline in (float(np.mean(seen)) for seen in of_all.values()):
            limits = [TrendLimit(2 * baseline, "baseline: above 200 %")]
            limits += [TrendLimit(end, "zone: above zone B")] if measure == 0 else []
            watched = watch(*limits, rise=Rise(baseline, 7 * 86400.0), policy=policy)
            assert play(watched, [value for seen in of_all.values() for value in seen * 100]) == []


@pytest.mark.parametrize("name", ["107", "120", "132"])
def test_every_fault_raises_one(name: str, healthy: dict[str, list[tuple[float, float]]]) -> None:
    """The level of a damaged bearing is more than twice that of the machine while it was well."""
    well, bad = [look[1] for look in healthy["99"]], [look[1] for look in looks(name, 12000)]
    baseline = float(np.mean(well))
    for watched in (
        watch(TrendLimit(1.5 * baseline, "baseline: above 150 %")),
        watch(rise=Rise(0.5 * baseline, 86400.0)),
    ):
        assert play(watched, well * 100) == []
        ((_, began),) = play(watched, bad * 10, 5000)
        assert began.transition is NEW


def test_a_zone_ends_where_the_next_begins() -> None:
    of = MachineGroup.LARGE, Support.FLEXIBLE
    for each, after in zip(list(Zone)[:-1], list(Zone)[1:], strict=True):
        end = upper_end_mm_s(each, *of)
        assert (zone(end, *of), zone(end + 0.01, *of)) == (each, after)
    assert upper_end_mm_s(Zone.D, *of) == math.inf
    assert LOWEST_RATE_HZ == 2560


def begin(device: Device, name: str, kind: AlarmKind, reason: str) -> Any:
    return device.say(NEW, name, kind=kind, reason=reason)


def test_the_book_holds_them_beside_the_anomaly_and_ends_those_without_a_limit() -> None:
    """They are of the machine and not of its sensor; without the site's limit nothing would see their end."""
    kinds = frozenset({AlarmKind.VELOCITY, AlarmKind.READING})
    device = Device(trends=kinds)
    device.say(None, score=0.5)
    scored = device.book.standing("a").score
    (change,) = begin(device, "t1", AlarmKind.VELOCITY, "zone: 5")
    assert (change.alarm.score, change.alarm.threshold, change.alarm.latched) == (2.0, 1.0, False)
    begin(device, "t2", AlarmKind.READING, "above: 90")
    standing, condition = device.book.standing("a"), device.book.condition("a")
    assert (standing.alarm, standing.score) == (None, scored)
    assert [alarm.id for alarm in standing.trends] == ["t1", "t2"]
    assert (condition.alarms, condition.fault, condition.usable) == ((), "", True)
    device.say(NEW, "a1")
    standing = device.book.standing("a")
    assert standing.alarm is not None
    assert [standing.alarm.id, *(alarm.id for alarm in standing.trends)] == ["a1", "t1", "t2"]
    assert device.watch(trends=kinds) == ()
    (gone,) = device.watch(trends=kinds - {AlarmKind.READING})
    assert (gone.transition, gone.action, gone.alarm.id, gone.alarm.reason) == (
        END,
        Action.REMOVED,
        "t2",
        NO_LIMIT,
    )
    assert [alarm.id for alarm in device.book.to_resume("a")] == ["a1", "t1"]
