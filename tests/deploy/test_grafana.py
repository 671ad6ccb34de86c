"""Dashboard and rules: of metrics that there are, in expressions that Prometheus understands, and true."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import AlarmKind
from edge_runtime.door.metrics_server import MetricsServer
from edge_runtime.door.service_numbers import Said
from edge_runtime.messages.metrics import exposition
from tests.broker import free_port, until
from tests.deploy.heavy import ROOT
from tests.edge.test_metrics import ABOUT, PROMTOOL, health, needs_promtool
from tests.processes import running

FOLDER = ROOT / "deploy" / "grafana"
RULES = FOLDER / "alerts.yml"
BOARD = FOLDER / "steadyhum.json"


PROMETHEUS = shutil.which("prometheus")


def metrics() -> dict[str, str]:
    """Name to kind of each metric that a gateway may give."""
    heads = (line.split() for line in exposition(ABOUT, health()).splitlines() if line.startswith("# TYPE"))
    return {name: kind for _, _, name, kind in heads}


def expressions() -> Iterator[str]:
    """All of the dashboard, those of its choices included."""
    board = json.loads(BOARD.read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for choice in board["templating"]["list"]:
        yield choice["query"]["query"] if isinstance(choice["query"], dict) else choice["query"]


def test_every_metric_that_is_named_is_there_and_used_as_what_it_is() -> None:
    known = metrics()
    for text in (*expressions(), re.sub(r"#.*", "", RULES.read_text())):
        for name in re.findall(r"\bedge_runtime_\w+", text):
            assert name in known, text
    counted = {name for name, kind in known.items() if kind == "counter"}
    used = " ".join((*expressions(), RULES.read_text()))
    for name in re.findall(r"(\w+)(?:\{[^}]*\})?\[\d+\w\]", used):
        assert name in counted, f"{name} is no counter"
    for name in counted & set(re.findall(r"\w+", used)):
        assert re.search(rf"(rate|increase)\({name}\b", used), name


def test_kinds_of_alarms_are_those_that_there_are() -> None:
    used = " ".join((*expressions(), RULES.read_text()))
    named = {kind for _, kinds in re.findall(r'kind(=|=~|!=)"([^"]+)"', used) for kind in kinds.split("|")}
    assert named == set(AlarmKind)


def test_the_dashboard_is_whole() -> None:
    board = json.loads(BOARD.read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"] and panel["title"] for panel in panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    choices = {f"${choice['name']}" for choice in board["templating"]["list"]}
    used = set(re.findall(r"\$(?!__)\{?(\w+)\}?", BOARD.read_text()))
    assert {f"${name}" for name in used} <= choices


@needs_promtool
def test_promtool_understands_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"x:{place}", "expr": text.replace("$gateway", ".*").replace("$sensor", ".*")}
        for place, text in enumerate(expressions())
        if not text.startswith("label_values") and text != "prometheus"
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    for checked in (file, RULES):
        command: list[Any] = [PROMTOOL, "check", "rules", checked]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_alerts_come_when_they_should_and_go(tmp_path: Path) -> None:
    for name in ("alerts.yml", "alerts_test.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    command: list[Any] = [PROMTOOL, "test", "rules", "alerts_test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # A rule that is wrong is seen: the check can fail.
    wrong = (tmp_path / "alerts.yml").read_text().replace('kind="anomaly"', 'kind="anomalies"')
    (tmp_path / "alerts.yml").write_text(wrong)
    assert subprocess.run(command, capture_output=True, check=False, cwd=tmp_path).returncode != 0


@pytest.mark.skipif(PROMETHEUS is None, reason="Prometheus is not installed: apt install prometheus")
def test_a_real_prometheus_reads_the_gateway_and_raises_the_alerts(tmp_path: Path) -> None:
    port = free_port()
    with MetricsServer("127.0.0.1", 0, lambda: Said(ABOUT, health(), "")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        target = f"127.0.0.1:{server.server_address[1]}"
        job = {"job_name": "steadyhum", "static_configs": [{"targets": [target]}]}
        times = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
        settings = {"global": times, "rule_files": [str(RULES)], "scrape_configs": [job]}
        (tmp_path / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
        command = [
            PROMETHEUS,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        command.append(f"--storage.tsdb.path={tmp_path}/data")

        def firing() -> set[str]:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=5) as answer:
                    found = json.load(answer)["data"]["alerts"]
                return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}
            return set()

        with running(command, stderr=subprocess.DEVNULL):
            until(lambda: "SteadyhumAnomaly" in firing(), what="the alert")
            assert "SteadyhumGatewayGone" not in firing()
        server.shutdown()
        thread.join()


def test_every_alert_has_a_word_for_people_and_is_in_the_page() -> None:
    names = re.findall(r"alert: (\w+)", RULES.read_text())
    assert len(names) == len(set(names)) == RULES.read_text().count("summary:")
    page = (ROOT / "docs" / "integration.md").read_text()
    assert [name for name in names if f"`{name}`" not in page] == []
