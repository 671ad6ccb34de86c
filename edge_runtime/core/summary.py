"""What is said of a model wherever a score of it is: `ModelSummary`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_runtime.core.manifest import Manifest

DELIVERED: Final = "delivered"
ADAPTED: Final = "adapted"
LEARNT_HERE: Final = "learnt-here"
"""Where a model comes from: as a file from elsewhere, such a file with this machine's statistics, or from
this machine's own vibration."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What a message says of the model behind it."""

    name: str
    """What the site calls the model."""
    detector: str
    """Name of the detector."""
    version: str
    """Version of the detector's code."""
    sha256: str
    """SHA-256 of the .onnx file, hexadecimal; of an adapted model that of its adaptation, which names the
    file."""
    supported: bool
    """Whether the data could support the false-alarm rate the threshold was set for."""
    bands: Mapping[str, tuple[str, float | None, float | None]]
    """Feature name to (unit, low_hz, high_hz); the limits are None where a feature is no band."""
    origin: str = DELIVERED
    """`DELIVERED`, `ADAPTED` or `LEARNT_HERE`; empty where there is no model yet."""


def model_summary(manifest: Manifest, sha256: str) -> ModelSummary:
    """What messages say of a model, from its manifest and its file's hexadecimal digest."""
    bands = {feature.name: (feature.unit, feature.low_hz, feature.high_hz) for feature in manifest.features}
    return ModelSummary(
        manifest.name,
        manifest.detector,
        manifest.detector_version,
        sha256,
        manifest.calibration.supported,
        bands,
    )
