"""ONNX graphs, built node by node: from the raw window to features."""

from trainer.graphs.bands import Bands, whole_band
from trainer.graphs.base import FrontEnd
from trainer.graphs.builder import OPSET, GraphBuilder, GraphValue
from trainer.graphs.fourier import power_spectrum
from trainer.graphs.front_ends import front_end
from trainer.graphs.running import run_graph
from trainer.graphs.spectra import CoarseSpectrum
from trainer.graphs.transforms import fit_transform

__all__ = [
    "OPSET",
    "Bands",
    "CoarseSpectrum",
    "FrontEnd",
    "GraphBuilder",
    "GraphValue",
    "fit_transform",
    "front_end",
    "power_spectrum",
    "run_graph",
    "whole_band",
]
