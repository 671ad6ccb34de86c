"""What `import trainer` offers: fit, calibrate, evaluate, compare, adopt and write, all in memory."""

from trainer.library.adoption import AdoptionOrder, adopt, adopt_list
from trainer.library.comparing import compare
from trainer.library.models import FittedModel, Model, calibrate, evaluate, fit, read_recordings, write

__all__ = [
    "AdoptionOrder",
    "FittedModel",
    "Model",
    "adopt",
    "adopt_list",
    "calibrate",
    "compare",
    "evaluate",
    "fit",
    "read_recordings",
    "write",
]
