"""In which steps a list, or a request of a gateway, becomes a model file."""

from trainer.calibration import Order
from trainer.fitting.learning import LEARNER_VALUES, learn_request, learning_order
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
    "LEARNER_VALUES",
    "Fitted",
    "Kept",
    "Order",
    "fit",
    "fit_list",
    "fitter",
    "learn_request",
    "learning_order",
    "orders",
    "refuse_deaf",
    "with_power",
    "write",
]
