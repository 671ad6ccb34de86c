"""A gateway without a battery starts in 2020: nothing is lost, and service and doctor say what is wrong."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.certification.folder import Folder
from tests.broker import Subscriber, needs_mosquitto, until
from tests.deploy.examined_gateway import GREETING, ExaminedGateway, Wire, vibration
from tests.deploy.mosquitto_site import NOW, Gateway
from tests.deploy.mosquitto_users import open_local_listener
from tests.processes import end, running
from tests.waiting import HANG_S, scaled

PAST_S = time.time() - (1_577_836_800 + 86_400)
"""How long ago the second of January 2020 was."""
CLOCK = Path(__file__).with_name("wallclock.cpp")
pytestmark = [
    needs_mosquitto,
    pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed: apt install g++"),
]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Any]:
    """A broker with TLS and the shipped access list, and a certificate for our gateway."""
    authority = Folder(tmp_path / "authority")
    authority.init("plant 1", NOW)
    authority.server(["127.0.0.1"], NOW)
    authority.device("gateway", NOW)
    gateway = Gateway(tmp_path / "broker", authority)
    open_local_listener(gateway)
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def past(tmp_path: Path, plant: Any, wires: Callable[..., Wire]) -> Any:
    """A gateway that talks TLS, and whose clock a file moves."""
    wire = wires(vibration(3.0), hello=GREETING)
    examined = ExaminedGateway(tmp_path, plant.tls_port, wire)
    certs = plant.authority.path
    tls = f'[broker.tls]\nca_file = "{certs}/ca.crt"\n'
    tls += f'cert_file = "{certs}/gateway.crt"\nkey_file = "{certs}/gateway.key"\n[[sensor]]'
    examined.edit("[[sensor]]", tls)
    (tmp_path / "clock").write_text(f"-{PAST_S:.0f}")
    return examined


def faked(tmp_path: Path, *words: Any) -> list[Any]:
    """Words that run a program by the clock in the file; only the wall clock is moved."""
    shim = tmp_path / "wallclock.so"
    if not shim.exists():
        subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-Wall", "-o", shim, CLOCK], check=True)
    settings = [f"LD_PRELOAD={shim}", f"WALLCLOCK={tmp_path}/clock"]
    return ["env", *settings, sys.executable, "-m", "edge_runtime", *map(str, words)]


def test_the_service_says_so_keeps_alarms_and_delivers_them_when_the_clock_is_set(
    past: Any, plant: Any, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        Subscriber(plant.port) as subscriber,
        log.open("w") as file,
        running(faked(tmp_path, "run", "--config", past.config), stderr=file) as service,
    ):
        until(lambda: "anomaly began" in log.read_text(), what="the alarm")
        until(lambda: "not yet valid" in log.read_text(), what="the refused certificate")
        assert subscriber.events() == []
        (tmp_path / "clock").write_text("+0")
        event = until(subscriber.events, 60, "the alarm from the past")[0]
        assert end(service) == 0
    said = log.read_text()
    assert "the clock says 2020-01-0" in said.splitlines()[0]
    assert "timedatectl set-ntp true" in said.splitlines()[0]
    refusal = next(line for line in said.splitlines() if "not yet valid" in line)
    assert "the clock says 2020-01-0" in refusal
    assert (event["type"], event["clock_ok"], event["replayed"]) == ("new", False, True)
    assert event["ts"].startswith("2020-01-0")


def test_health_names_it_until_it_is_set(past: Any, plant: Any, tmp_path: Path) -> None:
    """Without TLS there is a way out: what goes out says that its times are wrong, and later is right."""
    tls = past.config.read_text()
    past.edit(tls[tls.index("[broker.tls]") : tls.index("[[sensor]]")], "")
    past.edit(f"port = {plant.tls_port}", f"port = {plant.port}")
    past.config.write_text(past.config.read_text() + "[report]\nhealth_s = 0.5\nstate_s = 0.5\n")
    command = faked(tmp_path, "run", "--config", past.config)
    with Subscriber(plant.port) as subscriber, running(command, stderr=subprocess.DEVNULL):

        def health() -> Any:
            body = subscriber.latest("pump/health")
            return json.loads(body) if body else None

        before = until(health, what="health")
        (tmp_path / "clock").write_text("+0")
        until(lambda: health()["clock_ok"], what="the right time")
        after = health()
    assert before["status"] == "degraded"
    assert before["troubles"]["clock"].startswith("the clock says 2020-01-0")
    assert "clock" not in after["troubles"]


def test_the_doctor_says_so_and_not_that_certificates_are_bad(past: Any, tmp_path: Path) -> None:
    command = ["doctor", "--config", past.config, "--root", past.root, "--user", "edge-runtime"]
    done = subprocess.run(
        faked(tmp_path, *command, "--listen", str(scaled(0.8)), "--json"),
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(HANG_S),
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    faults = {item["check"]: item for item in found if item["level"] in ("warning", "fault")}
    assert set(faults) == {"clock", "certificate.early", "broker.reach"}, done.stderr
    assert "the clock says 2020-01-0" in faults["clock"]["what"]
    assert all("timedatectl" in faults[check]["remedy"] for check in ("clock", "broker.reach"))
    assert "Set this device's clock" in faults["certificate.early"]["remedy"]
    assert done.returncode == 77
    (tmp_path / "clock").write_text("+0")
    again = subprocess.run(
        faked(tmp_path, *command, "--listen", str(scaled(0.8))), capture_output=True, check=False
    )
    assert again.returncode == 0, again.stdout


def test_a_plausible_time_is_not_believed_until_the_kernel_says_that_it_is_synchronised(
    past: Any, plant: Any, tmp_path: Path
) -> None:
    """A year in a drawer: the time of the last shutdown. Then it is set, which is said; later set back."""
    tls = past.config.read_text()
    past.edit(tls[tls.index("[broker.tls]") : tls.index("[[sensor]]")], "")
    past.edit(f"port = {plant.tls_port}", f"port = {plant.port}")
    past.config.write_text(past.config.read_text() + "[report]\nhealth_s = 0.5\nstate_s = 0.5\n")
    (tmp_path / "clock").write_text("-10000000 unsynchronised" if time.time() > 1_778_000_000 else "0 not")
    log = tmp_path / "log"
    with (
        Subscriber(plant.port) as subscriber,
        log.open("w") as file,
        running(faked(tmp_path, "run", "--config", past.config), stderr=file),
    ):

        def health() -> Any:
            body = subscriber.latest("pump/health")
            return json.loads(body) if body else {"clock_ok": None, "troubles": {}, "figures": {}}

        until(lambda: health()["clock_ok"] is False, what="health")
        assert health()["troubles"]["clock"] == "the clock is not synchronised with a time server"
        assert until(subscriber.events)[0]["clock_ok"] is False
        (tmp_path / "clock").write_text("0")
        until(lambda: health()["clock_ok"], what="the synchronised time")
        until(lambda: "clock" not in health()["troubles"])
        (tmp_path / "clock").write_text("-7200 unsynchronised")
        until(lambda: health()["clock_ok"] is False, what="the clock set by hand")
        until(lambda: health()["figures"].get("clock.stepped_s", 0) == pytest.approx(-7200, abs=5))
    assert "clock: set by " in log.read_text()
