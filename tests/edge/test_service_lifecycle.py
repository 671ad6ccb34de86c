"""The service started, refused, watched, reloaded and stopped: real commands and real signals."""

import contextlib
import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.sensors import Source
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import EDGE, Site, vibration
from tests.waiting import HANG_S, in_time, scaled


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    with Site(tmp_path, broker.port) as site:
        yield site


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_time_though_the_broker_is_not_there(site: Any, number: Any) -> None:
    site.start().play(vibration(0.3, 3.0))
    begun_s = time.monotonic()
    assert site.stop(number) == 0
    assert in_time(time.monotonic() - begun_s, 10)


def test_a_second_signal_stops_at_once(site: Any) -> None:
    site.start()
    service = site.service
    service.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    begun_s = time.monotonic()
    assert site.stop() == 0
    assert in_time(time.monotonic() - begun_s, 1)


def test_signals_during_the_start(site: Any) -> None:
    """An interrupt ends it without a word, wherever it comes; what is to be reloaded is, once it runs."""

    def begun() -> Any:
        """Whether our own code runs: what Python does with an interrupt while it starts is not ours."""
        status = Path(f"/proc/{site.service.pid}/status").read_text()
        return re.search(r"SigBlk:\s*0{15}1\n", status)

    for wait_s in (0.0, 0.15, 0.3, 0.45):
        site.start(wait=False)
        until(begun, what="SIGHUP being held", poll_s=0.005)
        time.sleep(wait_s)
        assert site.stop(signal.SIGINT) in (0, -signal.SIGINT)
    site.start(wait=False)
    until(begun, what="SIGHUP being held")
    site.service.send_signal(signal.SIGHUP)
    until(lambda: "reloaded" in site.log())
    assert site.stop() == 0
    assert "Traceback" not in site.log()


def test_it_ends_when_a_part_of_it_has_died(site: Any) -> None:
    """Whoever watches, systemd or a container engine, starts it again; half a gateway would look healthy."""
    broken = (
        "from edge_runtime import __main__\nfrom edge_runtime.sensors import readers\n"
        "def run(self): raise RuntimeError('out of luck')\n"
        "readers.PortReader.run = run\n"
        "__main__.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", broken, "run", "--config", site.config],
        capture_output=True,
        text=True,
        timeout=scaled(HANG_S),
        check=False,
    )
    assert ended.returncode == 70
    assert "the reader of pump stopped working" in ended.stderr.splitlines()[-1]


