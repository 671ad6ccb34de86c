"""When scores become an alarm, as models and sites state it: `AlarmPolicy`."""

import math
from dataclasses import dataclass
from typing import Final

_MAX_VOTES: Final = 1000  # A judgement: an alarm keeps so many times, and a delay says the same.


@dataclass(frozen=True, slots=True)
class AlarmPolicy:
    """When a run of scores becomes an alarm. Names after OPC UA part 9, section B.1.5."""

    # Judgements: one or two outliers of five raise nothing, and a score about the limit ends no alarm.
    votes: tuple[int, int] = (3, 5)
    """(k, n): k of the last n windows must exceed the threshold."""
    on_delay_s: float = 0.0
    """The votes must hold this long, seconds, before the alarm begins."""
    off_delay_s: float = 1.0
    """The score must stay below the limit this long, seconds, before the alarm ends."""
    deadband: float = 0.0
    """To end, the score must fall below threshold minus this share of the threshold's magnitude."""
    re_alarm_s: float = 3600.0
    """While an alarm lasts it is reported again this often, seconds; 0 for never."""

    def __post_init__(self) -> None:
        needed, of = self.votes
        if not 1 <= needed <= of <= _MAX_VOTES:
            raise ValueError(f"votes is {list(self.votes)}, must be [k, n] with 1 <= k <= n <= {_MAX_VOTES}")
        for name in ("on_delay_s", "off_delay_s", "deadband", "re_alarm_s"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ValueError(f"{name} is {value}, must be finite and not negative")
