"""The stages of one sensor, from bytes to verdicts, live or replayed."""

from typing import TYPE_CHECKING

from edge_runtime.core import late_names
from edge_runtime.pipeline.adapting_child import adapt_in_child
from edge_runtime.pipeline.agreement import compare
from edge_runtime.pipeline.commissioned import Commissioned, read_commissioned, read_record, write_record
from edge_runtime.pipeline.line_status import LineStatus
from edge_runtime.pipeline.onlooker import Onlooker
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.unlearnt import NO_MODEL_YET, unlearnt_manifest
from edge_runtime.pipeline.watch import Watch

if TYPE_CHECKING:
    from edge_runtime.pipeline.playback import Alignment, Replayed, replay, replay_capture

__all__ = [
    "NO_MODEL_YET",
    "Alignment",
    "Commissioned",
    "LineStatus",
    "Onlooker",
    "Replayed",
    "SensorPipeline",
    "Watch",
    "adapt_in_child",
    "compare",
    "read_commissioned",
    "read_record",
    "replay",
    "replay_capture",
    "unlearnt_manifest",
    "write_record",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(__name__, {"playback": ("Alignment", "Replayed", "replay", "replay_capture")})
