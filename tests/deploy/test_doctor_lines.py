"""The doctor finds what is wrong with a port, a line and the sensor at its end."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.broker import needs_mosquitto
from tests.deploy.patient import GREETING, RATE_HZ, found, misread, planted, vibration

pytestmark = needs_mosquitto


def test_no_port_names_what_is_plugged_in(quiet):
    quiet.own_devices()
    (quiet.root / "dev/serial/by-id/usb-Sensor_1234").symlink_to("/dev/null")
    found(quiet, "port.present", "/dev/serial/by-id/usb-Sensor_1234")


def test_a_numbered_port(patient, wires):
    patient.own_devices()
    line = wires(hello=GREETING).name
    (patient.root / "dev/ttyUSB0").symlink_to(line)
    (patient.root / "dev/serial/by-id/usb-Sensor_1234").symlink_to(line)
    patient.edit(patient.config.read_text().split('port = "')[1].split('"')[0], "/dev/ttyUSB0")
    planted(patient, "port.name", "Set port to /dev/serial/by-id/usb-Sensor_1234", 1)
    patient.plant("proc/4711/comm", "ModemManager\n")
    found(patient, "port.modem_manager", "systemctl disable --now ModemManager")


def line_of(patient):
    return patient.config.read_text().split("[[sensor]]")[1].split('port = "')[1].split('"')[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a port to another group")
def test_a_port_the_service_may_not_use(patient):
    os.chown(line_of(patient), 0, 20)
    os.chmod(line_of(patient), 0o660)
    patient.plant("etc/group", "root:x:0:\ntty:x:5:\ndialout:x:20:\nedge-runtime:x:990:\n")
    patient.plant("usr/lib/systemd/system/edge-runtime.service", "[Service]\nWatchdogSec=30\n")
    planted(patient, "port.permission", "usermod -aG dialout edge-runtime", 77)
    patient.plant("etc/group", "root:x:0:\ndialout:x:20:edge-runtime\nedge-runtime:x:990:\n")
    assert patient.bad() == (0, {})


@pytest.mark.parametrize("locked", [True, False])
def test_a_port_in_use_names_the_program(patient, locked):
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'rb', buffering=0); "
    hold += "fcntl.flock(f, fcntl.LOCK_EX); " if locked else ""
    hold += "print('holding', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, line_of(patient)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        (patient.root / f"proc/{holder.pid}").symlink_to(f"/proc/{holder.pid}")
        try:
            busy = planted(patient, "port.busy", f"kill {holder.pid}", 75)
        finally:
            holder.kill()
    assert "python" in busy["what"]


def test_the_running_service_is_no_fault(patient, tmp_path):
    (patient.root / "proc").rename(patient.root / "proc.fake")
    (patient.root / "proc").symlink_to("/proc")
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "edge_runtime", "run", "--config", patient.config]
        with subprocess.Popen(command, stderr=log) as service:
            try:
                while "watching pump" not in (tmp_path / "log").read_text():
                    assert service.poll() is None
                code, findings = patient.report()
            finally:
                service.terminate()
    assert code == 0, [item for item in findings if item["code"]]
    assert any(item["check"] == "port.in_service" and str(service.pid) in item["what"] for item in findings)


def test_the_console_on_the_sensors_port(patient):
    name = line_of(patient).rsplit("/", 1)[1]
    patient.plant("proc/cmdline", f"console={name},115200 rootwait\n")
    planted(patient, "port.console", "raspi-config", 75)


def rewired(patient, wire):
    patient.edit(line_of(patient), wire.name)
    return patient


def test_the_wrong_baud_rate_and_which_is_right(patient, wires):
    wire = wires(shape=misread(115200))
    planted(rewired(patient, wire), "line.baud", "Set baud = 115200", 78)


def test_the_wrong_protocol(patient, wires):
    def lines(_wire, index, _data):
        rows = vibration()[50 * index : 50 * index + 50, 0]
        return "".join(f"{value:.4f}\n" for value in rows).encode()

    planted(rewired(patient, wires(shape=lines)), "line.protocol", 'Set protocol = "lines"', 78)


def test_garbage(patient, wires):
    wire = wires(shape=lambda *_: os.urandom(300))
    planted(rewired(patient, wire), "line.garbage", "ground and wiring", 65)


def test_silence(patient, wires):
    planted(rewired(patient, wires(shape=lambda *_: b"")), "line.silent", "TX to RX", 69)


def test_damage(patient, wires):
    def flip(_wire, index, data):
        return data if index % 5 else data[:-8] + bytes((data[-8] ^ 1 or 2,)) + data[-7:]

    planted(rewired(patient, wires(shape=flip)), "line.damaged", "Shorten or shield the cable", 1)


def test_gaps(patient, wires):
    wire = wires(shape=lambda _wire, index, data: b"" if index % 5 == 0 else data, hello=None)
    planted(rewired(patient, wire), "line.gaps", "without a hub", 1)


def test_a_sensor_that_is_slower_than_it_says(patient, wires):
    wire = wires(rate_hz=0.9 * RATE_HZ, stated_hz=RATE_HZ)
    fault = planted(rewired(patient, wire), "sensor.rate", "Set the sensor's rate", 65)
    measured_hz = float(fault["what"].split()[1])
    assert abs(measured_hz - 900) < 18


def test_a_sensor_of_another_rate_or_unit(patient, wires):
    wire = wires(rate_hz=0.9 * RATE_HZ)
    _, bad = rewired(patient, wire).bad()
    assert "rate: the sensor sends 900 Hz, the model needs 1000 Hz" in bad["sensor.agreement"]["what"]
    other = type(GREETING)(1, 1, ("x",), "m/s2", 160.0, "", "")
    planted(rewired(patient, wires(hello=other)), "sensor.agreement", "the model was made for", 65)


@pytest.mark.parametrize(
    ("samples", "remedy"),
    [
        (np.zeros((30000, 1), np.float32), "check its supply"),
        (np.clip(vibration(12.0), -16, 16), "larger range"),
    ],
)
def test_a_dead_or_overdriven_sensor(patient, wires, samples, remedy):
    planted(rewired(patient, wires(samples, hello=GREETING)), "sensor.signal", remedy, 65)


def test_a_line_that_is_nearly_full(patient, wires):
    patient.edit('unit = "g"', 'unit = "g"\nbaud = 57600')
    planted(rewired(patient, wires(hello=GREETING)), "line.full", "Raise the baud rate", 1)
