"""The doctor finds each planted fault, names the remedy, and finds none on a healthy gateway."""

import datetime as dt
import hashlib
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import trustme

from tests.artefacts import manifest, write_artefact
from tests.broker import Broker, free_port, needs_mosquitto
from tests.deploy.patient import GREETING, RATE_HZ, Patient, Wire, misread, vibration

pytestmark = needs_mosquitto


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker")).start()
    yield broker
    broker.stop()


@pytest.fixture
def wires():
    opened = []

    def wire(*arguments, **options):
        opened.append(Wire(*arguments, **options))
        return opened[-1]

    yield wire
    for item in opened:
        item.close()


@pytest.fixture
def patient(tmp_path, broker, wires):
    return Patient(tmp_path, broker.port, wires(hello=GREETING))


@pytest.fixture
def quiet(tmp_path, broker):
    """For faults that lie before any port."""
    patient = Patient(tmp_path, broker.port, None)
    patient.user = "root"
    return patient


def planted(patient, check, remedy, code, *, alone=True):
    """Assert that exactly this is found, with this remedy and exit code."""
    got, bad = patient.bad()
    assert check in bad, bad
    assert remedy in bad[check]["remedy"]
    if alone:
        assert (set(bad), got) == ({check}, code), bad
    return bad[check]


def found(patient, check, remedy):
    """Assert that this is among what is found: the patient has no sensor either."""
    planted(patient, check, remedy, None, alone=False)


def test_a_healthy_gateway_has_nothing(patient):
    code, findings = patient.report()
    assert [item for item in findings if item["level"] not in ("ok", "skipped")] == []
    assert code == 0
    checks = {item["check"] for item in findings if item["level"] == "ok"}
    assert {"os.bits", "cpu", "clock", "libraries", "port.opens", "line.frames", "sensor.rate"} <= checks
    assert {"model.opens", "model.speed", "spool.capacity", "broker.topic", "watchdog"} <= checks


def test_the_command_says_what_and_how_to_mend(quiet):
    code, lines = quiet.command()
    assert code == 69
    at = next(index for index, line in enumerate(lines) if line.startswith("FAULT   port.present"))
    assert "-> Plug the sensor in" in lines[at + 1]
    code, lines = quiet.command("--json")
    assert code == 69
    found = {item["check"]: item for item in map(json.loads, lines)}
    assert (found["port.present"]["level"], found["port.present"]["code"]) == ("fault", 69)
    assert found["broker.topic"]["level"] == "ok"


# The computer


@pytest.mark.parametrize("processor", ["flags : fpu sse2\n", "Features : half thumb vfp\n"])
def test_one_visit_finds_everything_wrong_with_the_system(quiet, processor):
    quiet.plant("bin/sh", "\x7fELF\x01")
    quiet.plant("proc/cpuinfo", processor)
    quiet.plant("proc/mounts", "tmpfs / tmpfs rw 0 0\n")
    quiet.plant("etc/systemd/system/edge-runtime.service.d/x.conf", "WatchdogSec=0\n")
    quiet.plant("boot/firmware/steadyhum/device.key", "secret")
    (quiet.root / "run/systemd/timesync/synchronized").unlink()
    _, bad = quiet.bad()
    remedies = {
        "os.bits": "64-bit image",
        "cpu": "Raspberry Pi 3",
        "state.volatile": "Put state_folder on",
        "watchdog": "Remove what sets",
        "secrets.left": "Delete /boot/firmware/steadyhum",
        "clock": "timedatectl set-ntp true",
    }
    assert set(bad) == {*remedies, "port.present"}
    assert all(text in bad[check]["remedy"] for check, text in remedies.items())


