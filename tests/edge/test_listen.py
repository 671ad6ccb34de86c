"""The subscriber that proves from outside that nothing was lost."""

import json
import random
import signal
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from edge_runtime.errors import AccessError, ConfigError, UnavailableError
from edge_runtime.ledger import MAX_BODIES, MAX_STREAMS, Finding, Ledger, Stream
from edge_runtime.listen import LOSS_EXIT, run_listen, settings_of
from edge_runtime.settings import BrokerSettings
from tests.bench.fakebroker import FakeBroker
from tests.broker import Broker, free_port, needs_mosquitto, until

EVENT = "steadyhum/site/device/pump/event"


def body(seq, epoch="e1", replayed=False, **more):
    text = json.dumps({"type": "new", "kind": "anomaly", "id": "x", "seq": seq, "epoch": epoch, **more})
    return text.encode()[:-1] + (b',"replayed":true}' if replayed else b',"replayed":false}')


def hear(ledger, *seqs, topic=EVENT, **how):
    return [ledger.hear(topic, body(seq, **how)).finding for seq in seqs]


def test_findings():
    ledger = Ledger()
    assert hear(ledger, 5, 6) == [Finding.ON_TIME, Finding.ON_TIME]
    assert hear(ledger, 9) == [Finding.AHEAD]
    assert ledger.lost() == 2
    assert hear(ledger, 7, 7, 8) == [Finding.LATE, Finding.DUPLICATE, Finding.LATE]
    assert ledger.lost() == 0
    assert hear(ledger, 3, replayed=True) == [Finding.LATE]
    assert ledger.hear(EVENT, body(11, replayed=True)).missing == 2
    (stream,) = ledger.summary()
    assert stream == {
        "device": "steadyhum/site/device",
        "kind": "event",
        "epoch": "e1",
        "first": 3,
        "last": 11,
        "received": 7,
        "missing": [(4, 4), (10, 10)],
        "duplicates": 1,
        "conflicts": 0,
        "late": 3,
        "replayed": 2,
        "disordered": 2,
    }


def test_sent_again_as_replayed_is_a_duplicate_but_another_body_is_a_conflict():
    ledger = Ledger()
    hear(ledger, 1)
    assert hear(ledger, 1, replayed=True) == [Finding.DUPLICATE]
    assert ledger.hear(EVENT, body(1)[: -len(',"replayed":false}')] + b"}").finding is Finding.CONFLICT
    assert hear(ledger, 1, id="y") == [Finding.CONFLICT]
    assert ledger.summary()[0]["conflicts"] == 2


def test_order_counts_within_new_and_within_replayed():
    ledger = Ledger()
    entries = [
        ledger.hear(EVENT, body(seq, replayed=replayed))
        for seq, replayed in ((100, False), (1, True), (101, False), (2, True), (4, True), (3, True))
    ]
    assert [entry.disordered for entry in entries] == [False] * 5 + [True]


def test_sensors_of_a_device_share_numbers_and_kinds_do_not():
    ledger = Ledger()
    hear(ledger, 1)
    assert hear(ledger, 2, topic="steadyhum/site/device/fan/event") == [Finding.ON_TIME]
    assert hear(ledger, 7, topic="steadyhum/site/device/fan/log") == [Finding.ON_TIME]
    assert hear(ledger, 9, topic="steadyhum/site/other/fan/event") == [Finding.ON_TIME]
    assert ledger.lost() == 0


def test_a_new_epoch_begins_with_one():
    ledger = Ledger()
    hear(ledger, 50)
    assert hear(ledger, 3, epoch="e2") == [Finding.AHEAD]
    assert ledger.lost() == 2
    assert hear(ledger, 1, 2, epoch="e2") == [Finding.LATE, Finding.LATE]
    assert ledger.summary()[1]["first"] == 1


