"""Export a fitted detector to an ONNX file that can be verified, and inspect such files."""

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
