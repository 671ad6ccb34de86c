"""What is published: topics and bodies. Pure."""

from edge_runtime.messages.steadyhum import (
    OFFLINE,
    ONLINE,
    MessageContext,
    event_message,
    health_message,
    probe_message,
    rfc3339,
    score_message,
    stamp_replayed,
    state_message,
)
from edge_runtime.messages.topics import Topics

__all__ = [
    "OFFLINE",
    "ONLINE",
    "MessageContext",
    "Topics",
    "event_message",
    "health_message",
    "probe_message",
    "rfc3339",
    "score_message",
    "stamp_replayed",
    "state_message",
]
