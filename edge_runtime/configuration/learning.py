"""What a site settles about models that its gateway learns."""

import math
import re
from dataclasses import dataclass
from typing import Final

from edge_runtime.book import Terms

_BUDGET: Final = re.compile(r"\d+(?:\.\d+)?/(?:hour|day|week|month|year)")
_LONGEST_S: Final = 366 * 86400.0
_MANY: Final = 1000


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """Whether and how sensors come by a model of their own."""

    allow: bool = False
    """Whether models that this gateway learnt or adapted are run, beside those that `model_authority` signed.
    Delivered models may then be adapted by `edge-runtime commission NAME adapt`."""
    auto_arm: bool = False
    """Whether a sensor arms itself after its time in the shadow; else it asks a person to."""
    detector: str = "principal_components"
    """The method, as `trainer detectors` names it; one that can be fitted without torch."""
    false_alarms: str = ""
    """How many false alarms a sensor may raise, such as `1/month`; empty for as few as the recordings
    support."""
    least_s: float = 60.0
    """Seconds of normal vibration below which learning does not begin."""
    calibrate_s: float = 120.0
    """Seconds of usable windows for which a new threshold is tried before anything is said of the machine."""
    shadow_s: float = 86400.0
    """Seconds of usable windows that a sensor is watched in the shadow before it arms itself or asks to be
    armed."""
    shadow_alarms: int = 0
    """Alarms in the shadow that do not speak against arming."""

    @property
    def terms(self) -> Terms:
        """What has to be fulfilled before a sensor is armed."""
        return Terms(self.calibrate_s, self.shadow_s, self.shadow_alarms, self.auto_arm)

    def __post_init__(self) -> None:
        for name in ("least_s", "calibrate_s", "shadow_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.1 <= value <= _LONGEST_S):
                raise ValueError(f"{name} is {value}, must be within 0.1 and {_LONGEST_S:.0f}")
        if not 0 <= self.shadow_alarms <= _MANY:
            raise ValueError(f"shadow_alarms is {self.shadow_alarms}, must be within 0 and {_MANY}")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", self.detector):
            raise ValueError(f"detector is {self.detector[:40]!r}, which is the name of none")
        if self.false_alarms and not _BUDGET.fullmatch(self.false_alarms):
            raise ValueError(f"false_alarms is {self.false_alarms[:40]!r}, must be as in `1/month`")
