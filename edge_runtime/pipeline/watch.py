"""How one sensor is watched: its model, and what the site sets differently."""

from dataclasses import dataclass, field

from edge_runtime.analysis import Identity, SlowRule
from edge_runtime.core import AlarmPolicy, Manifest, StateSettings
from edge_runtime.models import Artefact


@dataclass(frozen=True, slots=True)
class Watch:
    """How one sensor is watched: the artefact, and what the site sets differently."""

    artefact: Artefact | None
    """None while the sensor has no model: its windows are judged for the sensor alone."""
    threshold: float
    policy: AlarmPolicy
    sensor: Identity | None = None
    """What the right sensor says of itself; None for what the manifest says of it."""
    suspended: str = ""
    """Why the model is not to be run: it stopped the service once. Empty for every other."""
    usable_share: float = 0.9
    """Share of the time that has to give usable windows, 0 for none; less is a fault of the sensor."""
    usable_span_s: float = 60.0
    """The time over which that is asked for, seconds."""
    silence_s: float = 2.0
    """Pauses up to this long are none of the sensor's faults, seconds."""
    states: StateSettings = field(default_factory=StateSettings)
    """How the machine's operating state is followed."""
    says_states: bool = False
    """Whether the site says the state; else it is followed only where the model learnt states."""
    slow_alarm: bool = True
    """Whether the average of scores raises alarms, too, where the model says when."""
    armed: bool = True
    """Whether anomalies are alarms; else they are for the commissioning alone."""
    unlearnt: Manifest | None = None
    """How windows are cut where there is no artefact, see `unlearnt`."""

    @property
    def manifest(self) -> Manifest:
        """How windows are cut, of which channels. Raises ValueError where neither model nor cut was given."""
        found = self.unlearnt if self.artefact is None else self.artefact.manifest
        if found is None:
            raise ValueError("a watch without a model needs to know how windows are cut")
        return found

    @property
    def slow(self) -> SlowRule | None:
        """When the average of scores raises an alarm; None where it does not."""
        return SlowRule.of(self.manifest.slow_alarm) if self.slow_alarm else None

    @property
    def identity(self) -> Identity:
        """What the right sensor says of itself."""
        manifest = self.manifest
        return self.sensor or Identity(manifest.unit, manifest.channels)

    @property
    def rule(self) -> tuple[object, ...]:
        """What a pipeline judges by, the sensor's identity apart; a model is the same while it is the same
        session."""
        limits = self.usable_share, self.usable_span_s, self.silence_s
        own = id(self.artefact), self.threshold, self.policy, self.suspended, self.slow_alarm, self.armed
        return *own, *limits, self.states, self.says_states

    @staticmethod
    def of(artefact: Artefact, threshold: float | None = None, policy: AlarmPolicy | None = None) -> "Watch":
        """Watch as the artefact's manifest says, except for what is given."""
        manifest = artefact.manifest
        limit = manifest.threshold if threshold is None else threshold
        return Watch(artefact, limit, policy or manifest.policy)