def test_the_service_is_masked_or_not_enabled(quiet):
    (quiet.root / "etc/systemd/system/multi-user.target.wants/edge-runtime.service").unlink()
    found(quiet, "service", "systemctl enable --now edge-runtime")
    (quiet.root / "etc/systemd/system/edge-runtime.service").symlink_to("/dev/null")
    found(quiet, "service", "systemctl unmask")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "illegal instruction"),
        ("import nothing", "No module"),
    ],
)
def test_libraries_that_do_not_run_here(quiet, tmp_path, code, says):
    """The wheel crashes in a child, not in the doctor; everything that needs no scoring is still examined."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "onnxruntime.py").write_text(code)
    exit_code, lines = quiet.command("--json", PYTHONPATH=str(tmp_path / "bad"))
    found = {item["check"]: item for item in map(json.loads, lines)}
    assert says in found["libraries"]["what"]
    assert "made for this processor" in found["libraries"]["remedy"]
    assert exit_code == 69
    assert found["model.opens"]["level"] == "skipped"
    assert "port.present" in found


# Configuration and model


def test_the_configuration(quiet):
    quiet.edit('unit = "g"', 'units = "g"')
    planted(quiet, "config", "Did you mean 'unit'?", 78)


def test_a_model_that_disagrees_with_the_site(patient):
    patient.edit('unit = "g"', 'unit = "m/s2"')
    planted(patient, "model.agreement", "correct the configuration", 78)


def test_a_model_whose_golden_windows_score_differently(patient, tmp_path):
    golden = manifest().golden[0]
    write_artefact(tmp_path / "rms.onnx", golden=(type(golden)(golden.samples, golden.score * 1.1),))
    planted(patient, "model.golden", "keep the previous model", 65)


def test_a_damaged_model(patient, tmp_path):
    data = (tmp_path / "rms.onnx").read_bytes()
    (tmp_path / "rms.onnx").write_bytes(data[: len(data) // 2])
    planted(patient, "model.opens", "damaged", 65)


def test_a_model_that_is_not_the_one_sent(patient, tmp_path):
    digest = hashlib.sha256((tmp_path / "rms.onnx").read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  rms.onnx\n")
    assert patient.bad() == (0, {})
    write_artefact(tmp_path / "rms.onnx", threshold=2.0)
    planted(patient, "model.digest", "Copy the model again", 65)


def test_a_model_too_slow_for_its_hop(quiet, tmp_path):
    write_artefact(tmp_path / "rms.onnx", rate_hz=5e8)
    quiet.edit("rate_hz = 1000", "rate_hz = 5e8")
    found(quiet, "model.speed", "longer hop")


# Port and line


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


# Disk


def test_a_state_folder_that_cannot_be_made(quiet):
    quiet.edit('"state"', '"/proc/steadyhum"')
    found(quiet, "state.folder", "mkdir -p")


def test_too_little_disk_and_too_small_a_spool(quiet):
    quiet.config.write_text(quiet.config.read_text() + "[spool]\nmax_bytes = 1099511627776\n")
    found(quiet, "disk.space", "lower spool.max_bytes")
    quiet.edit("1099511627776", "1000000")
    found(quiet, "spool.capacity", "Raise spool.max_bytes")


def test_damaged_spools_that_were_set_aside(quiet, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/spool.db.corrupt-20260101T000000-000000001").write_text("")
    found(quiet, "spool.damaged", "power supply")


# Broker


def broker_port(patient):
    return patient.config.read_text().split("port = ")[1].split()[0]


def test_no_broker(patient):
    patient.edit(
        f"port = {patient.config.read_text().split('port = ')[1].split()[0]}", f"port = {free_port()}"
    )
    planted(patient, "broker.reach", "Check that the broker runs", 69)


def test_a_broker_that_says_nothing(quiet):
    with socket.create_server(("127.0.0.1", 0)) as server:
        quiet.edit(f"port = {broker_port(quiet)}", f"port = {server.getsockname()[1]}")
        found(quiet, "broker.reach", "Check that this is an MQTT port")


def test_a_name_that_does_not_resolve(quiet):
    quiet.edit('host = "127.0.0.1"', 'host = "broker.invalid"\naccept_insecure = true')
    found(quiet, "broker.reach", "DNS")
    found(quiet, "broker.insecure", "remove accept_insecure")


@pytest.fixture
def strict(tmp_path):
    """A broker with TLS that wants certificates and allows each device its own topics."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    (tmp_path / "acl").write_text("pattern write steadyhum/+/%u/#\n")
    options = [
        f"cafile {tmp_path}/ca.crt",
        f"certfile {tmp_path}/server.crt",
        f"keyfile {tmp_path}/server.key",
    ]
    options += ["require_certificate true", "use_identity_as_username true", f"acl_file {tmp_path}/acl"]
    broker = Broker(tmp_path, *options)
    yield authority, broker.start()
    broker.stop()