@pytest.mark.parametrize(
    "strange",
    [b"online", b"", b"[1]", b'{"seq":1}', b'{"seq":"1","epoch":"e"}', b'{"seq":true,"epoch":"e"}', b"\xff",
     b'{"seq":-1,"epoch":"e"}', b'{"seq":1,"epoch":2}', b'{"seq":1.5,"epoch":"e"}', b"[" * 100_000,
     b'{"seq":99999999999999999999999,"epoch":"e"}'],
)  # fmt: skip
def test_what_has_no_number_is_only_counted(strange):
    ledger = Ledger()
    assert ledger.hear(EVENT, strange).finding is Finding.UNNUMBERED
    assert (ledger.foreign, ledger.streams) == (1, {})


def test_memory_is_bounded():
    ledger = Ledger()
    for n in range(MAX_STREAMS + 50):
        ledger.hear(f"p/s/d{n}/x/event", body(1))
    assert len(ledger.streams) == MAX_STREAMS + 1


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=120))
def test_against_a_set(messages):
    """Missing, duplicates and received as the obvious bookkeeping has them."""
    ledger, seen, duplicates = Ledger(), set(), 0
    for seq, replayed in messages:
        ledger.hear(EVENT, body(seq, replayed=replayed))
        duplicates += seq in seen
        seen.add(seq)
    holes = set(range(min(seen, default=1), max(seen, default=0) + 1)) - seen
    assert ledger.lost() == len(holes)
    for stream in ledger.summary():
        assert stream["received"] == len(seen)
        assert stream["duplicates"] == duplicates
        assert {n for first, last in stream["missing"] for n in range(first, last + 1)} == holes
        assert [first for first, _ in ledger.streams.popitem()[1].runs] == sorted(
            n for n in seen if n - 1 not in seen
        )


def test_urls():
    plain = settings_of("mqtt://broker.example", "me")
    assert (plain.host, plain.port, plain.tls, plain.username) == ("broker.example", 1883, None, None)
    secure = settings_of("mqtts://ed%40x@[::1]:8884", "me")
    assert (secure.host, secure.port, secure.username) == ("::1", 8884, "ed@x")
    assert secure.tls is not None
    assert settings_of("mqtts://b", "me").port == 8883
    for wrong in ("broker", "http://b", "mqtt://", "mqtt://b:0", "mqtt://b:99999", "mqtt://u:secret@b"):
        with pytest.raises(ConfigError, match="names no broker") as refusal:
            settings_of(wrong, "me")
        assert "secret" not in str(refusal.value)


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path).start()
    yield broker
    broker.stop()


class Mouth:
    """Publishes what a test says."""

    def __init__(self, port):
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, *bodies, topic=EVENT, retain=False):
        for each in bodies:
            self._client.publish(topic, each, qos=1, retain=retain).wait_for_publish(5)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def mouth(broker):
    mouth = Mouth(broker.port)
    yield mouth
    mouth.close()


def listen(port, seconds=1.5, **how):
    """Listen in a thread; returns (join, lines), and `join` gives the exit code."""
    lines, codes = [], []
    settings = BrokerSettings("127.0.0.1", port=port, client_id="listener")

    def work():
        codes.append(run_listen(settings, "steadyhum/#", lines.append, seconds=seconds, **how))

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: any("listening" in line for line in lines))
    return (lambda: (thread.join(20), codes[0])[1]), lines


@needs_mosquitto
def test_says_what_it_hears(broker, mouth):
    join, lines = listen(broker.port)
    mouth.say(b"online", topic="steadyhum/site/device/availability")
    mouth.say(body(1), body(2), body(2, replayed=True), body(4))
    assert join() == LOSS_EXIT
    told = [line.partition(" ")[2] for line in lines]
    assert told == [
        "connected, new session",
        "listening to steadyhum/#",
        "steadyhum/site/device/availability online",
        f"{EVENT} new anomaly x seq 1",
        f"{EVENT} new anomaly x seq 2",
        f"{EVENT} new anomaly x seq 2 [duplicate] [replayed]",
        f"{EVENT} new anomaly x seq 4 [ahead] [1 missing]",
        "steadyhum/site/device event: 3 received, seq 1 to 4, LOST 3-3, 1 duplicates, 0 late, 0 replayed",
        "1 lost, 0 in conflict",
    ]


