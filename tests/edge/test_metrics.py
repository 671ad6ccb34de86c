"""Metrics: the numbers of health in Prometheus's words, over HTTP that nobody can hold up."""

import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_runtime.core import AlarmKind
from edge_runtime.door import metrics_server
from edge_runtime.door.metrics_server import MetricsServer
from edge_runtime.door.service_numbers import Said, ServiceNumbers
from edge_runtime.messages.metrics import FIGURES, SENSOR_FIGURES, exposition
from tests.broker import Broker, free_port, needs_mosquitto, until
from tests.edge.sites import EDGE, Site
from tests.processes import running

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: apt install prometheus"
)
ABOUT = {"site": 'a "plant"\n', "device": "gateway\\7", "program": "1.2.3"}
MOST_BYTES = 40 * 1024 * 1024
"""What the process may take."""


def health(**changes: Any) -> dict[str, Any]:
    """Every figure that there is, as the door gives it."""
    figures = {}
    for number, name in enumerate(FIGURES):
        for klass in ("alarm", "telemetry"):
            figures[name.replace("<class>", klass)] = float(number)
    sensor = {name.replace("<kind>", "crc"): 0.5 for name in SENSOR_FIGURES}
    said = {
        "connected": True,
        "up_s": 12.5,
        "troubles": {"broker": "away"},
        "figures": figures,
        "sensors": [
            {
                "name": 'pump "1"',
                "trouble": "",
                "figures": {**sensor, "rate_hz": None, "faults.gap": 3},
                "score": float("inf"),
                "threshold": 1.5,
                "alarms": {"anomaly": 2},
            },
            {
                "name": "fan",
                "trouble": "silent",
                "figures": sensor,
                "score": None,
                "threshold": 1.0,
                "alarms": {},
            },
        ],
    }
    return {**said, **changes}


