"""History by the whole service: the real command, a sensor at a pty, and what people see of its trend."""

import csv
import importlib
import importlib.util
import io
import json
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_runtime.cli.commands import app
from edge_runtime.core import DataError, EdgeError, Reading, UnavailableError
from edge_runtime.door import DoorClient
from edge_runtime.sensors.protocols.frames import encode_reading
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import EDGE, OFF, Site
from tests.faults.history_driver import drive

pytestmark = needs_mosquitto
NORMAL, FAULTY = 0.3, 9.0
"""Levels of the machine, g."""
GRAVITY = 9.80665
HANDLED = ["alarm", "acknowledged", "judged", "alarm"]
KEPT = "[history]\nfree_bytes = 0\n" + OFF


@pytest.fixture
def site(tmp_path: Path, subscriber: Subscriber, broker: Broker) -> Iterator[Site]:
    """It is not started."""
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text().replace(OFF, KEPT) + "silence_s = 600\n")
        yield site


def command(site: Site, *words: object, exit_code: int = 0) -> str:
    """Run `edge-runtime history` for the site, within this program; a refusal is its words."""
    done = CliRunner().invoke(app, ["history", *map(str, words), "--config", str(site.config)])
    if isinstance(done.exception, EdgeError):
        assert done.exception.exit_code == exit_code
        return str(done.exception)
    assert done.exit_code == exit_code, done.output
    return done.output


