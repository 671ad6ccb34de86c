"""Export a fitted detector to an ONNX file that can be verified, and inspect such files."""

from trainer.export.foreign_graph import ForeignGraph, read_foreign
from trainer.export.inspection import all_detectors, describe_detector, manifest_json, manifest_text
from trainer.export.onnx_file import BATCHES, ExportDetails, write_model

__all__ = [
    "BATCHES",
    "ExportDetails",
    "ForeignGraph",
    "all_detectors",
    "describe_detector",
    "manifest_json",
    "manifest_text",
    "read_foreign",
    "write_model",
]
