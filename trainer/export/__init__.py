"""A fitted detector to a file that proves itself, and what is in such a file."""

from trainer.export.foreign_graph import ForeignGraph, read_foreign
from trainer.export.inspection import all_detectors, describe_detector, manifest_json, manifest_text
from trainer.export.onnx_file import (
    BATCHES,
    ExportDetails,
    golden_windows,
    model_bytes,
    producer,
    stamped,
    write_bytes,
    write_model,
)

__all__ = [
    "BATCHES",
    "ExportDetails",
    "ForeignGraph",
    "all_detectors",
    "describe_detector",
    "golden_windows",
    "manifest_json",
    "manifest_text",
    "model_bytes",
    "producer",
    "read_foreign",
    "stamped",
    "write_bytes",
    "write_model",
]
