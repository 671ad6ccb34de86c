"""A fitted detector to a file that proves itself, and what is in such a file."""

from trainer.export.inspection import all_detectors, describe_detector, manifest_json, manifest_text
from trainer.export.onnx_file import ExportDetails, write_model

__all__ = [
    "ExportDetails",
    "all_detectors",
    "describe_detector",
    "manifest_json",
    "manifest_text",
    "write_model",
]
