"""What is published: topics and bodies. Pure."""

from edge_runtime.messages.steadyhum import (
    OFFLINE,
    ONLINE,
    MessageContext,
    ModelSummary,
    event_message,
    health_message,
    model_summary,
    probe_message,
    score_message,
    stamp_replayed,
    state_message,
)
from edge_runtime.messages.topics import Topics

__all__ = [
    "OFFLINE",
    "ONLINE",
    "MessageContext",
    "ModelSummary",
    "Topics",
    "event_message",
    "health_message",
    "model_summary",
    "probe_message",
    "score_message",
    "stamp_replayed",
    "state_message",
]
