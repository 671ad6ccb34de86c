"""Every sensor protocol there is. Service, doctor, simulator and configuration read this table."""

from collections.abc import Mapping
from typing import Final

from edge_runtime.sensors.protocols.base import Decoder, LineFormat, SensorProtocol
from edge_runtime.sensors.protocols.frames import FRAMES
from edge_runtime.sensors.protocols.sensiml import SENSIML
from edge_runtime.sensors.protocols.text_lines import LINES

PROTOCOLS: Final[Mapping[str, SensorProtocol]] = {
    protocol.name: protocol for protocol in (FRAMES, LINES, SENSIML)
}
"""By the name that the configuration gives; a protocol is added as a row of the tuple."""
DEFAULT_PROTOCOL: Final = FRAMES.name


def new_decoder(protocol: str, line: LineFormat) -> Decoder:
    """Make a fresh decoder of the protocol with that name. Raises KeyError for a name not in the table."""
    return PROTOCOLS[protocol].decoder(line)
