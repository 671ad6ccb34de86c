"""A model to another machine of the kind, from recordings of it. A room within the room: the service loads
none of it but in a child process."""

from edge_runtime.pipeline.adapting.model_adaptation import STRETCHES, adapt

__all__ = ["STRETCHES", "adapt"]
