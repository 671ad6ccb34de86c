"""The only queue: what must arrive, on disk until the broker has it."""

from edge_runtime.spool.disk_reserve import Reserve
from edge_runtime.spool.folder_lock import check_folder, service_pid
from edge_runtime.spool.journal import KeptEvent
from edge_runtime.spool.kept_events import KeptEvents
from edge_runtime.spool.left_open import left_alarms
from edge_runtime.spool.queue import Spool
from edge_runtime.spool.rows import MessageClass, OpenAlarm, StoredMessage
from edge_runtime.spool.settings import SpoolLimits
from edge_runtime.spool.store import MAX_ID

__all__ = [
    "MAX_ID",
    "KeptEvent",
    "KeptEvents",
    "MessageClass",
    "OpenAlarm",
    "Reserve",
    "Spool",
    "SpoolLimits",
    "StoredMessage",
    "check_folder",
    "left_alarms",
    "service_pid",
]
