"""The doctor on a healthy gateway, and on faults of the computer, the configuration, the model, the disk."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.artefacts import manifest, write_artefact
from tests.broker import needs_mosquitto
from tests.deploy.examined_gateway import ExaminedGateway, found, planted

pytestmark = needs_mosquitto


def test_a_healthy_gateway_has_nothing(examined: ExaminedGateway) -> None:
    code, findings = examined.report()
    assert [item for item in findings if item["level"] not in ("ok", "skipped")] == []
    assert code == 0
    checks = {item["check"] for item in findings if item["level"] == "ok"}
    assert {"os.bits", "cpu", "clock", "libraries", "port.opens", "line.frames", "sensor.rate"} <= checks
    assert {"model.opens", "model.speed", "spool.capacity", "broker.topic", "watchdog"} <= checks


def test_the_command_says_what_and_how_to_mend(quiet: ExaminedGateway) -> None:
    code, lines = quiet.command()
    assert code == 69
    at = next(index for index, line in enumerate(lines) if line.startswith("FAULT   port.present"))
    assert "-> Plug the sensor in" in lines[at + 1]
    code, lines = quiet.command("--json")
    assert code == 69
    found = {item["check"]: item for item in map(json.loads, lines)}
    assert (found["port.present"]["level"], found["port.present"]["code"]) == ("fault", 69)
    assert found["broker.topic"]["level"] == "ok"


@pytest.mark.parametrize("processor", ["flags : fpu sse2\n", "Features : half thumb vfp\n"])
def test_one_visit_finds_everything_wrong_with_the_system(quiet: ExaminedGateway, processor: str) -> None:
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


def test_the_service_is_masked_or_not_enabled(quiet: ExaminedGateway) -> None:
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
def test_libraries_that_do_not_run_here(quiet: ExaminedGateway, tmp_path: Path, code: str, says: str) -> None:
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


def test_the_configuration(quiet: ExaminedGateway) -> None:
    quiet.edit('unit = "g"', 'units = "g"')
    planted(quiet, "config", "Did you mean 'unit'?", 78)


def test_a_model_that_disagrees_with_the_site(examined: ExaminedGateway) -> None:
    examined.edit('unit = "g"', 'unit = "m/s2"')
    planted(examined, "model.agreement", "correct the configuration", 78)


def test_a_model_whose_golden_windows_score_differently(examined: ExaminedGateway, tmp_path: Path) -> None:
    golden = manifest().golden[0]
    write_artefact(tmp_path / "rms.onnx", golden=(type(golden)(golden.samples, golden.score * 1.1),))
    planted(examined, "model.golden", "keep the previous model", 65)


def test_a_damaged_model(examined: ExaminedGateway, tmp_path: Path) -> None:
    data = (tmp_path / "rms.onnx").read_bytes()
    (tmp_path / "rms.onnx").write_bytes(data[: len(data) // 2])
    planted(examined, "model.opens", "damaged", 65)


def test_a_model_that_is_not_the_one_sent(examined: ExaminedGateway, tmp_path: Path) -> None:
    digest = hashlib.sha256((tmp_path / "rms.onnx").read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  rms.onnx\n")
    assert examined.bad() == (0, {})
    write_artefact(tmp_path / "rms.onnx", threshold=2.0)
    planted(examined, "model.digest", "Copy the model again", 65)


def test_a_model_too_slow_for_its_hop(quiet: ExaminedGateway, tmp_path: Path) -> None:
    write_artefact(tmp_path / "rms.onnx", rate_hz=5e8)
    quiet.edit("rate_hz = 1000", "rate_hz = 5e8")
    found(quiet, "model.speed", "longer hop")


def test_a_state_folder_that_cannot_be_made(quiet: ExaminedGateway) -> None:
    quiet.edit('"state"', '"/proc/steadyhum"')
    found(quiet, "state.folder", "mkdir -p")


def test_too_little_disk_and_too_small_a_spool(quiet: ExaminedGateway) -> None:
    quiet.config.write_text(quiet.config.read_text() + "[spool]\nmax_bytes = 1099511627776\n")
    found(quiet, "disk.space", "lower spool.max_bytes")
    quiet.edit("1099511627776", "1000000")
    found(quiet, "spool.capacity", "Raise spool.max_bytes")


def test_damaged_spools_that_were_set_aside(quiet: ExaminedGateway, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for suffix in ("", "-wal"):  # one copy, in two files
        (tmp_path / f"state/spool.db.corrupt-20260101T000000-000000001{suffix}").write_text("")
    said = planted(quiet, "spool.damaged", "power supply", None, alone=False)["what"]
    assert (
        said == "1 damaged spool files were set aside, the last is spool.db.corrupt-20260101T000000-000000001"
    )
