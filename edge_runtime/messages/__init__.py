"""What is published: topics and bodies. Pure."""

from edge_runtime.messages.bodies import HealthBody, SentEventBody
from edge_runtime.messages.json_body import encode_json, number, plain_members
from edge_runtime.messages.parts import (
    band_bodies,
    evidence_body,
    finding_bodies,
    judgement_body,
    model_body,
    reason_of,
    rfc3339,
)
from edge_runtime.messages.retained import Stamp, condition_message, info_message, state_message
from edge_runtime.messages.retained_bodies import ConditionBody, InfoBody, SensorInfoBody, StateBody
from edge_runtime.messages.shadow import ShadowEvent, shadow_message
from edge_runtime.messages.steadyhum import (
    OFFLINE,
    ONLINE,
    event_message,
    health_message,
    late_event_message,
    probe_message,
    score_message,
    stamp_replayed,
)
from edge_runtime.messages.topics import Topics

__all__ = [
    "OFFLINE",
    "ONLINE",
    "ConditionBody",
    "HealthBody",
    "InfoBody",
    "SensorInfoBody",
    "SentEventBody",
    "ShadowEvent",
    "Stamp",
    "StateBody",
    "Topics",
    "band_bodies",
    "condition_message",
    "encode_json",
    "event_message",
    "evidence_body",
    "finding_bodies",
    "health_message",
    "info_message",
    "judgement_body",
    "late_event_message",
    "model_body",
    "number",
    "plain_members",
    "probe_message",
    "reason_of",
    "rfc3339",
    "score_message",
    "shadow_message",
    "stamp_replayed",
    "state_message",
]
