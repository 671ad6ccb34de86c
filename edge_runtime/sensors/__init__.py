"""Where samples come from: ports and their readers, recordings, the simulated sensor."""

from typing import TYPE_CHECKING

from edge_runtime.core import late_names
from edge_runtime.sensors.allowance import Allowance
from edge_runtime.sensors.capture_file import CaptureFile
from edge_runtime.sensors.capture_note import CaptureNote
from edge_runtime.sensors.capture_settings import RecordingSettings
from edge_runtime.sensors.captures import SUFFIX as CAPTURE_SUFFIX
from edge_runtime.sensors.captures import (
    CapturePart,
    CaptureSummary,
    Piece,
    capture_part,
    capture_pieces,
    damage_of,
    is_capture,
    read_capture,
    summarize,
)
from edge_runtime.sensors.device_names import device_of
from edge_runtime.sensors.devices import DeviceKind
from edge_runtime.sensors.evidence_settings import EvidenceSettings
from edge_runtime.sensors.inbox import Chunk, Inbox
from edge_runtime.sensors.line_wire import LineWire, stated_hello
from edge_runtime.sensors.opening import port_of
from edge_runtime.sensors.patience import Patience
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.port import Port
from edge_runtime.sensors.port_url import check_device, device_kind
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.probing import probe
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.settings import LEARN, SensorSettings

if TYPE_CHECKING:
    from edge_runtime.sensors.faulty_line import InjectedFaults
    from edge_runtime.sensors.recorded_frames import RecordedFrames, open_recorded
    from edge_runtime.sensors.recording import Signal
    from edge_runtime.sensors.simulator import (
        SimulatedSensor,
        check_sendable,
        join_signals,
        play_capture,
        play_signals,
        read_part,
        signal_frames,
        signal_hello,
    )
    from edge_runtime.sensors.virtual_port import open_output

__all__ = [
    "CAPTURE_SUFFIX",
    "LEARN",
    "Allowance",
    "CaptureFile",
    "CaptureNote",
    "CapturePart",
    "CaptureSummary",
    "Chunk",
    "DeviceKind",
    "EvidenceSettings",
    "Inbox",
    "InjectedFaults",
    "LineWire",
    "Patience",
    "Piece",
    "Poller",
    "Port",
    "PortReader",
    "RecordedFrames",
    "RecordingSettings",
    "SensorSettings",
    "Signal",
    "SimulatedSensor",
    "Source",
    "capture_part",
    "capture_pieces",
    "check_device",
    "check_sendable",
    "damage_of",
    "device_kind",
    "device_of",
    "is_capture",
    "join_signals",
    "open_output",
    "open_recorded",
    "play_capture",
    "play_signals",
    "port_of",
    "probe",
    "read_capture",
    "read_part",
    "signal_frames",
    "signal_hello",
    "stated_hello",
    "summarize",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(
        __name__,
        {
            "faulty_line": ("InjectedFaults",),
            "recorded_frames": ("RecordedFrames", "open_recorded"),
            "recording": ("Signal",),
            "simulator": (
                "SimulatedSensor",
                "check_sendable",
                "join_signals",
                "play_capture",
                "play_signals",
                "read_part",
                "signal_frames",
                "signal_hello",
            ),
            "virtual_port": ("open_output",),
        },
    )
