"""A model to another machine of the kind, from recordings of it. A room within the room: the service loads
none of it."""

from edge_runtime.pipeline.adapting.model_adaptation import ACCEPTABLE, STRETCHES, adapt

__all__ = ["ACCEPTABLE", "STRETCHES", "adapt"]
