"""From verdicts and commands to the spool and to what is retained, and what is kept over a restart."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.book import AlarmMoment, Evidence, Finding, FoundLine, Instant, Judgement, Verity
from edge_runtime.configuration import Config, ReportSettings
from edge_runtime.configuration.config import SiteSettings
from edge_runtime.core import Alarm, AlarmKind, Health, ModelSummary, Transition, Verdict
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.messages.topics import Topics
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.read_back import Retained
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.sensors import SensorSettings
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.broker import free_port

BASE = "steadyhum/plant/gateway/"
MODEL = ModelSummary("pump", "gaussian", "1", "0" * 64, supported=True, bands={})
STARTED_US = 1_767_225_600_000_000


class Gateway:
    """A bookkeeper with a spool and a publisher that nobody answers, and a clock that the test sets."""

    def __init__(self, folder: Path, *sensors: str, device: str = "gateway", **report: Any) -> None:
        self.folder, self.names, self.s = folder, sensors or ("p1",), 0.0
        self.topics = Topics("steadyhum", "plant", device)
        broker = BrokerSettings("127.0.0.1", port=free_port(), live_queue=8)
        self.spool = Spool(folder, SpoolLimits())
        self.publisher = Publisher(broker, self.spool, Health(), self.topics.availability)
        self.keeper = Bookkeeper(self.topics, folder, self.spool, self.publisher, lambda: self.now)
        self.config = Config(
            SiteSettings("plant", device),
            broker,
            tuple(SensorSettings(name, f"/dev/{name}", folder, 1e3, ("x",), "g") for name in self.names),
            folder,
            report=ReportSettings(**report),
        )
        self.watch()

    def watch(self, **changes: Any) -> None:
        sensors = tuple(replace(sensor, **changes) for sensor in self.config.sensor)
        config = replace(self.config, sensor=sensors)
        self.keeper.watch(config, [MODEL] * len(sensors), [1.0] * len(sensors))

    def close(self) -> None:
        self.publisher.stop()
        self.spool.close()

    @property
    def now(self) -> Instant:
        return Instant(STARTED_US + round(self.s * 1e6), 10**6 + round(self.s * 1e6), "boot")

    def say(
        self, transition: Any, name: str = "a", sensor: str = "p1", kind: Any = AlarmKind.ANOMALY
    ) -> None:
        alarm = Alarm(name, kind, 0, 2.0, "" if kind is AlarmKind.ANOMALY else "silent: nothing comes")
        self.s += 0.5
        self.keeper.take(sensor, Verdict(0, 2.0, 1.0, True, alarm, transition), 0)

    def events(self) -> list[Any]:
        rows = self.spool.peek(MessageClass.ALARM, 1000)
        return [json.loads(row.body) | {"topic": row.topic} for row in rows]

    def connect(self, **found: Any) -> None:
        """What the publisher does before its first connection."""
        bodies = {topic.replace("__", "/"): json.dumps(body).encode() for topic, body in found.items()}
        self.publisher.retained = Retained({f"{BASE}{topic}": body for topic, body in bodies.items()})
        self.tick()

    def tick(self, seconds: float = 0.0) -> None:
        self.s += seconds
        self.keeper.tick(self.s)

    def due(self) -> dict[str, Any]:
        """What the publisher would send now of what is retained, by the end of its topic."""
        unqueued, found = self.publisher._state.unqueued, {}  # noqa: SLF001  the seam between two threads
        while state := unqueued.take_change(frozenset()) or unqueued.take_refresh():
            found[state.topic.removeprefix(self.topics.base)] = state.body
        return found


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Any]:
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.close()


def again(gateway: Gateway, *sensors: str, **changes: Any) -> Gateway:
    """The same folder after the program has begun again."""
    gateway.close()
    return Gateway(gateway.folder, *(sensors or gateway.names), **changes)


def test_every_message_of_an_alarm_names_the_same_start(gateway: Any) -> None:
    for name in "ab":
        for transition in Transition:
            gateway.say(transition, name)
    starts: dict[str, Any] = {}
    for body in gateway.events():
        starts.setdefault(body["id"], set()).add(body["start_time"])
    assert {name: len(each) for name, each in starts.items()} == {"a": 1, "b": 1}
    assert starts["a"] != starts["b"]


def test_what_people_did_is_an_event_and_outlives_a_restart(gateway: Any) -> None:
    gateway.say(Transition.NEW)
    keeper, until_us = gateway.keeper, gateway.now.wall_us + 3600 * 10**6
    keeper.publish(keeper.book.acknowledge("a", "ann", "seen", gateway.now.wall_us))
    keeper.publish(keeper.book.shelve("a", until_us, "bob", "parts on Friday", gateway.now.wall_us))
    acknowledged, shelved = gateway.events()[1:]
    assert (acknowledged["type"], acknowledged["action"], acknowledged["by"]) == (
        "update",
        "acknowledged",
        "ann",
    )
    assert acknowledged["acknowledged"]["note"] == "seen"
    assert (shelved["action"], shelved["shelved"]["why"]) == ("shelved", "parts on Friday")
    later = again(gateway)
    try:
        (alarm,) = later.keeper.book.open_alarms()
        assert (alarm.acknowledged.who, alarm.shelved.until_us) == ("ann", until_us)
        assert alarm.model == MODEL
        later.s = 3600.5
        later.tick()
        assert [body["action"] for body in later.events()][3:] == ["unshelved"]
    finally:
        later.close()


def test_what_is_kept_of_an_alarm_is_in_its_events_before_and_after_its_end(gateway: Any) -> None:
    """And over a restart; of one that has ended it is an `end` once more."""
    witnessed: list[tuple[Transition, bytes]] = []
    gateway.keeper.witnesses.append(lambda change, body: witnessed.append((change.transition, body)))
    gateway.say(Transition.NEW)
    lines = (FoundLine("1x", 29.95, 12.0, 0.5), FoundLine("BPFO", 107.4, 14.0))
    finding = Finding("x", "impacts at 107.4 Hz", 2.1, "B", 1.0, 4.0, 3.0, lines)
    begin = Evidence("a-begin", AlarmMoment.BEGIN, "c" * 64, 1000, 10.0, True, (finding,))
    gateway.keeper.attach("a", "p1", begin, {})
    _, told = gateway.events()
    assert (told["type"], told["action"], told["evidence"][0]["sha256"]) == ("update", "evidence", "c" * 64)
    assert told["diagnosis"][0]["zone"] == "B"
    assert [line["name"] for line in told["diagnosis"][0]["lines"]] == ["1x", "BPFO"]
    later = again(gateway)
    try:
        keeper = later.keeper
        (alarm,) = keeper.book.open_alarms()
        assert alarm.evidence == (begin,)
        keeper.publish(keeper.book.judge("a", Judgement(Verity.FALSE, later.now.wall_us, "ann", "a door")))
        later.say(Transition.END)
        ended = later.events()[-1]
        assert (ended["judgement"]["verity"], [each["id"] for each in ended["evidence"]]) == (
            "false",
            ["a-begin"],
        )
        stored = {name: value for name, value in ended.items() if name != "topic"}
        keeper.attach("a", "p1", replace(begin, id="a-end", moment=AlarmMoment.END, findings=()), stored)
        keeper.attach("a", "p1", replace(begin, sha256="d" * 64), stored | {"evidence": "edited by hand"})
        keeper.attach("a", "p1", begin, {})  # whose event is not known: nothing is said
        more, edited = later.events()[len(later.events()) - 2 :]
        assert (more["type"], more["end_time"], more["active"]) == ("end", ended["end_time"], False)
        assert [each["id"] for each in more["evidence"]] == ["a-begin", "a-end"]
        assert more["diagnosis"] == told["diagnosis"]
        assert [each["sha256"] for each in edited["evidence"]] == ["d" * 64]
        assert edited["seq"] == more["seq"] + 1
    finally:
        later.close()
    assert [transition for transition, _ in witnessed] == [Transition.NEW, Transition.UPDATE]


def test_nothing_is_retained_before_what_was_there_has_been_read(gateway: Any) -> None:
    gateway.say(Transition.NEW)
    gateway.tick(100)
    assert gateway.due() == {}
    gateway.connect()
    due = gateway.due()
    assert sorted(due) == ["info", "p1/availability", "p1/condition", "p1/state"]
    assert json.loads(due["p1/state"])["alarm_id"] == "a"


def test_a_sensor_fault_neither_hides_the_anomaly_nor_is_its_score_published(gateway: Any) -> None:
    gateway.connect()
    gateway.say(Transition.NEW)
    gateway.say(Transition.NEW, "f", kind=AlarmKind.SENSOR)
    due = gateway.due()
    state, condition = json.loads(due["p1/state"]), json.loads(due["p1/condition"])
    assert (state["alarm"], state["kind"], state["score"], state["threshold"]) == ("ON", "anomaly", 2.0, 1.0)
    assert (condition["link"], condition["alarms"][0]["id"]) == ("down", "f")
    assert due["p1/availability"] == b"offline"
    gateway.say(Transition.END, "f", kind=AlarmKind.SENSOR)
    due = gateway.due()
    assert (due["p1/availability"], json.loads(due["p1/condition"])["alarms"]) == (b"online", [])


def test_a_site_may_keep_the_state_of_schema_1_for_a_while(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, state_schema=1)
    gateway.connect()
    gateway.say(Transition.NEW, "f", kind=AlarmKind.SENSOR)
    state = json.loads(gateway.due()["p1/state"])
    assert (state["schema"], state["alarm"], state["kind"], state["score"]) == (1, "ON", "sensor_fault", None)
    gateway.close()


def test_states_say_until_when_they_hold_and_are_said_again_in_time(gateway: Any) -> None:
    gateway.connect()
    gateway.due()
    gateway.tick(5)
    assert gateway.due() == {}, "nothing is new"
    gateway.tick(5)
    due = gateway.due()
    assert sorted(due) == ["p1/condition", "p1/state"], "and no availability: nothing was heard yet"
    for body in map(json.loads, due.values()):
        assert body["ts"] == "2026-01-01T00:00:10.000000Z"
        assert body["valid_until"] == "2026-01-01T00:00:40.000000Z"


def test_info_names_what_the_gateway_is_and_its_newest_event(gateway: Any) -> None:
    gateway.connect()
    info = json.loads(gateway.due()["info"])
    assert (info["seq"], list(info["sensors"]), list(info["models"])) == (0, ["p1"], ["0" * 64])
    gateway.say(Transition.NEW)
    gateway.tick(10)
    info = json.loads(gateway.due()["info"])
    assert (info["seq"], info["epoch"]) == (1, gateway.spool.epoch)
    assert [(alarm["id"], alarm["sensor"]) for alarm in info["alarms"]] == [("a", "p1")]


def test_a_sensor_that_is_gone_leaves_nothing_behind(gateway: Any) -> None:
    """Whether it goes while the service runs or while it does not."""
    gateway.say(Transition.NEW)
    later = again(gateway, "p2")
    try:
        assert later.events()[1]["reason"] == "the sensor is no longer in the configuration"
        assert later.keeper.book.open_alarms() == ()
        later.connect()
        due = later.due()
        gone = {topic for topic, body in due.items() if body == b""}
        assert gone == {"p1/availability", "p1/condition", "p1/state"}
        assert any(topic.startswith(f"{BASE}p1/") for topic in later.keeper.memory.topics), (
            "not confirmed yet"
        )
        later.publisher._state.unqueued.settle(f"{BASE}p1/state")  # noqa: SLF001  as the session does
        later.tick()
        assert f"{BASE}p1/state" not in later.keeper.memory.topics
    finally:
        later.close()


def test_a_device_with_another_name_ends_its_alarms_under_the_old_one_and_clears_it(gateway: Any) -> None:
    gateway.say(Transition.NEW)
    later = again(gateway, device="other")
    try:
        new, end = later.events()
        assert (end["topic"], end["id"], end["type"]) == (new["topic"], "a", "end")
        assert "steadyhum/plant/other" in end["reason"]
        later.publisher.retained = Retained()
        later.tick()
        cleared = {topic for topic, body in later.due().items() if body == b""}
        leaves = ("availability", "info", "p1/availability", "p1/condition", "p1/state")
        assert cleared == {f"{BASE}{leaf}" for leaf in leaves}
        later.say(Transition.NEW, "b")
        assert later.events()[2]["topic"] == "steadyhum/plant/other/p1/event", "the machine is as it was"
    finally:
        later.close()


def test_what_an_earlier_run_said_of_a_sensor_is_taken_back_until_something_is_known(gateway: Any) -> None:
    gateway.connect()
    assert "p1/availability" not in gateway.due()
    later = again(gateway)
    later.connect()
    assert later.due()["p1/availability"] == b"offline"
    later.close()


OLD_STATE = {"schema": 1, "alarm": "ON", "alarm_id": "old", "kind": "anomaly", "peak": 4.0}


def test_a_new_card_ends_what_the_old_one_left_and_clears_its_topics(gateway: Any) -> None:
    gateway.say(Transition.NEW, "ours")
    gateway.keeper._spool_is_new = True  # noqa: SLF001  it was when the card was put in
    fault = {"id": "f", "kind": "sensor_fault", "start_time": "2025-12-31T23:59:00Z"}
    gateway.connect(
        p1__state={**OLD_STATE, "start_time": "2025-12-31T23:00:00.000000Z"},
        fan__state={**OLD_STATE, "alarm_id": "fan's", "epoch": "another"},
        fan__condition={"epoch": "another", "alarms": [fault, fault | {"kind": "x"}, 3]},
        p1__condition={"epoch": gateway.spool.epoch, "alarms": [fault | {"id": "ours"}]},
        info={"epoch": "another", "alarms": [fault | {"sensor": "fan"}, fault | {"id": "i", "sensor": "x"}]},
        p1__event={"alarms": [fault]},
    )
    ends = {body["id"]: body for body in gateway.events() if body["type"] == "end"}
    assert sorted(ends) == ["f", "fan's", "i", "old"]
    assert ends["i"]["topic"] == f"{BASE}x/event"
    assert ends["old"]["start_time"] == "2025-12-31T23:00:00.000000Z"
    assert ends["old"]["elapsed_s"] == pytest.approx(3600.5)
    assert "another memory card" in ends["f"]["reason"]
    assert [alarm.id for alarm in gateway.keeper.book.open_alarms()] == ["ours"]
    assert [alarm.id for alarm in gateway.spool.open_alarms().values()] == ["ours"]
    due = gateway.due()
    assert {topic for topic, body in due.items() if body == b""} == {"fan/condition", "fan/state"}


def test_what_this_spool_has_numbered_is_no_strangers(gateway: Any) -> None:
    """It has ended, and the end waits in the spool."""
    gateway.say(Transition.NEW)
    gateway.say(Transition.END)
    gateway.connect(p1__state={**OLD_STATE, "alarm_id": "a", "epoch": gateway.spool.epoch})
    assert [body["type"] for body in gateway.events()] == ["new", "end"]


@pytest.mark.parametrize(
    "body",
    [3, [], "x", {"alarm_id": 3}, {**OLD_STATE, "alarm_id": "x" * 65}, {**OLD_STATE, "alarm_id": "\x1b"}],
)
def test_odd_retained_messages_change_nothing(gateway: Any, body: Any) -> None:
    gateway.connect(p1__state=body, a__b__c__state=OLD_STATE)
    gateway.tick()
    assert gateway.events() == []


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"topics": 3}', b'{"topics": [3, "x"], "base": 4}', None]
)
def test_a_memory_that_cannot_be_read_is_an_empty_one(tmp_path: Path, text: bytes | None) -> None:
    path = tmp_path / "retained.json"
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text)
    gateway = Gateway(tmp_path)
    gateway.connect()
    assert f"{BASE}p1/state" in gateway.keeper.memory.topics
    assert gateway.keeper.to_resume("p1") == ()
    gateway.close()


def test_a_memory_that_cannot_be_written_is_said_once(gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    (gateway.folder / "retained.partial").mkdir()
    for number in range(3):
        gateway.keeper.memory.add([str(number)], BASE)
    assert len([record for record in caplog.records if "cannot be written" in record.message]) == 1
    (gateway.folder / "retained.partial").rmdir()
    gateway.keeper.memory.add(["written"], BASE)
    assert "written" in (gateway.folder / "retained.json").read_text()


def test_a_reload_beside_the_running_service_says_what_is_new_alone(gateway: Any) -> None:
    gateway.connect()
    gateway.say(Transition.NEW)
    gateway.due()
    gateway.watch()
    assert gateway.due() == {}
    gateway.watch(machine="pump 7")
    assert json.loads(gateway.due()["info"])["sensors"]["p1"]["machine"] == "pump 7"
