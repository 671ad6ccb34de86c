"""What is said of a sensor before it is armed, as in `bodies`."""

from dataclasses import dataclass
from typing import Literal

from edge_runtime.core import Transition
from edge_runtime.messages.bodies import SCHEMA, BandBody, ModelBody
from edge_runtime.messages.json_body import Body, Moment


@dataclass(frozen=True, kw_only=True)
class ShadowBody(Body):
    """What a sensor that is not armed would have raised an alarm about; for those who commission it."""

    schema: int = SCHEMA
    """Version of this format."""
    shadow: Literal[True] = True
    """It is no alarm, whatever it is taken for."""
    type: Transition
    """As in the event."""
    id: str
    """Names the anomaly: the same in its `new`, `update` and `end`. It is no alarm's."""
    stage: str
    """Stage of the sensor's commissioning: `calibrating` or `shadow`."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """As in the event."""
    start_time: Moment | None
    """When the anomaly began."""
    end_time: Moment | None
    """When it ended; null before `end`."""
    peak: float | None
    """Highest score so far, in the score's own unit."""
    score: float | None
    """Score of the latest window."""
    threshold: float | None
    """Score above which a window counts as anomalous."""
    model: ModelBody
    """The model that scores."""
    top_bands: tuple[BandBody, ...]
    """As in the event."""
    machine: str
    """What the sensor sits on, as the site names it; empty where it names nothing."""
    alarms: int
    """How many anomalies there were in this stage, this one included."""
