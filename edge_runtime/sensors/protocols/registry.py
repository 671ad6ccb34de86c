"""Every sensor protocol there is. The service, the doctor and the configuration read this table."""

from collections.abc import Mapping
from typing import Final

from edge_runtime.sensors.protocols.base import Decoder, LineFormat, SensorProtocol
from edge_runtime.sensors.protocols.frames import FRAMES
from edge_runtime.sensors.protocols.text_lines import LINES

PROTOCOLS: Final[Mapping[str, SensorProtocol]] = {protocol.name: protocol for protocol in (FRAMES, LINES)}
DEFAULT_PROTOCOL: Final = FRAMES.name


def new_decoder(protocol: str, line: LineFormat) -> Decoder:
    """Make a fresh decoder of the protocol with that name."""
    return PROTOCOLS[protocol].decoder(line)