@needs_mosquitto
def test_json_lines(broker, mouth):
    mouth.say(b'{"a":1}', topic="steadyhum/site/device/pump/state", retain=True)
    join, lines = listen(broker.port, json_lines=True)
    mouth.say(body(1), body(3), body(2))
    assert join() == 0
    told = [json.loads(line) for line in lines]
    assert [each["what"] for each in told] == [
        "connected",
        "listening",
        *["message"] * 4,
        "stream",
        "summary",
    ]
    assert [each["finding"] for each in told[2:6]] == ["unnumbered", "on_time", "ahead", "late"]
    assert told[5]["disordered"]
    assert told[5]["body"]["seq"] == 2
    assert told[-1]["lost"] == 0
    assert all("at" in each for each in told)


@needs_mosquitto
def test_what_is_said_while_it_is_away_is_counted_too(broker, mouth):
    join, _ = listen(broker.port, seconds=0.5)
    mouth.say(body(1))
    assert join() == 0
    mouth.say(body(2), body(3))
    join, lines = listen(broker.port, seconds=0.8)
    assert join() == 0
    assert "session resumed" in lines[0]
    assert any("2 received, seq 2 to 3" in line for line in lines)


@needs_mosquitto
def test_survives_the_broker(broker):
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


def test_no_broker_at_the_start():
    settings = BrokerSettings("127.0.0.1", port=free_port(), client_id="listener")
    with pytest.raises(UnavailableError, match="connection refused") as refusal:
        run_listen(settings, "#", print)
    assert refusal.value.exit_code == 69


@needs_mosquitto
def test_refused_by_the_broker(tmp_path):
    users, rules = tmp_path / "users", tmp_path / "acl"
    subprocess.run(["mosquitto_passwd", "-c", "-b", users, "edge", "right"], check=True)
    password = tmp_path / "password"
    password.write_text("wrong")
    password.chmod(0o600)
    rules.write_text("user edge\ntopic deny #\n")
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {users}", f"acl_file {rules}").start()
    who = {"client_id": "listener", "username": "edge", "password_file": password}
    settings = BrokerSettings("127.0.0.1", port=broker.port, **who)
    with pytest.raises(AccessError, match="Not authorized"):
        run_listen(settings, "#", print, seconds=5)
    password.write_text("right")
    assert run_listen(settings, "steadyhum/#", lambda _line: None, seconds=0.3) == 0
    broker.stop()


def test_a_subscription_that_is_refused():
    with FakeBroker() as broker:
        broker.suback = 0x87
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        with pytest.raises(AccessError, match="does not let us hear"):
            run_listen(settings, "#", lambda _line: None, seconds=5)


def test_an_empty_account():
    assert Stream("d", "event", "e").lost == 0
    assert Ledger().summary() == []


def test_bodies_are_remembered_for_a_while():
    ledger = Ledger()
    for seq in range(1, MAX_BODIES + 10):
        ledger.hear(EVENT, body(seq))
    assert ledger.hear(EVENT, body(1, id="y")).finding is Finding.DUPLICATE, "too long ago to compare"
    assert ledger.hear(EVENT, body(MAX_BODIES, id="y")).finding is Finding.CONFLICT


@needs_mosquitto
def test_control_c_ends_with_the_account(broker):
    code = (
        "from edge_runtime.listen import run_listen, settings_of;"
        f"raise SystemExit(run_listen(settings_of('mqtt://127.0.0.1:{broker.port}', 'l'), '#', "
        "lambda line: print(line, flush=True)))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert "connected" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().endswith("nothing lost\n")
    assert process.returncode == 0


def test_ten_thousand_in_random_order_add_up():
    ledger, seqs = Ledger(), list(range(1, 10_001))
    random.Random(5).shuffle(seqs)
    lost = set(seqs[:37])
    hear(ledger, *(seq for seq in seqs if seq not in lost))
    inner = {seq for seq in lost if 1 < seq < 10_000}
    assert ledger.lost() == len(inner)
