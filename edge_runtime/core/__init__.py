"""What every room uses: samples, frames, verdicts, alarms, the manifest, errors, health."""

from edge_runtime.core.errors import (
    AccessError,
    AlarmCommandError,
    ArtefactError,
    BusyError,
    ConfigError,
    DataError,
    EdgeError,
    GoldenWindowError,
    TooSlowError,
    UnavailableError,
)
from edge_runtime.core.exit_codes import run_command
from edge_runtime.core.foreign_text import first_line, printable
from edge_runtime.core.health import Health
from edge_runtime.core.log_share import LogShare
from edge_runtime.core.manifest import (
    Calibration,
    Feature,
    Golden,
    Manifest,
    manifest_from_metadata,
    manifest_to_metadata,
)
from edge_runtime.core.ranges import OneOf, check_within
from edge_runtime.core.records import (
    MAX_FRAME_SAMPLES,
    Alarm,
    AlarmKind,
    AlarmPolicy,
    Counts,
    Fault,
    FaultKind,
    FaultReason,
    Frame,
    Hello,
    Note,
    Reading,
    Samples,
    SensorFault,
    Transition,
    Verdict,
    Window,
)
from edge_runtime.core.service_process import become_service
from edge_runtime.core.summary import ModelSummary, model_summary
from edge_runtime.core.topic_level import (
    RESERVED_NAMES,
    TOPIC_LEVEL_RULE,
    check_topic_level,
    is_mqtt_text,
    is_topic_level,
)
from edge_runtime.core.version import VERSION
from edge_runtime.core.wall_clock import CLOCK_REMEDY, ask_time_service, clock_doubt, unset_clock

__all__ = [
    "CLOCK_REMEDY",
    "MAX_FRAME_SAMPLES",
    "RESERVED_NAMES",
    "TOPIC_LEVEL_RULE",
    "VERSION",
    "AccessError",
    "Alarm",
    "AlarmCommandError",
    "AlarmKind",
    "AlarmPolicy",
    "ArtefactError",
    "BusyError",
    "Calibration",
    "ConfigError",
    "Counts",
    "DataError",
    "EdgeError",
    "Fault",
    "FaultKind",
    "FaultReason",
    "Feature",
    "Frame",
    "Golden",
    "GoldenWindowError",
    "Health",
    "Hello",
    "LogShare",
    "Manifest",
    "ModelSummary",
    "Note",
    "OneOf",
    "Reading",
    "Samples",
    "SensorFault",
    "TooSlowError",
    "Transition",
    "UnavailableError",
    "Verdict",
    "Window",
    "ask_time_service",
    "become_service",
    "check_topic_level",
    "check_within",
    "clock_doubt",
    "first_line",
    "is_mqtt_text",
    "is_topic_level",
    "manifest_from_metadata",
    "manifest_to_metadata",
    "model_summary",
    "printable",
    "run_command",
    "unset_clock",
]
