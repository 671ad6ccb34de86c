"""The stages of one sensor, from bytes to verdicts, live or replayed."""

from edge_runtime.pipeline.playback import Replayed, replay, replay_capture
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch

__all__ = ["Replayed", "SensorPipeline", "Watch", "replay", "replay_capture"]
