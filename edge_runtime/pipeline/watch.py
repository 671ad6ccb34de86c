"""How one sensor is watched: its model, and what the site sets differently."""

from dataclasses import dataclass, field

from edge_runtime.analysis import Identity
from edge_runtime.core import AlarmPolicy, StateSettings
from edge_runtime.models import Artefact


@dataclass(frozen=True, slots=True)
class Watch:
    """How one sensor is watched: the artefact, and what the site sets differently."""

    artefact: Artefact
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

    @property
    def identity(self) -> Identity:
        """What the right sensor says of itself."""
        manifest = self.artefact.manifest
        return self.sensor or Identity(manifest.unit, manifest.channels)

    @property
    def rule(self) -> tuple[object, ...]:
        """What a pipeline judges by, the sensor's identity apart; a model is the same while it is the same
        session."""
        limits = self.usable_share, self.usable_span_s, self.silence_s
        follows = self.states, self.says_states
        return id(self.artefact), self.threshold, self.policy, self.suspended, *limits, *follows

    @staticmethod
    def of(artefact: Artefact, threshold: float | None = None, policy: AlarmPolicy | None = None) -> "Watch":
        """Watch as the artefact's manifest says, except for what is given."""
        manifest = artefact.manifest
        limit = manifest.threshold if threshold is None else threshold
        return Watch(artefact, limit, policy or manifest.policy)
