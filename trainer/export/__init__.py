"""A fitted detector to a file that proves itself, and what is in such a file."""

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