def program(site: Site, *words: object) -> str:
    """Run it as people do."""
    asked = [*EDGE, "history", *map(str, words), "--config", str(site.config)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def watch(site: Site, subscriber: Subscriber, begun: int = 0, *, seen: bool = False) -> None:
    """Let the machine be calm, loud until there is an alarm, and calm until its end; `seen` lets somebody
    acknowledge and judge it meanwhile."""
    with DoorClient(site.folder / "state" / "door.sock") as client, site.playing(NORMAL) as machine:
        until(lambda: windows(client) > 80, what="three seconds of windows")
        machine.level = FAULTY
        until(lambda: len(subscriber.anomalies()) == 2 * begun + 1, what="the alarm")
        if seen:
            alarm = subscriber.anomalies()[-1]["id"]
            client.call("alarms.acknowledge", alarm=alarm, note="on my way")
            client.call("alarms.judge", alarm=alarm, verity="real")
        machine.level = NORMAL
        until(lambda: len(subscriber.anomalies()) == 2 * begun + 2, what="its end")


def windows(client: DoorClient) -> float:
    """Windows that the sensor was watched by."""
    (sensor,) = client.call("status")["sensors"]
    return float(sensor["figures"]["windows"])


def test_a_trend_is_asked_for_and_is_in_the_file(site: Site, subscriber: Subscriber) -> None:
    """By a running service, from what waits to be written; without one, read from what the stop wrote."""
    site.start()
    watch(site, subscriber, seen=True)
    lines = program(site, "pump", "--since", "10min", "--json").splitlines()
    site.stop()
    told = [json.loads(line) for line in lines]
    assert [kind for kind, _ in happened(told)] == HANDLED
    assert_trend([row for row in told if "kind" not in row])

    kept = [json.loads(line) for line in command(site, "pump", "--since", "10min", "--json").splitlines()]
    assert_trend([row for row in kept if "kind" not in row])
    marks = happened(kept)
    assert [kind for kind, _ in marks] == ["model", *HANDLED]
    assert marks[1][1].startswith("anomaly began, score ")
    assert marks[2][1].startswith("anomaly by ")
    assert marks[2][1].endswith(": on my way")
    assert marks[3][1].startswith("anomaly real by ")
    assert marks[4][1] == "anomaly ended"


def happened(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened, but for faults of the sensor: between two stretches it sends nothing."""
    found = [(row["kind"], row["text"]) for row in rows if "kind" in row]
    return [(kind, text) for kind, text in found if not text.startswith("sensor_fault")]


def assert_trend(rows: list[dict[str, Any]]) -> None:
    """What three calm seconds, a loud one or more and a calm one come to."""
    assert sum(row["windows"] for row in rows) > 100
    least, most = min(row["score_min"] for row in rows), max(row["score_max"] for row in rows)
    assert 0 < least < 0.5 < 5 < most
    assert all(least <= row["score_mean"] <= most for row in rows)
    looked = [row for row in rows if "rms.x" in row]
    assert looked, "a second of it was looked at"
    assert min(row["rms.x"] for row in looked) == pytest.approx(NORMAL * GRAVITY, rel=0.2)
    assert not any("velocity.x" in row for row in rows), "1 kHz does not give it"
    assert max(row["usable_share"] for row in rows) > 0.9
    assert sum(row["link_errors"] for row in rows) == 0


def test_what_is_shown_to_people_and_programs(site: Site, subscriber: Subscriber) -> None:
    """The plain table with what happened in between, CSV, hours, marks alone; and what is refused."""
    assert "there is no history yet" in command(site, "pump", exit_code=65)
    site.start()
    for value in (30.0, 40.0):
        site.write(encode_reading(Reading(1, 1, 0, "temperature", "degC", value)))
    site.write(b"no frame at all\0")
    watch(site, subscriber)
    refused = command(site, "motor", exit_code=65)
    assert "there is no sensor 'motor'" in refused
    assert "pump" in refused
    site.stop()
    plain = command(site, "pump").splitlines()
    assert plain[0].split()[:4] == ["time", "(UTC)", "score", "min"]
    assert any("alarm: anomaly began, score " in line for line in plain)
    assert max(map(len, plain)) <= 140
    table = list(csv.DictReader(io.StringIO(command(site, "pump", "--since", "7d", "--csv"))))
    assert float(table[0]["score_max"]) > 5
    assert float(table[0]["reading.temperature"]) == 35
    assert sum(float(row["link_errors"]) for row in table) == 1
    assert all(row["time"].endswith(":00:00Z") for row in table), "a week is shown by hours"
    marks = list(csv.DictReader(io.StringIO(command(site, "pump", "--csv", "--marks"))))
    assert [kind for kind, _ in happened(marks)] == ["model", "alarm", "alarm"]
    assert "there is no sensor 'motor'" in command(site, "motor", exit_code=65)
    assert "no length of time" in command(site, "pump", "--since", "week", exit_code=78)
    assert "before it begins" in command(site, "pump", "--since", "1h", "--until", "2h", exit_code=78)
    assert "Choose minute or hour" in command(site, "pump", "--every", "day", exit_code=78)
    assert "one form" in command(site, "pump", "--csv", "--json", exit_code=78)
    nothing = command(site, "pump", "--since", "20d", "--until", "10d", exit_code=65)
    assert "no history of pump in this span" in nothing


def test_a_stop_and_a_start_go_on_in_the_same_file(site: Site, subscriber: Subscriber) -> None:
    """The minute of the stop goes on in the next run; a model that is the same is no news."""
    site.start()
    watch(site, subscriber)
    site.stop()
    first = total(site)
    site.start()
    watch(site, subscriber, begun=1)
    site.stop(signal.SIGTERM)
    assert total(site) > 1.5 * first
    marks = command(site, "pump", "--marks", "--json").splitlines()
    assert [kind for kind, _ in happened(map(json.loads, marks))] == ["model", *["alarm"] * 4]


def total(site: Site) -> float:
    """Windows in all hours."""
    lines = command(site, "pump", "--every", "hour", "--json").splitlines()
    return float(sum(json.loads(line).get("windows", 0) for line in lines))


def test_a_reload_switches_it_off_and_on(site: Site, subscriber: Subscriber) -> None:
    """No line is begun again for it; off, nothing is kept, and whoever asks is told how to switch it on."""
    site.start()
    watch(site, subscriber)
    text = site.config.read_text()
    site.config.write_text(text.replace("[history]", "[history]\nenabled = false"))
    site.service.send_signal(signal.SIGHUP)
    refused = until(lambda: refusal(site), what="the history being off")
    assert "Set `enabled = true` in [history]" in refused
    with site.playing(NORMAL):
        site.config.write_text(text)
        site.service.send_signal(signal.SIGHUP)
        until(lambda: not refusal(site), what="the history being on")
    site.stop()
    assert site.log().count("watching pump") == 1
    assert total(site) > 100


def refusal(site: Site) -> str:
    """Why the service gives no history; empty where it gives some."""
    try:
        with DoorClient(site.folder / "state" / "door.sock") as client:
            client.call("history.read", sensor="pump", since_s=0.0, until_s=1.0)
    except DataError as error:
        return str(error)
    return ""


def test_parquet_takes_pyarrow_and_says_so(tmp_path: Path) -> None:
    """Where it is there, other programs read what was written; where not, the remedy is another form."""
    file, target = tmp_path / "history.db", tmp_path / "trend.parquet"
    drive(file, round(time.time() / 60) - 60, 30, lambda _line: None)
    asked = ["history", "s1", "--from", str(file), "--parquet", str(target)]
    done = CliRunner().invoke(app, asked)
    if importlib.util.find_spec("pyarrow") is None:
        assert isinstance(done.exception, UnavailableError)
        assert "--csv" in done.exception.remedy
        return
    assert done.exit_code == 0, done.output
    table = importlib.import_module("pyarrow.parquet").read_table(str(target))
    assert table.num_rows == 30
    assert {"time", "score_mean", "velocity.x", "rms.z"} <= set(table.schema.names)