def test_systemd_is_told(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """READY when watching, WATCHDOG while work goes on, nothing while it does not, STOPPING at the end."""
    heard: list[Any] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0.1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")

        def listen(seconds: Any) -> Any:
            deadline, before = time.monotonic() + seconds, len(heard)
            while time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    heard.append(ear.recv(1000).decode())
            return heard[before:]

        site.start()
        assert any(text.startswith("READY=1") for text in listen(1))
        until(lambda: listen(0.1) and heard.count("WATCHDOG=1") >= 2, 2, "its signs of life")
        site.service.send_signal(signal.SIGSTOP)
        listen(0.3)
        assert listen(1.5) == []
        site.service.send_signal(signal.SIGCONT)
        site.stop()
        assert "STOPPING=1" in listen(1)


def test_a_bad_configuration_is_refused_within_a_second(site: Any) -> None:
    site.config.write_text("nonsense = 1")
    times = []
    for _ in range(3):
        begun_s = worked_s()
        assert refused(site, "check", "--config", str(site.config))[0] == 78
        times.append(worked_s() - begun_s)
    assert min(times) < 1.0


def worked_s() -> Any:
    """Processor seconds of the programs that were started and have ended: what else runs does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@needs_mosquitto
def test_reload(site: Any, subscriber: Subscriber) -> None:
    site.start()
    good = site.config.read_text()
    site.config.write_text(good.replace('unit = "g"', 'units = "g"'))
    site.service.send_signal(signal.SIGHUP)
    until(lambda: "reload refused" in site.log(), what="the refusal")
    assert "Did you mean 'unit'" in site.log()
    site.config.write_text(good.replace('unit = "g"', 'unit = "g"\nthreshold = 50.0'))
    site.service.send_signal(signal.SIGHUP)
    until(lambda: "pump adjusted" in site.log(), what="the reload")
    until(site.opened)
    site.play(vibration(0.3, 3.0))
    assert subscriber.anomalies() == []
    state = subscriber.latest("state")
    assert state is not None
    assert json.loads(state)["supported"] is False  # a site's threshold is its own word
    assert site.stop() == 0


def refused(site: Any, *command: Any) -> tuple[Any, Any]:
    done = subprocess.run(
        [*EDGE, *command], capture_output=True, text=True, timeout=scaled(HANG_S), check=False
    )
    assert "Traceback" not in done.stderr
    refusals = [line for line in done.stderr.splitlines() if line.startswith("edge-runtime: ")]
    assert len(refusals) == 1
    return done.returncode, refusals[0]


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ('unit = "g"', 'units = "g"', 78, "Did you mean 'unit'?"),
        ("rate_hz = 1000", "rate_hz = 48000", 78, "48000.0 here and 1000.0 in the model"),
        ('unit = "g"', 'unit = "m/s2"', 78, "unit is m/s2 here and g in the model"),
        ('["x"]', '["x", "y"]', 78, "in the model"),
        ("rms.onnx", "none.onnx", 65, "No such file"),
        ("rms.onnx", "edge.toml", 65, "onnxruntime refuses it"),
        ('"state"', '"rms.onnx"', 69, "rms.onnx"),
        (
            "[report]",
            '[broker.tls]\nca_file = "none"\n[report]',
            78,
            "authority's certificate cannot be used",
        ),
        ("[report]", 'username = "a"\npassword_file = "none"\n[report]', 78, "password cannot be read"),
        ("[report]", 'username = "a"\npassword_file = "rms.onnx"\n[report]', 77, "is open to others"),
    ],
)
def test_start_is_refused(site: Any, command: str, old: str, new: str, code: int, says: str) -> None:
    assert old in site.config.read_text()
    site.config.write_text(site.config.read_text().replace(old, new, 1))
    got, text = refused(site, command, "--config", str(site.config))
    assert (got, says in text) == (code, True), text


def test_a_start_loads_only_what_the_service_needs(site: Any) -> None:
    """Neither what reads other command lines, nor, where the configuration is wrong, what scores."""

    def loaded(*command: Any) -> tuple[Any, Any]:
        words = [sys.executable, "-X", "importtime", "-m", "edge_runtime", *command]
        said = subprocess.run(words, capture_output=True, text=True, timeout=scaled(HANG_S), check=False)
        names = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines() if "|" in line}
        return said.returncode, names & {"typer", "onnxruntime"}

    site.config.write_text(site.config.read_text().replace("rms.onnx", "none.onnx"))
    assert loaded("run", "--config", site.config) == (65, {"onnxruntime"})
    assert loaded("check", "--config", site.config) == (65, {"onnxruntime", "typer"})
    site.config.write_text("nonsense = 1")
    assert loaded("run", "--config", site.config) == (78, set())
    assert loaded("run", f"--config={site.config}")[0] == 78


def test_a_port_in_use_and_a_second_instance_are_refused(site: Any) -> None:
    with Source(site.line, 0):
        code, text = refused(site, "check", "--config", str(site.config))
        assert (code, "another program has the port" in text) == (75, True)
    site.start()
    said = subprocess.check_output([*EDGE, "check", "--config", str(site.config)], text=True)
    assert "pump: its port is in use while the service runs" in said
    site.config.write_text(site.config.read_text().replace(site.line, "/dev/steadyhum-none"))
    code, text = refused(site, "run", "--config", str(site.config))
    assert code == 75
    assert "state" in text
    assert site.stop() == 0


def test_check_says_what_will_run_and_what_is_missing(site: Any) -> None:
    site.config.write_text(site.config.read_text().replace(site.line, "/dev/steadyhum-none"))
    said = subprocess.check_output([*EDGE, "check", "--config", str(site.config)], text=True)
    assert "pump: rms, 64 samples of x in g at 1000 Hz, threshold 1: ok" in said
    assert "missing now" in said
