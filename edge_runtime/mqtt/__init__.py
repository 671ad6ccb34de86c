"""Connection, session and publisher: what gets stored messages to the MQTT broker."""

from edge_runtime.mqtt.broker_words import RETAINS_NOTHING, UNANSWERED
from edge_runtime.mqtt.client import new_client
from edge_runtime.mqtt.commands import Command, CommandHandler, Reply, TransferChunk
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.credentials import read_credentials, read_password, tls_context
from edge_runtime.mqtt.incoming import IncomingPackets, UnwantedPacketError
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind, explain
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings
from edge_runtime.mqtt.unread_note import read_note, write_note

__all__ = [
    "RETAINS_NOTHING",
    "UNANSWERED",
    "BrokerSettings",
    "Command",
    "CommandHandler",
    "Connection",
    "IncomingPackets",
    "LinkError",
    "LinkErrorKind",
    "Publisher",
    "Reply",
    "TlsSettings",
    "TransferChunk",
    "UnwantedPacketError",
    "explain",
    "new_client",
    "read_credentials",
    "read_note",
    "read_password",
    "tls_context",
    "write_note",
]