def samples(text: str) -> dict[str, float]:
    """Name and labels of each sample to its value, by a reader that knows nothing else."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert len(found) == len(lines), "no sample is there twice"
    return found


def test_every_figure_is_there_under_a_name_of_its_own() -> None:
    text = exposition(ABOUT, health())
    heads = Counter(line for line in text.splitlines() if line.startswith("# TYPE"))
    assert set(heads.values()) == {1}
    values = samples(text)
    labelled = sum("<class>" in name for name in FIGURES)
    sensors = 2 * len(SENSOR_FIGURES) - 1 + 1  # without one rate, with one more kind of fault
    # Of the gateway; of each sensor its trouble and alarms; scores, thresholds.
    others = 5 + 2 * (1 + len(AlarmKind)) + 3
    assert len(values) == len(FIGURES) + labelled + sensors + others
    assert values['edge_runtime_spool_depth{class="alarm"}'] >= 0
    assert values['edge_runtime_sensor_open_alarms{sensor="fan",kind="anomaly"}'] == 0
    assert values['edge_runtime_sensor_open_alarms{sensor="pump \\"1\\"",kind="anomaly"}'] == 2
    assert values['edge_runtime_sensor_faults_total{sensor="pump \\"1\\"",kind="gap"}'] == 3
    hours = health()["figures"]["spool.hours_of_capacity"]
    assert values["edge_runtime_spool_capacity_seconds"] == hours * 3600
    assert 'site="a \\"plant\\"\\n",device="gateway\\\\7",version="1.2.3"' in text


def test_without_the_service_that_alone_is_told() -> None:
    assert samples(exposition({}, None)) == {"edge_runtime_up": 0}


@needs_promtool
def test_promtool_finds_nothing_wrong() -> None:
    for text in (exposition(ABOUT, health()), exposition({}, None)):
        done = subprocess.run(
            [str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(metrics_server, "LONGEST_S", 0.5)
    said = [Said(ABOUT, health(), "")]
    with MetricsServer("127.0.0.1", 0, lambda: said[0]) as server:
        server.said = said  # type: ignore[attr-defined]  # what it is told, which tests change
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def got(server: Any, path: str, method: str = "GET") -> tuple[int, str]:
    host, port = server.server_address
    connection = http.client.HTTPConnection(host, port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_what_is_at_which_path(server: Any) -> None:
    assert got(server, "/metrics")[1] == exposition(ABOUT, health())
    assert got(server, "/metrics", "HEAD") == (200, "")
    assert got(server, "/healthz") == (200, "ok\n")
    assert got(server, "/readyz") == (503, "fan: silent\n")
    assert got(server, "/")[0] == got(server, "/metrics/..")[0] == 404
    assert got(server, "/metrics", "POST")[0] == 405
    server.said[0] = Said(ABOUT, health(connected=False, sensors=[]), "")
    assert got(server, "/readyz") == (503, "not connected to the broker\n")
    server.said[0] = Said(ABOUT, health(sensors=[]), "")
    assert got(server, "/readyz") == (200, "ok\n")
    server.said[0] = Said({}, None, "no service listens")
    assert got(server, "/healthz") == got(server, "/readyz") == (503, "no service listens\n")
    assert got(server, "/metrics")[0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\xff\x00\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nx: " + b"y" * 20000, b"431"),
        (b"GET /metrics HTTP/1.1\n\n", b"200"),
        (b"GET /metrics", None),
        (b"", None),
    ],
)
def test_requests_of_any_kind(server: Any, sent: bytes, status: bytes | None) -> None:
    with socket.create_connection(server.server_address, 10) as client:
        with contextlib.suppress(OSError):
            client.sendall(sent)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = client.recv(100)
    # What is closed while bytes wait may be reset before the answer is read.
    assert answer.split(b" ")[1:2] == ([status] if status else []) or (status == b"431" and not answer)
    assert got(server, "/healthz")[0] == 200


def test_those_that_hold_connections_keep_nobody_away_for_long(server: Any) -> None:
    """More than there may be, each a byte now and then, and one that reads nothing."""
    with contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(server.server_address, 10))
            for _ in range(3 * metrics_server.MOST_CONNECTIONS)
        ]

        def answered() -> bool:
            for client in held:
                with contextlib.suppress(OSError):
                    client.send(b"G")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return got(server, "/healthz")[0] == 200
            return False

        until(answered, 10, "an answer")
    assert threading.active_count() <= 3 + metrics_server.MOST_CONNECTIONS


def test_the_service_is_asked_once_for_all(tmp_path: Path) -> None:
    """And one that is not there is said, for a second as well."""
    service = ServiceNumbers(tmp_path / "door.sock")
    first = service.ask()
    assert first.health is None
    assert "no service listens" in first.problem
    assert service.ask() is first


@needs_mosquitto
def test_beside_a_service(tmp_path: Path, broker: Broker) -> None:
    """The command itself: its numbers are the service's, its memory is little, and it outlives that."""
    broker.start()
    port = free_port()
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(f'metrics.listen = "127.0.0.1:{port}"\n{site.config.read_text()}')

        def page(path: str) -> tuple[int, str]:
            with contextlib.suppress(OSError):
                return got(server, path)
            return 0, ""

        server: Any = type("Address", (), {"server_address": ("127.0.0.1", port)})
        with running([*EDGE, "metrics", "--config", site.config]) as process:
            until(lambda: page("/metrics") == (200, exposition({}, None)), what="the process")
            assert page("/healthz")[0] == 503
            site.start()
            with site.playing(0.3):
                until(lambda: page("/readyz") == (200, "ok\n"), what="the service being ready")
                scored = 'edge_runtime_sensor_windows_total{sensor="pump"}'
                until(lambda: samples(page("/metrics")[1]).get(scored, 0) > 2, what="windows")
                text = page("/metrics")[1]
                if PROMTOOL:
                    check = [PROMTOOL, "check", "metrics"]
                    subprocess.run(check, input=text, text=True, check=True, capture_output=True)
                assert samples(text)["edge_runtime_mqtt_connected"] == 1
            assert psutil.Process(process.pid).memory_info().rss < MOST_BYTES
            until(lambda: page("/readyz")[0] == 503, what="the silence")
            site.stop()
            until(lambda: page("/healthz")[0] == 503, what="the end")
            again = subprocess.run(
                [*EDGE, "metrics", "--config", site.config], capture_output=True, text=True, check=False
            )
            assert again.returncode == 69
            assert "cannot listen" in again.stderr
            assert "Traceback" not in again.stderr


def test_the_service_loads_nothing_of_it() -> None:
    program = (
        "import sys, edge_runtime.gateway.service_loop\n"
        "late = 'messages.metrics', 'door.metrics_server'\n"
        "sys.exit(any(f'edge_runtime.{name}' in sys.modules for name in late))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
