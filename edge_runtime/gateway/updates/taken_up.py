"""What the service has opened of models that arrived signed: `TakenUp`."""

from dataclasses import dataclass, field

from edge_runtime.models import Artefact


@dataclass(slots=True)
class TakenUp:
    """Models that were taken up, opened."""

    models: dict[str, tuple[Artefact, str]] = field(default_factory=dict)
    """With its SHA-256, by sensor; a sensor that is not here runs the site's own file."""
    problems: dict[str, str] = field(default_factory=dict)
    """By sensor: why the model that was taken up last is not run."""
    failed: dict[str, str] = field(default_factory=dict)
    """By sensor, SHA-256 of a model that was taken up last, is whole, and fails here."""
