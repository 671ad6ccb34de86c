"""The service's local door: how this gateway's people and programs ask it and change something."""

from edge_runtime.door.client import DoorClient, candidates
from edge_runtime.door.protocol import Code, RequestError
from edge_runtime.door.registry import Access, Asker, Method, NoParams, Registry
from edge_runtime.door.server import Door
from edge_runtime.door.settings import CommandSettings, DoorSettings
from edge_runtime.door.socket_file import check_door, socket_path
from edge_runtime.door.subscriptions import Feed, Topic

__all__ = [
    "Access",
    "Asker",
    "Code",
    "CommandSettings",
    "Door",
    "DoorClient",
    "DoorSettings",
    "Feed",
    "Method",
    "NoParams",
    "Registry",
    "RequestError",
    "Topic",
    "candidates",
    "check_door",
    "socket_path",
]
