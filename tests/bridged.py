"""The gateway's own broker with the shipped bridge, and the plant's broker behind it, both without TLS.

What is promised where the gateway talks to the last broker is promised behind a bridge too: `both_ways` runs
a test with either.
"""

import re
from pathlib import Path

import pytest

from tests.broker import Broker, Mosquitto
from tests.shared import ROOT

SHIPPED = ROOT / "deploy" / "mosquitto" / "bridge.conf"
DEVICE = "site/device"
"""Site and device of the tests of the publisher."""


def both_ways(device: str = DEVICE) -> pytest.MarkDecorator:
    """Run with one broker, and with the gateway's own and a bridge; `device` is site and device."""
    return pytest.mark.parametrize("broker", [None, device], ids=["direct", "bridge"], indirect=True)


def bridge_lines(plant_port: int, device: str = DEVICE) -> list[str]:
    """The shipped bridge towards a broker on this machine; it comes back sooner, as tests wait for it."""
    text = re.sub(r"^(#|bridge_\w+file|bridge_tls).*\n", "", SHIPPED.read_text(), flags=re.MULTILINE)
    site, name = device.split("/")
    for old, new in {
        "BROKER:8883": f"127.0.0.1:{plant_port}",
        "SITE": site,
        "DEVICE": name,
        "restart_timeout 5 30": "restart_timeout 1 2",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    return text.splitlines()


class BridgedBroker(Broker):
    """What a gateway publishes to; subscribers listen at the plant's, which is up from the beginning."""

    def __init__(
        self, folder: Path, *extra: str, device: str = DEVICE, plant_port: int | None = None
    ) -> None:
        """The bridge goes to `plant_port`, something before the plant's broker; by default right to it."""
        (folder / "plant").mkdir(exist_ok=True)
        self.plant: Mosquitto | None = None
        if plant_port is None:
            plant = Broker(folder / "plant")
            self.plant, plant_port = plant.start(), plant.port
        self._far_port = plant_port
        super().__init__(folder, *extra, *bridge_lines(plant_port, device))

    @property
    def far_port(self) -> int:
        """Where subscribers listen."""
        return self._far_port

    def close(self) -> None:
        """End both."""
        self.stop()
        if self.plant is not None:
            self.plant.stop()
