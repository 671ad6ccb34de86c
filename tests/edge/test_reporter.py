"""What a sensor's messages say of its alarms, and what is kept of alarms that are over: nothing."""

import gc
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import ModelSummary
from edge_runtime.core.health import Health
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.gateway.reporter import Reporter
from edge_runtime.messages.topics import Topics
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.broker import free_port

TOPICS = Topics("steadyhum", "plant", "gateway")
MODEL = ModelSummary("pump", "gaussian", "1", "0" * 64, supported=True, bands={})


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Any]:
    with Spool(tmp_path, SpoolLimits()) as spool:
        yield spool


@pytest.fixture
def reporter(spool: Any) -> Iterator[Any]:
    broker = BrokerSettings("127.0.0.1", port=free_port(), live_queue=8)
    publisher = Publisher(broker, spool, Health(), TOPICS.availability)
    yield Reporter("p1", TOPICS, MODEL, spool, publisher)
    publisher.stop()


def an_alarm(reporter: Any, name: str, at_us: Any) -> None:
    """Have one begin, go on and end, each an event, a state and a score, as a station does."""
    alarm = Alarm(name, AlarmKind.ANOMALY, at_us, 2.0)
    for step, transition in enumerate((Transition.NEW, Transition.UPDATE, Transition.END)):
        now_us = at_us + step * 1_000_000
        verdict = Verdict(now_us, 2.0, 1.0, transition is not Transition.END, alarm, transition)
        reporter.event(verdict, now_us)
        reporter.state(verdict, now_us)
        reporter.score(verdict, now_us)


def test_every_message_of_an_alarm_names_the_same_start(reporter: Any, spool: Any) -> None:
    an_alarm(reporter, "a", 5_000_000)
    an_alarm(reporter, "b", 9_000_000)
    starts: dict[str, Any] = {}
    for row in spool.peek(MessageClass.ALARM, 10):
        body = json.loads(row.body)
        starts.setdefault(body["id"], set()).add(body["start_time"])
    assert {name: len(each) for name, each in starts.items()} == {"a": 1, "b": 1}
    assert starts["a"] != starts["b"]


def test_nothing_is_kept_of_an_alarm_that_is_over(reporter: Any) -> None:
    def alarms(numbers: Any) -> None:
        for n in numbers:
            alarm = Alarm(f"{n:032}", AlarmKind.ANOMALY, n, 2.0)
            verdict = Verdict(n, 2.0, 1.0, False, alarm, Transition.END)
            reporter.state(verdict, n)
            reporter.score(verdict, n)
        gc.collect()

    tracemalloc.start()
    try:
        alarms(range(100))  # what is bounded is full by now
        before, _ = tracemalloc.get_traced_memory()
        alarms(range(100, 2100))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2000 * 16, "bytes an alarm: not even a pointer and a number"
