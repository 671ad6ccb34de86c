"""The subscriber that proves from outside that nothing was lost, at real brokers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_runtime.audit.listen import LOSS_EXIT, UNPROVEN_EXIT, run_listen
from edge_runtime.mqtt.settings import BrokerSettings
from tests.broker import Broker, needs_mosquitto, until
from tests.edge.messages import EVENT, body
from tests.processes import running
from tests.waiting import HANG_S, scaled


@pytest.fixture
def broker(broker: Broker) -> Any:
    return broker.start()


class Mouth:
    """Publishes what a test says."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, *bodies: Any, topic: Any = EVENT, retain: bool = False) -> None:
        for each in bodies:
            self._client.publish(topic, each, qos=1, retain=retain).wait_for_publish(scaled(HANG_S))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def mouth(broker: Any) -> Iterator[Any]:
    mouth = Mouth(broker.port)
    yield mouth
    mouth.close()


def at_home(folder: Path) -> dict[str, str]:
    """An environment in which what is remembered lies in this folder."""
    return {**os.environ, "XDG_STATE_HOME": str(folder)}


def listen(port: int, seconds: float = 1.5, **how: Any) -> tuple[Any, Any]:
    """Listen in a thread for so long, by this machine's measure; returns (join, lines).

    `join` gives the exit code.
    """
    lines: list[Any]
    lines, codes = [], []
    settings = BrokerSettings("127.0.0.1", port=port, client_id="listener")

    def work() -> None:
        codes.append(run_listen(settings, "steadyhum/#", lines.append, seconds=scaled(seconds), **how))

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: any("listening" in line for line in lines))

    def join() -> Any:
        thread.join(scaled(HANG_S))
        return codes[0]

    return join, lines


@needs_mosquitto
def test_says_what_it_hears(broker: Any, mouth: Any) -> None:
    join, lines = listen(broker.port)
    mouth.say(b"online", topic="steadyhum/site/device/availability")
    mouth.say(body(1), body(2), body(2, replayed=True), body(4))
    assert join() == LOSS_EXIT
    shown = [line.partition(" ")[2] for line in lines]
    assert shown == [
        "connected, new session",
        "listening to steadyhum/#",
        "steadyhum/site/device/availability online",
        f"{EVENT} new anomaly x seq 1",
        f"{EVENT} new anomaly x seq 2",
        f"{EVENT} new anomaly x seq 2 [duplicate] [replayed]",
        f"{EVENT} new anomaly x seq 4 [ahead] [1 missing]",
        "steadyhum/site/device event: 3 received, seq 1 to 4, LOST 3-3, 1 duplicates, 0 late, 0 replayed",
        "steadyhum/site/device: its newest number was not heard, so that a lost tail would not show",
        "1 lost, 0 in conflict",
    ]


@needs_mosquitto
def test_json_lines(broker: Any, mouth: Any) -> None:
    mouth.say(b'{"a":1}', topic="steadyhum/site/device/pump/state", retain=True)
    join, lines = listen(broker.port, json_lines=True)
    mouth.say(body(1), body(3), body(2))
    assert join() == 0
    shown = [json.loads(line) for line in lines]
    assert [each["what"] for each in shown] == [
        "connected",
        "listening",
        *["message"] * 4,
        "stream",
        "device",
        "summary",
    ]
    assert [each["finding"] for each in shown[2:6]] == ["unnumbered", "on_time", "ahead", "late"]
    assert shown[5]["disordered"]
    assert shown[5]["body"]["seq"] == 2
    assert shown[-1]["lost"] == 0
    assert all("at" in each for each in shown)


@needs_mosquitto
def test_what_is_said_while_it_is_away_is_counted_too(broker: Any, mouth: Any) -> None:
    join, _ = listen(broker.port, seconds=0.5)
    mouth.say(body(1))
    assert join() == 0
    mouth.say(body(2), body(3))
    join, lines = listen(broker.port, seconds=0.8)
    assert join() == 0
    assert "session resumed" in lines[0]
    assert any("2 received, seq 2 to 3" in line for line in lines)


@needs_mosquitto
def test_survives_the_broker(broker: Any) -> None:
    join, lines = listen(broker.port, seconds=5)
    broker.stop()
    time.sleep(1.2)
    broker.start()
    until(lambda: sum("listening" in line for line in lines) >= 2)
    mouth = Mouth(broker.port)
    mouth.say(body(1))
    mouth.close()
    until(lambda: any("seq 1" in line for line in lines))
    assert any("connection lost" in line for line in lines)
    broker.stop()
    assert join() == 0


@needs_mosquitto
@pytest.mark.parametrize("json_lines", [False, True])
def test_whatever_others_say_is_printable(broker: Any, mouth: Any, json_lines: bool) -> None:
    join, lines = listen(broker.port, json_lines=json_lines)
    shown = (
        b'{"seq":1,"epoch":"\\ud800","type":"\\u001b[31m"}',
        b'{"seq":2,"epoch":"e","x":1e999}',
        b"\x1b[2J",
    )
    mouth.say(*shown)
    join()
    assert sum("steadyhum/" in line and "listening" not in line for line in lines) >= 3
    assert "".join(lines).isprintable()
    if json_lines:
        assert all("Infinity" not in line and json.loads(line) for line in lines)


@needs_mosquitto
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_with_the_account(broker: Any, number: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_runtime", "listen", "--broker", f"mqtt://127.0.0.1:{broker.port}"]
    with running(command, stdout=subprocess.PIPE, env=at_home(tmp_path)) as process:
        assert "connected" in process.stdout.readline()
        process.send_signal(number)
        assert "nothing was heard" in process.stdout.read().splitlines()[-1]
        assert process.wait(scaled(HANG_S)) == UNPROVEN_EXIT