def secured(quiet, tmp_path, strict, name="gateway", authority=None, **dates):
    issuer = authority or strict[0]
    own = issuer.issue_cert(f"{name}.plant", common_name=name, **dates)
    own.private_key_pem.write_to_path(tmp_path / "device.key")
    (tmp_path / "device.key").chmod(0o600)
    own.cert_chain_pems[0].write_to_path(tmp_path / "device.crt")
    quiet.edit(f"port = {broker_port(quiet)}", f"port = {strict[1].port}")
    tls = '[broker.tls]\nca_file = "ca.crt"\ncert_file = "device.crt"\nkey_file = "device.key"\n'
    quiet.edit("[[sensor]]", tls + "[[sensor]]")
    return quiet


def test_certificates_in_order(quiet, tmp_path, strict):
    _, findings = secured(quiet, tmp_path, strict).report()
    about_broker = [item for item in findings if item["check"].startswith(("broker", "certificate"))]
    assert {item["level"] for item in about_broker} == {"ok"}
    assert {"certificate.dates", "broker.reach", "broker.topic"} <= {item["check"] for item in about_broker}


# paho leaves the socket of a failed handshake to the garbage collector.
leaves_a_socket = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@leaves_a_socket
def test_an_expired_certificate_of_our_own(quiet, tmp_path, strict):
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    secured(quiet, tmp_path, strict, not_after=past, not_before=past - dt.timedelta(days=9))
    code, bad = quiet.bad()
    assert "expired on" in bad["certificate.expired"]["what"]
    assert "deploy/authority renew" in bad["certificate.expired"]["remedy"]
    assert code == 77
    assert {"broker.login", "broker.reach"} & set(bad)


def test_a_certificate_due_soon_or_not_yet_valid(quiet, tmp_path, strict):
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    secured(quiet, tmp_path, strict, not_after=now + 9 * day)
    found(quiet, "certificate.due", "deploy/authority renew")


@leaves_a_socket
def test_a_broker_with_an_expired_certificate(quiet, tmp_path):
    authority = trustme.CA()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    server = authority.issue_cert("127.0.0.1", not_before=past - dt.timedelta(days=9), not_after=past)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    broker = Broker(tmp_path, f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key").start()
    try:
        secured(quiet, tmp_path, (authority, broker))
        code, bad = quiet.bad()
    finally:
        broker.stop()
    assert "certificate has expired" in bad["broker.reach"]["what"]
    assert "dates and this device's clock" in bad["broker.reach"]["remedy"]
    assert code == 69


@leaves_a_socket
def test_a_strangers_certificate_authority(quiet, tmp_path, strict):
    stranger = trustme.CA()
    stranger.cert_pem.write_to_path(tmp_path / "ca.crt")
    secured(quiet, tmp_path, strict, authority=stranger)
    found(quiet, "broker.reach", "Check ca_file")


def test_topics_that_are_denied(quiet, tmp_path, strict):
    secured(quiet, tmp_path, strict, name="another")
    _, bad = quiet.bad()
    assert "access list" in bad["broker.topic"]["remedy"]
    assert "'gateway'" in bad["certificate.name"]["remedy"]


def test_a_key_that_others_can_read(quiet, tmp_path, strict):
    secured(quiet, tmp_path, strict)
    (tmp_path / "device.key").chmod(0o644)
    found(quiet, "broker.secrets", "chmod 600")


def test_a_wrong_password(quiet, tmp_path):
    (tmp_path / "passwords").write_text("")
    subprocess.run(["mosquitto_passwd", "-b", tmp_path / "passwords", "gateway", "right"], check=True)
    broker = Broker(tmp_path, f"password_file {tmp_path}/passwords", "allow_anonymous false").start()
    (tmp_path / "password").write_text("wrong\n")
    (tmp_path / "password").chmod(0o600)
    quiet.edit(
        f"port = {broker_port(quiet)}",
        f'port = {broker.port}\nusername = "gateway"\npassword_file = "password"',
    )
    try:
        found(quiet, "broker.login", "password")
    finally:
        broker.stop()


def test_mqtt_3_is_warned_of(quiet):
    quiet.edit('client_id = "gateway"', 'client_id = "gateway"\nmqtt = "3.1.1"')
    found(quiet, "broker.protocol", 'Set mqtt = "5"')
