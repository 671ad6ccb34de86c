"""What a fitted detector is made of, for what it is compared with: the same features, scale and network.

A user would have these as objects of his own; the product has no reason to hand them out. So this is the one
place that reaches into detectors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core.records import Samples
from tests.benchmarks import models
from trainer.core.context import FitContext
from trainer.detectors.base import Detector
from trainer.graphs.front_ends import front_end

Values = NDArray[np.floating]


def features(detector: Detector, windows: Samples) -> Values:
    """The features [n, features] that a detector takes of windows, before they are standardised."""
    notes = detector.notes()
    assert "transform" not in notes, "features that are made more Gaussian are not compared here"
    context = FitContext(models.RATE_HZ, models.CHANNELS, models.UNIT, lowpass_hz=5000.0)
    return front_end(notes["front_end"], models.SAMPLES, context).compute(windows)


def scale(detector: Detector) -> Any:
    """What standardises the features: `mean`, `per_deviation` and `apply`."""
    return detector._scale  # type: ignore[attr-defined]  # noqa: SLF001 - see above


def network(detector: Detector) -> Any:
    """The fitted torch network of a detector that has one."""
    return detector._network  # type: ignore[attr-defined]  # noqa: SLF001 - see above


def judge(detector: Detector, rows: Values) -> Values:
    """Scores of standardised features by the fitted scikit-learn object."""
    found: Values = detector._judge(rows)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    return found


def step_width(detector: Detector) -> int:
    """Values that a recurrent network takes at a time, as its notes say it: "1024 of 3 values"."""
    return int(detector.notes()["steps"].split()[2])
