"""The doctor finds what is wrong with a port, a line and the sensor at its end."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.broker import needs_mosquitto
from tests.deploy.examined_gateway import (
    GREETING,
    RATE_HZ,
    ExaminedGateway,
    Wire,
    found,
    misread,
    planted,
    vibration,
)
from tests.processes import running

pytestmark = needs_mosquitto


def test_no_port_names_what_is_plugged_in(quiet: ExaminedGateway) -> None:
    quiet.own_devices()
    (quiet.root / "dev/serial/by-id/usb-Sensor_1234").symlink_to("/dev/null")
    found(quiet, "port.present", "/dev/serial/by-id/usb-Sensor_1234")


def test_a_numbered_port(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    examined.own_devices()
    line = wires(hello=GREETING).name
    (examined.root / "dev/ttyUSB0").symlink_to(line)
    (examined.root / "dev/serial/by-id/usb-Sensor_1234").symlink_to(line)
    examined.edit(examined.config.read_text().split('port = "')[1].split('"')[0], "/dev/ttyUSB0")
    planted(examined, "port.name", "Set port to /dev/serial/by-id/usb-Sensor_1234", 1)
    examined.plant("proc/4711/comm", "ModemManager\n")
    found(examined, "port.modem_manager", "systemctl disable --now ModemManager")


def line_of(examined: ExaminedGateway) -> Any:
    return examined.config.read_text().split("[[sensor]]")[1].split('port = "')[1].split('"')[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a port to another group")
def test_a_port_the_service_may_not_use(examined: ExaminedGateway) -> None:
    os.chown(line_of(examined), 0, 20)
    os.chmod(line_of(examined), 0o660)
    examined.plant("etc/group", "root:x:0:\ntty:x:5:\ndialout:x:20:\nedge-runtime:x:990:\n")
    examined.plant("usr/lib/systemd/system/edge-runtime.service", "[Service]\nWatchdogSec=30\n")
    planted(examined, "port.permission", "usermod -aG dialout edge-runtime", 77)
    examined.plant("etc/group", "root:x:0:\ndialout:x:20:edge-runtime\nedge-runtime:x:990:\n")
    assert examined.bad() == (0, {})


@pytest.mark.parametrize("locked", [True, False])
def test_a_port_in_use_names_the_program(examined: ExaminedGateway, locked: bool) -> None:
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'rb', buffering=0); "
    hold += "fcntl.flock(f, fcntl.LOCK_EX); " if locked else ""
    hold += "print('holding', flush=True); time.sleep(3600)"
    with running([sys.executable, "-c", hold, line_of(examined)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        (examined.root / f"proc/{holder.pid}").symlink_to(f"/proc/{holder.pid}")
        busy = planted(examined, "port.busy", f"kill {holder.pid}", 75)
    assert "python" in busy["what"]


def test_the_running_service_is_no_fault(examined: ExaminedGateway, tmp_path: Path) -> None:
    (examined.root / "proc").rename(examined.root / "proc.fake")
    (examined.root / "proc").symlink_to("/proc")
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "edge_runtime", "run", "--config", examined.config]
        with running(command, stderr=log) as service:
            while "watching pump" not in (tmp_path / "log").read_text():
                assert service.poll() is None
            code, findings = examined.report()
    assert code == 0, [item for item in findings if item["code"]]
    assert any(item["check"] == "port.in_service" and str(service.pid) in item["what"] for item in findings)
    assert [item["what"] for item in findings if item["check"] == "alarm.open"] == ["none is open"]


def test_the_console_on_the_sensors_port(examined: ExaminedGateway) -> None:
    name = line_of(examined).rsplit("/", 1)[1]
    examined.plant("proc/cmdline", f"console={name},115200 rootwait\n")
    planted(examined, "port.console", "raspi-config", 75)


def rewired(examined: ExaminedGateway, wire: Any) -> Any:
    examined.edit(line_of(examined), wire.name)
    return examined


def test_the_wrong_baud_rate_and_which_is_right(
    examined: ExaminedGateway, wires: Callable[..., Wire]
) -> None:
    wire = wires(shape=misread(115200))
    planted(rewired(examined, wire), "line.baud", "Set baud = 115200", 78)


def test_the_wrong_protocol(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    def lines(_wire: Any, index: Any, _data: Any) -> Any:
        rows = vibration()[50 * index : 50 * index + 50, 0]
        return "".join(f"{value:.4f}\n" for value in rows).encode()

    planted(rewired(examined, wires(shape=lines)), "line.protocol", 'Set protocol = "lines"', 78)


def test_garbage(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    wire = wires(shape=lambda *_: os.urandom(300))
    planted(rewired(examined, wire), "line.garbage", "ground and wiring", 65)


def test_silence(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    planted(rewired(examined, wires(shape=lambda *_: b"")), "line.silent", "TX to RX", 69)


def test_damage(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    def flip(_wire: Any, index: Any, data: Any) -> Any:
        return data if index % 5 else data[:-8] + bytes((data[-8] ^ 1 or 2,)) + data[-7:]

    planted(rewired(examined, wires(shape=flip)), "line.damaged", "Shorten or shield the cable", 1)


def test_gaps(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    wire = wires(shape=lambda _wire, index, data: b"" if index % 5 == 0 else data, hello=None)
    planted(rewired(examined, wire), "line.gaps", "without a hub", 1)


def test_a_sensor_that_is_slower_than_it_says(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    wire = wires(rate_hz=0.9 * RATE_HZ, stated_hz=RATE_HZ)
    fault = planted(rewired(examined, wire), "sensor.rate", "Set the sensor's rate", 65)
    measured_hz = float(fault["what"].split()[1])
    assert abs(measured_hz - 900) < 18


def test_a_sensor_of_another_rate_or_unit(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    wire = wires(rate_hz=0.9 * RATE_HZ)
    _, bad = rewired(examined, wire).bad()
    assert "rate: the sensor sends 900 Hz, the model needs 1000 Hz" in bad["sensor.agreement"]["what"]
    other = type(GREETING)(1, 1, ("x",), "m/s2", 160.0, "", "")
    planted(rewired(examined, wires(hello=other)), "sensor.agreement", "the model was made for", 65)


def test_who_the_sensor_is(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    def identity() -> Any:
        _, findings = examined.report()
        return next(finding for finding in findings if finding["check"] == "sensor.identity")

    said = "sensor id 1, serial number 'serial 1', firmware 'firmware 1'"
    assert identity()["what"] == f"{said}; serial = 'serial 1' would notice another"
    examined.edit('unit = "g"', 'unit = "g"\nserial = "serial 1"')
    assert identity()["what"] == f"{said}: the one that the site states"
    examined.edit('serial = "serial 1"', 'serial = "serial 2"')
    fault = planted(examined, "sensor.identity", "set serial = 'serial 1' where it was replaced", 78)
    assert fault["what"] == "serial number: the sensor says 'serial 1', the site 'serial 2'"
    rewired(examined, wires())
    assert (identity()["level"], identity()["what"][:13]) == ("skipped", "no hello came")


def test_two_sensors_that_are_swapped(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    examined.edit('unit = "g"', 'unit = "g"\nserial = "serial 2"')
    config = examined.config.read_text()
    other = (
        config.split("[[sensor]]")[1]
        .replace('"serial 2"', '"serial 1"')
        .replace(line_of(examined), "/dev/null")
    )
    examined.config.write_text(config + "\n[[sensor]]" + other.replace("name = ", 'name = "other" #'))
    fault = planted(examined, "sensor.identity", "Connect the sensor that is meant", None, alone=False)
    assert fault["what"].endswith("it says what sensor 'other' should: are they swapped?")


def test_a_sensor_whose_channel_has_another_name(
    examined: ExaminedGateway, wires: Callable[..., Wire]
) -> None:
    other = type(GREETING)(1, 1, ("FE",), "g", 16.0, "", "")
    rewired(examined, wires(hello=other))
    fault = planted(examined, "sensor.agreement", "the model was made for", 65)
    assert fault["what"] == "channels: the sensor says 'FE', the model needs 'x'"
    examined.edit('unit = "g"', 'unit = "g"\nhello_channels = ["FE"]')
    assert examined.bad() == (0, {})


def test_a_range_that_the_sensor_does_not_have(examined: ExaminedGateway) -> None:
    examined.edit('unit = "g"', 'unit = "g"\nrange = 4')
    fault = planted(examined, "sensor.range", "Correct or remove `range`", 1)
    assert fault["what"] == "the site says 4 g, the sensor 16; the smaller counts"


@pytest.mark.parametrize(
    ("samples", "remedy"),
    [
        (np.zeros((30000, 1), np.float32), "check its supply"),
        (np.clip(vibration(12.0), -16, 16), "larger range"),
    ],
)
def test_a_dead_or_overdriven_sensor(
    examined: ExaminedGateway, wires: Callable[..., Wire], samples: Any, remedy: str
) -> None:
    planted(rewired(examined, wires(samples, hello=GREETING)), "sensor.signal", remedy, 65)


def test_a_line_that_is_nearly_full(examined: ExaminedGateway, wires: Callable[..., Wire]) -> None:
    examined.edit('unit = "g"', 'unit = "g"\nbaud = 57600')
    planted(rewired(examined, wires(hello=GREETING)), "line.full", "Raise the baud rate", 1)
