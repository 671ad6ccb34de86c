"""The service: sensors, pipelines, spool and publisher wired together, and its life under systemd."""

from edge_runtime.gateway.backup import restore, save
from edge_runtime.gateway.preparation import prepare, probe_ports
from edge_runtime.gateway.recording.copying import Copied, copy_captures
from edge_runtime.gateway.recording.from_port import record_from_port
from edge_runtime.gateway.recording.job import Order
from edge_runtime.gateway.recording.recordings import captures_folder, captures_in
from edge_runtime.gateway.service_loop import serve

__all__ = [
    "Copied",
    "Order",
    "captures_folder",
    "captures_in",
    "copy_captures",
    "prepare",
    "probe_ports",
    "record_from_port",
    "restore",
    "save",
    "serve",
]
