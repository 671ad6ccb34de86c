"""The service's local door: how this gateway's people and programs ask it and change something."""

from typing import TYPE_CHECKING

from edge_runtime.core import late_names
from edge_runtime.door.client import DoorClient, candidates
from edge_runtime.door.door import Door
from edge_runtime.door.notify_settings import NotifySettings
from edge_runtime.door.notify_status import NOTIFY_FOLDER, read_notify_status
from edge_runtime.door.protocol import Code, RequestError
from edge_runtime.door.registry import Access, Asker, Method, NoParams, Registry
from edge_runtime.door.remote import RemoteCommands
from edge_runtime.door.settings import CommandSettings, DoorSettings, MetricsSettings, ModbusSettings
from edge_runtime.door.socket_file import check_door, socket_path
from edge_runtime.door.subscriptions import Feed, Topic
from edge_runtime.door.work import Later, WorkQueue

if TYPE_CHECKING:
    from edge_runtime.door.notifying.telling import check_secrets

__all__ = [
    "NOTIFY_FOLDER",
    "Access",
    "Asker",
    "Code",
    "CommandSettings",
    "Door",
    "DoorClient",
    "DoorSettings",
    "Feed",
    "Later",
    "Method",
    "MetricsSettings",
    "ModbusSettings",
    "NoParams",
    "NotifySettings",
    "Registry",
    "RemoteCommands",
    "RequestError",
    "Topic",
    "WorkQueue",
    "candidates",
    "check_door",
    "check_secrets",
    "read_notify_status",
    "socket_path",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(__name__, {"notifying.telling": ("check_secrets",)})
