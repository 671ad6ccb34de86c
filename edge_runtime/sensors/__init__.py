"""Where samples come from: ports and their readers, recordings, the simulated sensor."""

from edge_runtime.sensors.allowance import Allowance
from edge_runtime.sensors.device_names import device_of
from edge_runtime.sensors.inbox import Chunk, Inbox
from edge_runtime.sensors.patience import Patience
from edge_runtime.sensors.poller import Poller
from edge_runtime.sensors.port_url import check_device
from edge_runtime.sensors.ports import Source
from edge_runtime.sensors.probing import probe
from edge_runtime.sensors.readers import PortReader
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.settings import SensorSettings
from edge_runtime.sensors.simulator import (
    InjectedFaults,
    SimulatedSensor,
    check_sendable,
    join_signals,
    play_signals,
    read_part,
    signal_frames,
    signal_hello,
)
from edge_runtime.sensors.virtual_port import open_output

__all__ = [
    "Allowance",
    "Chunk",
    "Inbox",
    "InjectedFaults",
    "Patience",
    "Poller",
    "PortReader",
    "SensorSettings",
    "Signal",
    "SimulatedSensor",
    "Source",
    "check_device",
    "check_sendable",
    "device_of",
    "join_signals",
    "open_output",
    "play_signals",
    "probe",
    "read_part",
    "signal_frames",
    "signal_hello",
]
