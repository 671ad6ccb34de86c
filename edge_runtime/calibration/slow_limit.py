"""From held-out normal scores to the slow alarm: when an average of scores is too high.

As for the fast alarm the largest average of each condition is one draw, and a condition never seen is bounded
by them (Hahn and Meeker, "Statistical intervals", 4.8). Within a condition, where there are enough averages
that do not overlap, Student's t goes out to the run length asked for: averages of many logarithms are nearly
Gaussian, which single scores are not. What was replayed and what is extrapolated are both stated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import SlowRule
from edge_runtime.calibration.alarm_budget import Series, alarms_in, most_expected
from edge_runtime.calibration.distributions import t_quantile
from edge_runtime.calibration.effective_count import LEAST, effective_windows
from edge_runtime.calibration.threshold_methods import CONFIDENCE, spreads
from edge_runtime.core import AlarmPolicy, DataError

MONTH_H: Final = 8766.0 / 12
"""Run length between false alarms that is asked for where no budget says otherwise, hours."""
_SURE: Final = 0.975
"""Confidence of the bound for a condition never seen. A judgement: one average above it is an alarm, where
windows above the fast threshold have yet to gather votes, so that it is held to more than their 95 %."""
_SMALLEST: Final = 1e-30
"""Score from which on there is a logarithm to speak of; the least that a manifest may state."""
_LOUDEST: Final = 2.0
"""Scores above so many times the fast threshold count as that: no blow, however loud, fills an average, and
an average is calm again soon after a fault."""
_HALFWAY: Final = 0.5
"""Where the alarm ends, on logarithms, between the highest normal mean and where it begins. A judgement: an
average that varies about the limit raises one alarm, and half of what was too much is still too much."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SlowThreshold:
    """The slow alarm of a model, and what supports it."""

    rule: SlowRule
    run_length_h: float
    """Hours between false alarms, at least, with 95 % confidence: what was replayed shows so much."""
    statement: str

    def to_json(self) -> Mapping[str, Any]:
        """Return it as a manifest has it."""
        return {
            **self.rule.to_json(),
            "supported": True,
            "run_length_h": self.run_length_h,
            "statement": self.statement,
        }


def slow_threshold(
    series: Sequence[Series],
    span_s: float,
    fast: float,
    policy: AlarmPolicy,
    *,
    known: bool,
    run_length_h: float = MONTH_H,
) -> SlowThreshold:
    """Find when an average over `span_s` is too high, beside a fast alarm with the threshold `fast`.

    `known` says that no other condition will come. Raises DataError where an average would have to be above
    `fast`, which adds nothing, for scores that are not positive, and for conditions too short to say it of.
    """
    low = min(float(item.scores.min()) for item in series)
    if not _SMALLEST <= low < fast:
        raise DataError(
            f"scores from {low:.4g} on have no logarithm to average",
            where="slow alarm",
            remedy="Choose another detector, or do without the slow alarm (--slow-s 0)",
        )
    ceiling = _LOUDEST * fast
    probe = SlowRule(span_s, low, ceiling, fast, low)
    found = [_Averages.of(name, series, probe) for name in dict.fromkeys(item.condition for item in series)]
    sure = known or len(found) == 1
    if sure:
        _check_lengths(found, span_s)
    tops = np.array([item.top(run_length_h * 3600 / span_s) for item in found])
    value = float(tops.max() if sure else tops.mean() + spreads(len(tops), _SURE) * tops.std(ddof=1))
    if value >= math.log(fast):
        raise DataError(
            f"averages of normal scores would have to be above {math.exp(value):.4g}, and every window above "
            f"{fast:.4g} raises an alarm as it is",
            where="slow alarm",
            remedy="Record more conditions, or average over longer (--slow-s), or do without it (--slow-s 0)",
        )
    end = _HALFWAY * (max(item.mean for item in found) + value)
    rule = SlowRule(span_s, low, ceiling, math.exp(value), math.exp(min(max(end, math.log(low)), value)))
    hours = sum(item.hours for item in found)
    more = sum(alarms_in(item, fast, policy, rule) - alarms_in(item, fast, policy) for item in series)
    shown_h = hours / most_expected(max(0, more))
    extrapolated = all(item.count >= LEAST for item in found)
    return SlowThreshold(rule, shown_h, _statement(rule, found, sure, shown_h, run_length_h * extrapolated))


@dataclass(frozen=True, slots=True)
class _Averages:
    """Logarithms of the averages of one condition."""

    name: str
    largest: float
    mean: float
    spread: float
    """Standard deviation of averages that do not overlap, the largest of all variants."""
    count: float
    """How many such averages there are, as many as they are worth; the fewest of all variants."""
    hours: float
    """How long there was an average."""

    @classmethod
    def of(cls, name: str, series: Sequence[Series], probe: SlowRule) -> "_Averages":
        own = [item for item in series if item.condition == name]
        logs: dict[int, list[_Floats]] = {}
        for item in own:
            averages = item.averages(probe)
            known = np.log(averages[np.isfinite(averages)])
            logs.setdefault(item.variant, []).extend([known] if len(known) else [])
        if not all(logs.values()):
            raise DataError(
                f"no recording of {name!r} is as long as the {probe.span_s:g} s that are averaged",
                where="slow alarm",
                remedy="Record longer, or average over less (--slow-s)",
            )
        hop_s = own[0].hop_s
        step = max(1, round(probe.span_s / hop_s))
        apart = {variant: [part[::step] for part in parts] for variant, parts in logs.items()}
        spreads_ = [
            float(np.concatenate(parts).std(ddof=1)) for parts in apart.values() if sum(map(len, parts)) > 1
        ]
        return cls(
            name,
            largest=max(float(part.max()) for parts in logs.values() for part in parts),
            mean=max(float(np.concatenate(parts).mean()) for parts in logs.values()),
            spread=max(spreads_, default=0.0),
            count=min(effective_windows(parts) for parts in apart.values()),
            hours=min(sum(map(len, parts)) for parts in logs.values()) * hop_s / 3600,
        )

    def top(self, spans: float) -> float:
        """The average that one of `spans` exceeds; the largest seen where there are too few to say."""
        if self.count < LEAST:
            return self.largest
        reach = t_quantile(1 - 1 / max(spans, 2.0), self.count - 1) * math.sqrt(1 + 1 / self.count)
        return max(self.largest, self.mean + reach * self.spread)


def _check_lengths(found: Sequence[_Averages], span_s: float) -> None:
    short = [item for item in found if item.count < LEAST]
    if short:
        worth = ", ".join(f"{item.count:.3g} of {item.name}" for item in short)
        raise DataError(
            f"{LEAST:g} independent averages over {span_s:g} s are needed of a condition, there are {worth}",
            where="slow alarm",
            remedy=f"Record some {2 * LEAST * span_s:g} s of each, or average over less (--slow-s)",
        )


def _statement(rule: SlowRule, found: Sequence[_Averages], sure: bool, shown_h: float, far_h: float) -> str:
    said = (
        f"An alarm, too, where scores are above {rule.threshold:.4g} on average over {rule.span_s:g} s. "
        f"Average run length between false ones: at least {shown_h:.3g} h, by replay of "
        f"{sum(item.hours for item in found):.3g} h of held-out averages with {CONFIDENCE:.0%} confidence"
    )
    if far_h:
        said += f"; extrapolated by Student's t {far_h:.4g} h"
    if not sure:
        seen = f"the largest averages of {len(found)} conditions bound those of one never seen"
        said += f"; {seen}, with {_SURE:.1%} confidence"
    return f"{said}."
