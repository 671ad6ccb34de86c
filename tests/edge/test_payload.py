"""Topics and bodies, as a subscriber sees them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core.errors import ConfigError
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.messages import steadyhum
from edge_runtime.messages.steadyhum import MessageContext, ModelSummary
from edge_runtime.messages.topics import Topics
from tests.artefacts import manifest

START_US = 1_767_225_600_250_000
MODEL = ModelSummary(
    "pump", "gaussian", "1", "ab" * 32, True, {"rms": ("g", None, None), "band1": ("g2", 10.0, 20.0)}
)
STAMP = MessageContext(START_US + 3_000_000, True, MODEL)
ALARM = Alarm("01H", AlarmKind.ANOMALY, START_US, 7.5)


def verdict(transition, alarm=ALARM, score=5.0, contributions=(("band1", 0.75), ("rms", 0.25))):
    return Verdict(START_US + 2_000_000, score, 1.5, score > 1.5, alarm, transition, contributions)


def event(*arguments, **changes):
    return json.loads(steadyhum.event_message(verdict(*arguments, **changes), 17, "e" * 32, STAMP))


def test_a_new_alarm():
    assert event(Transition.NEW) == {
        "schema": 1,
        "type": "new",
        "id": "01H",
        "kind": "anomaly",
        "reason": "",
        "seq": 17,
        "epoch": "e" * 32,
        "ts": "2026-01-01T00:00:03.250000Z",
        "clock_ok": True,
        "start_time": "2026-01-01T00:00:00.250000Z",
        "end_time": None,
        "peak": 7.5,
        "score": 5.0,
        "threshold": 1.5,
        "supported": True,
        "model": {"name": "pump", "version": "1", "detector": "gaussian", "sha256": "ab" * 32},
        "top_bands": [
            {"name": "band1", "share": 0.75, "unit": "g2", "low_hz": 10.0, "high_hz": 20.0},
            {"name": "rms", "share": 0.25, "unit": "g", "low_hz": None, "high_hz": None},
        ],
    }


def test_an_end_has_its_time():
    assert event(Transition.END)["end_time"] == "2026-01-01T00:00:02.250000Z"
    assert event(Transition.UPDATE)["end_time"] is None


def test_a_sensor_fault_has_no_score():
    alarm = Alarm("01S", AlarmKind.SENSOR, START_US, math.nan, "flat")
    told = event(Transition.NEW, alarm, math.nan, ())
    assert (told["kind"], told["reason"], told["score"], told["peak"]) == ("sensor_fault", "flat", None, None)
    assert told["top_bands"] == []


def test_no_event_without_a_transition():
    for wrong in (verdict(None), verdict(Transition.NEW, None)):
        with pytest.raises(ValueError, match="no alarm"):
            steadyhum.event_message(wrong, 1, "e", STAMP)


def test_only_the_largest_bands_are_named_and_unknown_ones_too():
    many = tuple((f"f{n}", 1.0 / (n + 1)) for n in range(100))
    told = event(Transition.NEW, contributions=many)["top_bands"]
    assert [band["name"] for band in told] == [f"f{n}" for n in range(steadyhum.MAX_BANDS)]
    assert told[0] == {"name": "f0", "share": 1.0, "unit": "", "low_hz": None, "high_hz": None}


def test_state_is_on_while_the_alarm_lasts():
    on = json.loads(steadyhum.state_message(verdict(None), STAMP))
    assert (on["alarm"], on["alarm_id"], on["kind"], on["peak"]) == ("ON", "01H", "anomaly", 7.5)
    assert on["time"] == "2026-01-01T00:00:02.250000Z"
    for off in (verdict(Transition.END), verdict(None, None)):
        told = json.loads(steadyhum.state_message(off, STAMP))
        assert (told["alarm"], told["alarm_id"], told["start_time"], told["peak"]) == (
            "OFF",
            None,
            None,
            None,
        )


def test_score_is_small():
    body = steadyhum.score_message(verdict(None, None, score=0.5), 3)
    assert json.loads(body) == {
        "schema": 1,
        "time": "2026-01-01T00:00:02.250000Z",
        "window": 3,
        "score": 0.5,
        "threshold": 1.5,
        "exceeded": False,
    }


def test_health_keeps_its_shape_and_loses_what_is_not_finite():
    figures = {"status": "ok", "figures": {"a": math.inf, "b": [1, math.nan, None], "c": True}, "odd": {1}}
    told = json.loads(steadyhum.health_message(figures, START_US, clock_ok=False))
    assert told["figures"] == {"a": None, "b": [1, None, None], "c": True}
    assert told["clock_ok"] is False
    assert told["odd"] == "{1}"


@pytest.mark.parametrize("replayed", [True, False])
def test_replayed_is_added_when_a_message_is_sent(replayed):
    body = steadyhum.event_message(verdict(Transition.NEW), 1, "e", STAMP)
    sent = steadyhum.stamp_replayed(body, replayed=replayed)
    assert json.loads(sent) == {**json.loads(body), "replayed": replayed}


def test_times_out_of_range_are_null():
    assert steadyhum.rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert steadyhum.rfc3339(-1) == "1969-12-31T23:59:59.999999Z"
    assert steadyhum.rfc3339(2**62) is None
    assert steadyhum.rfc3339(2**63 * 10**6) is None


def test_topics():
    topics = Topics("steadyhum", "plant", "gateway")
    assert topics.availability == "steadyhum/plant/gateway/availability"
    assert topics.sensor("pump 7", "event") == "steadyhum/plant/gateway/pump 7/event"


@pytest.mark.parametrize("part", ["", "a/b", "+", "#", "a\0", "a\n", "$SYS", "x" * 300, "a\x85", "a\ud800"])
def test_parts_that_mqtt_forbids_are_refused(part):
    for name in ("prefix", "site", "device"):
        with pytest.raises(ConfigError, match=name):
            Topics(**{"prefix": "p", "site": "s", "device": "d", name: part})
    with pytest.raises(ConfigError, match="sensor"):
        Topics("p", "s", "d").sensor(part, "state")


@given(
    st.text(max_size=40),
    st.floats(),
    st.integers(-(2**62), 2**62),
    st.lists(st.tuples(st.text(max_size=5), st.floats()), max_size=12),
)
def test_any_verdict_becomes_strict_json(text, score, time_us, contributions):
    alarm = Alarm(text, AlarmKind.ANOMALY, time_us, score, text)
    told = Verdict(time_us, score, score, False, alarm, Transition.NEW, tuple(contributions))
    for body in (
        steadyhum.event_message(told, 1, text, STAMP),
        steadyhum.state_message(told, STAMP),
        steadyhum.score_message(told, 1),
    ):
        json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert b"\n" not in body


def test_model_of_a_manifest():
    told = steadyhum.model_summary(manifest(channels=("x", "y")), "cd" * 32)
    assert (told.name, told.detector, told.version, told.supported) == ("rms", "rms", "1", True)
    assert told.sha256 == "cd" * 32
    assert told.bands["power y"] == ("g2", None, None)
