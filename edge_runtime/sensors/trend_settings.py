"""Settings of alarms on trends: limits of a site on values that the history keeps. Frozen."""

import math
from dataclasses import dataclass, fields
from typing import Annotated, Final

from edge_runtime.core import AlarmKind, OneOf, check_within

_MOST_CHARS: Final = 100
"""Of a reading's name: as many as frames carry."""
_SPAN_S: Final = (600.0, 7 * 86400.0)
"""Shorter ones are the model's to hear; longer ones would be held in memory."""
_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class TrendRule:
    """One value, and above what it is an alarm; the lowest limit that is stated counts."""

    # Judgements: a passing lorry lasts seconds and a start some more, and what is there for a minute is
    # reported; a value about its limit ends no alarm.
    above: float | None = None
    """A limit in the value's own unit: mm/s of `velocity`, m/s2 of `level`, that of the reading."""
    above_zone: Annotated[str, OneOf(("", "A", "B", "C"))] = ""
    """Of `velocity` only: the upper end of this zone of ISO 20816-3, by the sensor's `machine_group`. Empty
    for none."""
    baseline: float | None = None
    """What the value is while the machine is well, as `edge-runtime history` shows it."""
    percent_of_baseline: float | None = None
    """A limit in percent of `baseline`, such as 200."""
    rise: float | None = None
    """A limit above the lowest value within `within_s`, in the value's own unit."""
    within_s: float = _DAY_S
    """The time within which a rise counts, seconds."""
    name: str = ""
    """Of `reading` only: its name in the sensor's own frames."""
    deadband: float = 0.05
    """To end, the value must fall below the limit minus this share of it."""
    on_delay_s: float = 60.0
    """The value must stay above the limit this long before the alarm begins, seconds."""
    off_delay_s: float = 300.0
    """It must stay below this long before the alarm ends, seconds."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range, and a rule without a limit."""
        for name in ("above", "baseline", "percent_of_baseline", "rise"):
            if (value := getattr(self, name)) is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}, must be finite")
        if (self.baseline is None) != (self.percent_of_baseline is None):
            raise ValueError("baseline and percent_of_baseline belong together: state both, or neither")
        if self.baseline is not None and self.percent_of_baseline is not None:
            if not self.baseline > 0:
                raise ValueError(f"baseline is {self.baseline:g}, must be positive")
            check_within(self, 101, 10_000, "percent_of_baseline")
        if self.rise is not None and not self.rise > 0:
            raise ValueError(f"rise is {self.rise:g}, must be positive")
        if all(each is None for each in (self.above, self.percent_of_baseline, self.rise)) and (
            not self.above_zone
        ):
            raise ValueError("above, above_zone, percent_of_baseline and rise are missing: state one of them")
        check_within(self, *_SPAN_S, "within_s")
        check_within(self, 0, 0.9, "deadband")
        check_within(self, 0, _DAY_S, "on_delay_s", "off_delay_s")
        if len(self.name) > _MOST_CHARS:
            raise ValueError(f"name has {len(self.name)} characters, must be {_MOST_CHARS} at most")


@dataclass(frozen=True, slots=True)
class TrendSettings:
    """Which values of a sensor raise alarms of their own, beside its model."""

    velocity: TrendRule | None = None
    """The RMS velocity from 10 to 1000 Hz, the highest of the channels."""
    level: TrendRule | None = None
    """The RMS acceleration, the highest of the channels."""
    reading: TrendRule | None = None
    """A reading beside the vibration, such as a temperature."""

    def __post_init__(self) -> None:
        """Raise ValueError for what a rule cannot have."""
        for name, rule in ((each.name, getattr(self, each.name)) for each in fields(self)):
            if rule is None:
                continue
            if rule.above_zone and name != "velocity":
                raise ValueError(f"{name} states above_zone: zones are of the velocity alone")
            if bool(rule.name) != (name == "reading"):
                raise ValueError(f"{name}: a reading is stated with its name, and nothing else is")
            if name != "reading" and rule.above is not None and not rule.above > 0:
                raise ValueError(f"{name} has the limit {rule.above:g}, which must be positive")

    @property
    def rules(self) -> dict[AlarmKind, TrendRule]:
        """Those that are stated, by the kind of their alarms."""
        stated = {AlarmKind(f"{each.name}_trend"): getattr(self, each.name) for each in fields(self)}
        return {kind: rule for kind, rule in stated.items() if rule is not None}

    @property
    def kinds(self) -> frozenset[AlarmKind]:
        """Kinds of the alarms that are asked for."""
        return frozenset(self.rules)

    @property
    def longest_s(self) -> float:
        """The longest time within which a rise counts; 0 where none does."""
        return max((rule.within_s for rule in self.rules.values() if rule.rise is not None), default=0.0)


NO_TRENDS: Final = TrendSettings()
