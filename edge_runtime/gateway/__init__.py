"""The service: sensors, pipelines, spool and publisher wired together, and its life under systemd."""

from edge_runtime.gateway.backup import restore, save
from edge_runtime.gateway.preparation import prepare, probe_ports
from edge_runtime.gateway.service_loop import serve

__all__ = ["prepare", "probe_ports", "restore", "save", "serve"]
