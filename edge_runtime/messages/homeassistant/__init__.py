"""What Home Assistant is told of a device, by MQTT discovery. Pure; imported only where a site wants it."""

from edge_runtime.messages.homeassistant.checking import refusals
from edge_runtime.messages.homeassistant.discovery import Announced, gateway_message, sensor_message
from edge_runtime.messages.homeassistant.identifiers import GATEWAY, config_topic, node_of
from edge_runtime.messages.homeassistant.wire import encode

__all__ = [
    "GATEWAY",
    "Announced",
    "config_topic",
    "encode",
    "gateway_message",
    "node_of",
    "refusals",
    "sensor_message",
]
