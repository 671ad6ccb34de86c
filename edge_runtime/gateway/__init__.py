"""The service: sensors, pipelines, spool and publisher wired together, and its life under systemd."""

from typing import TYPE_CHECKING

from edge_runtime.core import late_names
from edge_runtime.gateway.preparation import PreparedSensor, prepare, probe_ports
from edge_runtime.gateway.recording.job import Order
from edge_runtime.gateway.recording.recordings import captures_folder, captures_in
from edge_runtime.gateway.service_loop import serve

if TYPE_CHECKING:
    from edge_runtime.gateway.backup import restore, save
    from edge_runtime.gateway.evidence.fetching import fetch_evidence
    from edge_runtime.gateway.evidence.files import (
        EvidenceFile,
        check_whole,
        copy_evidence,
        evidence_in,
        export_list,
        find_evidence,
    )
    from edge_runtime.gateway.evidence.methods import evidence_view
    from edge_runtime.gateway.evidence.part import evidence_folder
    from edge_runtime.gateway.history.files import open_history
    from edge_runtime.gateway.history.methods import HistoryParams, history_views
    from edge_runtime.gateway.history.reading import NOTHING_WAITS
    from edge_runtime.gateway.history.values import history_columns
    from edge_runtime.gateway.recording.copying import Copied, copy_captures
    from edge_runtime.gateway.recording.from_port import record_from_port
    from edge_runtime.gateway.updates.keeping import in_place
    from edge_runtime.gateway.updates.listing import TakenUpModel, taken_up_models
    from edge_runtime.gateway.updates.sending_back import go_back
    from edge_runtime.gateway.updates.target_path import TargetPath, fits
    from edge_runtime.gateway.updates.trust import WITHDRAWN
    from edge_runtime.gateway.updates.updating import Outcome, update

__all__ = [
    "NOTHING_WAITS",
    "WITHDRAWN",
    "Copied",
    "EvidenceFile",
    "HistoryParams",
    "Order",
    "Outcome",
    "PreparedSensor",
    "TakenUpModel",
    "TargetPath",
    "captures_folder",
    "captures_in",
    "check_whole",
    "copy_captures",
    "copy_evidence",
    "evidence_folder",
    "evidence_in",
    "evidence_view",
    "export_list",
    "fetch_evidence",
    "find_evidence",
    "fits",
    "go_back",
    "history_columns",
    "history_views",
    "in_place",
    "open_history",
    "prepare",
    "probe_ports",
    "record_from_port",
    "restore",
    "save",
    "serve",
    "taken_up_models",
    "update",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(
        __name__,
        {
            "backup": ("restore", "save"),
            "evidence.fetching": ("fetch_evidence",),
            "evidence.files": (
                "EvidenceFile",
                "check_whole",
                "copy_evidence",
                "evidence_in",
                "export_list",
                "find_evidence",
            ),
            "evidence.methods": ("evidence_view",),
            "evidence.part": ("evidence_folder",),
            "history.files": ("open_history",),
            "history.methods": ("HistoryParams", "history_views"),
            "history.reading": ("NOTHING_WAITS",),
            "history.values": ("history_columns",),
            "recording.copying": ("Copied", "copy_captures"),
            "recording.from_port": ("record_from_port",),
            "updates.keeping": ("in_place",),
            "updates.listing": ("TakenUpModel", "taken_up_models"),
            "updates.sending_back": ("go_back",),
            "updates.target_path": ("TargetPath", "fits"),
            "updates.trust": ("WITHDRAWN",),
            "updates.updating": ("Outcome", "update"),
        },
    )
