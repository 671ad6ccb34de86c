"""A sensor that has no model yet: how its windows are cut, so that the sensor itself can be judged."""

from typing import Final

import numpy as np

from edge_runtime.core import AlarmPolicy, Calibration, Golden, Manifest, ModelSummary
from edge_runtime.sensors import SensorSettings

_WINDOW_S: Final = 0.1
"""A judgement: as long as the windows of most detectors, and long enough to see whether a sensor lives."""
_LEAST_SAMPLES: Final = 64
_MOST_SAMPLES: Final = 65536
"""Of a window, within what windows of slow and of quick sensors have."""
NO_MODEL_YET: Final = ModelSummary("learn", "", "", "", supported=False, bands={}, origin="")
"""What messages say of the model of a sensor that has none."""


def unlearnt_manifest(sensor: SensorSettings) -> Manifest:
    """Cut windows of the sensor as the site states it; nothing is too quiet and no score exceeds."""
    samples = int(np.clip(round(_WINDOW_S * sensor.rate_hz), _LEAST_SAMPLES, _MOST_SAMPLES))
    silence = np.zeros((samples, len(sensor.channels)), np.float32)
    nothing = Calibration("", 0.0, supported=False, statement="", windows=0, conditions=(), quantiles={})
    return Manifest(
        name=NO_MODEL_YET.name,
        detector="",
        detector_version="",
        created="",
        rate_hz=sensor.rate_hz,
        samples=samples,
        hop=samples,
        channels=sensor.channels,
        unit=sensor.unit,
        lowpass_hz=None,
        threshold=float("inf"),
        calibration=nothing,
        policy=AlarmPolicy(),
        features=(),
        golden=(Golden(silence, 0.0),),
        golden_tolerance=0.0,
        data_digest="",
        opset=1,
        producer="",
    )
