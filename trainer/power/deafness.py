"""A threshold that nothing exceeds raises no false alarm, and no other: its promise is worth nothing."""

from dataclasses import replace

from edge_runtime.calibration import Threshold
from edge_runtime.core import Calibration
from trainer.core import FitError
from trainer.power.statement import Power


def supported_by(found: Power, calibration: Calibration) -> Calibration:
    """Return the calibration, as not supported where no fault of any size raises an alarm."""
    if found.hears:
        return calibration
    statement = f"Unsupported: {_inner(found.statement)}. {calibration.statement}"
    return replace(calibration, supported=False, statement=statement)


def check_hears(found: Power, threshold: Threshold, detector: str) -> None:
    """Raise FitError for a threshold that no fault of any size exceeds."""
    if found.hears:
        return
    raise FitError(
        f"{_inner(found.statement)}: {threshold.value:.4g} by method {threshold.method} is more than "
        f"{detector} scores whatever happens",
        where="threshold",
        remedy="Record the healthy machine in more operating conditions, or choose another detector; "
        "--best-effort writes the file as unsupported",
    )


def _inner(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
