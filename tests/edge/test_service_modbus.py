"""The service at a line of Modbus transmitters: their values are in the history, a dead one is a fault."""

import json
from pathlib import Path

from typer.testing import CliRunner

from edge_runtime.cli.commands import app
from tests.broker import Broker, needs_mosquitto, until
from tests.edge.modbus_slaves import Slaves
from tests.edge.sites import OFF, Site

pytestmark = needs_mosquitto
MORE = """[learning]
allow = true
[history]
free_bytes = 0
"""
SENSOR = """
[[sensor]]
name = "{name}"
port = "modbus:qm42vt:{address}:{path}"
model = "learn"
rate_hz = 4
channels = ["z_velocity", "x_velocity"]
unit = "mm/s"
baud = 115200
silence_s = 2
"""


def readings(site: Site, sensor: str) -> dict[str, float]:
    """Of the newest minute of a sensor's history; empty before there is one."""
    asked = [
        "history",
        sensor,
        "--since",
        "10min",
        "--every",
        "minute",
        "--json",
        "--config",
        str(site.config),
    ]
    rows = [
        json.loads(line) for line in CliRunner().invoke(app, asked).output.splitlines() if line[:1] == "{"
    ]
    found = [row for row in rows if "reading.temperature" in row]
    return dict(found[-1]) if found else {}


def test_values_are_in_the_history_and_a_dead_transmitter_is_a_fault(tmp_path: Path, broker: Broker) -> None:
    with Slaves([1, 2], dead=[2]) as slaves, Site(tmp_path, broker.port) as site:
        head = site.config.read_text().partition("[[sensor]]")[0].replace(OFF, OFF + MORE)
        sensors = (SENSOR.format(name=f"pump{at}", address=at, path=slaves.path) for at in (1, 2))
        site.config.write_text(head + "".join(sensors))
        site.start(wait=False)
        until(lambda: readings(site, "pump1"), what="the values in the history")
        until(lambda: "pump2: sensor_fault began" in site.log(), what="the dead one's fault")
        assert "pump1: sensor_fault" not in site.log()
        found = readings(site, "pump1")
        assert (found["reading.temperature"], found["reading.x_velocity"]) == (-25.9, 0.001)
        assert found["reading.z_velocity"] > 0
        assert slaves.asked[1] > slaves.asked[2]
