"""SensiML's Simple Streaming Interface as a row of the registry; what reads it is loaded where it is used."""

from collections.abc import Callable
from typing import Final

from edge_runtime.core import Frame, Hello
from edge_runtime.sensors.protocols.base import Decoder, LineFormat, SampleFormat, SensorProtocol


def new_sensiml_decoder(line: LineFormat) -> Decoder:
    """Make a fresh decoder of one line."""
    from edge_runtime.sensors.protocols.sensiml_packets import SensimlDecoder  # noqa: PLC0415

    return SensimlDecoder(line)


def encode_sensiml(item: Frame | Hello, _: SampleFormat) -> bytes:
    """Encode a frame as a packet. Raises ValueError for samples that are not int16."""
    from edge_runtime.sensors.protocols.sensiml_packets import encode_packet  # noqa: PLC0415

    return encode_packet(item)


def talk_sensiml() -> Callable[[bytes], bytes]:
    """Make what answers a device whose port was opened."""
    from edge_runtime.sensors.protocols.sensiml_packets import SensimlTalk  # noqa: PLC0415

    return SensimlTalk()


SENSIML: Final = SensorProtocol(
    name="sensiml",
    summary="SensiML's Simple Streaming Interface, versions 1 and 2",
    decoder=new_sensiml_decoder,
    checksummed=True,
    value_bytes=12,  # a packet of one value
    encode=encode_sensiml,
    formats=(SampleFormat.INT16,),
    talk=talk_sensiml,
)
