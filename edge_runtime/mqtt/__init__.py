"""Connection, session and publisher: what gets stored messages to the MQTT broker."""

from edge_runtime.mqtt.commands import Command, CommandHandler, Reply
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.credentials import read_credentials, read_password, tls_context
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind, explain
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings

__all__ = [
    "BrokerSettings",
    "Command",
    "CommandHandler",
    "Connection",
    "LinkError",
    "LinkErrorKind",
    "Publisher",
    "Reply",
    "TlsSettings",
    "explain",
    "read_credentials",
    "read_password",
    "tls_context",
]
