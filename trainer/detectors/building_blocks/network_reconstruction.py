"""Detectors whose reconstruction is a torch network. The closed forms beside them are free of torch."""

from typing import Any

from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.reconstruction import ReconstructionDetector


class NetworkReconstruction(ReconstructionDetector):
    """Base: `_learn` leaves the trained network in `_network`."""

    def _rounded(self) -> dict[str, Any]:
        return {"_network": torch_layers.rounded(self.__dict__["_network"])}
