"""In which steps a list, or a request of a gateway, becomes a model file."""

from trainer.calibration import Order
from trainer.fitting.steps import (
    Fitted,
    Kept,
    fit,
    fit_list,
    fitter,
    orders,
    refuse_deaf,
    with_power,
    write,
)

__all__ = [
    "Fitted",
    "Kept",
    "Order",
    "fit",
    "fit_list",
    "fitter",
    "orders",
    "refuse_deaf",
    "with_power",
    "write",
]
