"""Topics and bodies, as a subscriber sees them."""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs import messages
from edge_runtime.book import (
    AlarmMoment,
    Evidence,
    Finding,
    FoundLine,
    Judgement,
    Record,
    Shelving,
    Verity,
)
from edge_runtime.core import ModelSummary, model_summary
from edge_runtime.core.errors import ConfigError
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict
from edge_runtime.messages import (
    bodies,
    handling_bodies,
    retained,
    retained_bodies,
    shadow,
    shadow_body,
    steadyhum,
)
from edge_runtime.messages.parts import rfc3339
from edge_runtime.messages.topics import Topics
from tests.artefacts import manifest
from tests.edge.recorded_messages import (
    CONDITIONS,
    FAULT,
    HEALTH,
    INFO,
    MANY,
    RECORDED,
    SCORES,
    SHADOWS,
    STATES,
    VERDICTS,
    change_of,
    stamp,
    standing,
)
from tests.schemas import FORMATS

START_US = 1_767_225_600_250_000
MODEL = ModelSummary(
    "pump", "gaussian", "1", "ab" * 32, True, {"rms": ("g", None, None), "band1": ("g2", 10.0, 20.0)}
)
CONTEXT = (START_US + 3_000_000, True, MODEL)
ALARM = Alarm("01H", AlarmKind.ANOMALY, START_US, 7.5)


def verdict(
    transition: Any,
    alarm: Any = ALARM,
    score: float = 5.0,
    contributions: Any = (("band1", 0.75), ("rms", 0.25)),
) -> Any:
    return Verdict(START_US + 2_000_000, score, 1.5, score > 1.5, alarm, transition, contributions)


def event(*arguments: Any, **changes: Any) -> Any:
    change = change_of(verdict(*arguments, **changes), CONTEXT)
    return json.loads(steadyhum.event_message(change, 17, "e" * 32, clock_ok=True))


def test_a_new_alarm() -> None:
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
        "model": {
            "name": "pump",
            "version": "1",
            "detector": "gaussian",
            "sha256": "ab" * 32,
            "origin": "delivered",
        },
        "top_bands": [
            {"name": "band1", "share": 0.75, "unit": "g2", "low_hz": 10.0, "high_hz": 20.0},
            {"name": "rms", "share": 0.25, "unit": "g", "low_hz": None, "high_hz": None},
        ],
        "elapsed_s": 2.0,
        "machine": "pump",
        "incident": "01H",
        "members": ["DE", "FE"],
        "action": None,
        "by": "",
        "note": "",
        "acknowledged": None,
        "shelved": None,
        "suppressed": "",
        "latched": False,
        "active": True,
        "state": "",
        "evidence": [],
        "judgement": None,
        "diagnosis": [],
    }


def test_an_end_has_its_time() -> None:
    assert event(Transition.END)["end_time"] == "2026-01-01T00:00:02.250000Z"
    assert event(Transition.UPDATE)["end_time"] is None


def test_a_sensor_fault_has_no_score() -> None:
    alarm = Alarm("01S", AlarmKind.SENSOR, START_US, math.nan, "flat")
    body = event(Transition.NEW, alarm, math.nan, ())
    assert (body["kind"], body["reason"], body["score"], body["peak"]) == ("sensor_fault", "flat", None, None)
    assert body["top_bands"] == []


def test_only_the_largest_bands_are_named_and_unknown_ones_too() -> None:
    many = tuple((f"f{n}", 1.0 / (n + 1)) for n in range(100))
    bands = event(Transition.NEW, contributions=many)["top_bands"]
    assert [band["name"] for band in bands] == [f"f{n}" for n in range(bodies.MAX_BANDS)]
    assert bands[0] == {"name": "f0", "share": 1.0, "unit": "", "low_hz": None, "high_hz": None}


def test_state_is_on_while_the_anomaly_is_open() -> None:
    on = state(verdict(None))
    assert (on["alarm"], on["alarm_id"], on["kind"], on["peak"]) == ("ON", "01H", "anomaly", 7.5)
    assert (on["time"], on["schema"]) == ("2026-01-01T00:00:02.250000Z", 2)
    off = state(verdict(None, None))
    assert (off["alarm"], off["alarm_id"], off["start_time"], off["peak"]) == ("OFF", None, None, None)


def test_a_fault_is_in_the_state_of_schema_1_alone_and_its_score_never() -> None:
    both = standing(verdict(None, None), CONTEXT), stamp(CONTEXT)
    body = json.loads(retained.state_message(*both, (FAULT,)))
    assert (body["schema"], body["alarm"], body["kind"]) == (1, "ON", "sensor_fault")
    assert (body["score"], body["threshold"], body["peak"]) == (5.0, 1.5, None)
    assert json.loads(retained.state_message(*both, ()))["alarm"] == "OFF"
    anomaly = standing(verdict(None), CONTEXT), stamp(CONTEXT)
    assert json.loads(retained.state_message(*anomaly, (FAULT,)))["kind"] == "anomaly"
    assert json.loads(retained.state_message(*both))["alarm"] == "OFF"


def state(judged: Any) -> Any:
    return json.loads(retained.state_message(standing(judged, CONTEXT), stamp(CONTEXT)))


def test_score_is_small() -> None:
    body = steadyhum.score_message(verdict(None, None, score=0.5), 3)
    assert json.loads(body) == {
        "schema": 1,
        "time": "2026-01-01T00:00:02.250000Z",
        "window": 3,
        "score": 0.5,
        "threshold": 1.5,
        "exceeded": False,
    }


def test_health_keeps_its_shape_and_loses_what_is_not_finite() -> None:
    figures = {"a": math.inf, "b": [1, math.nan, None], "c": True}
    members = {**HEALTH, "figures": figures, "sensor": {1}}
    body = json.loads(steadyhum.health_message(members, START_US, clock_ok=False))
    assert body["figures"] == {"a": None, "b": [1, None, None], "c": True}
    assert body["clock_ok"] is False
    assert body["sensor"] == "{1}"


@pytest.mark.parametrize("replayed", [True, False])
def test_replayed_is_added_when_a_message_is_sent(replayed: bool) -> None:
    body = steadyhum.event_message(change_of(verdict(Transition.NEW), CONTEXT), 1, "e", clock_ok=True)
    sent = steadyhum.stamp_replayed(body, replayed=replayed)
    assert json.loads(sent) == {**json.loads(body), "replayed": replayed}


def test_an_event_stays_below_8_kib_with_all_that_can_be_known() -> None:
    lines = (FoundLine("2 BSF -2 FTF", 1234.56, 1234.5, 12.3456),) * 20
    findings = (Finding("x" * 40, "w" * 1000, 1.123456, "D", 1.123456, 1.123456, 1.123456, lines),) * 16
    evidence = tuple(
        Evidence(f"{'a' * 32}-{moment}", moment, "c" * 64, 10**9, 10.123456, True, findings)
        for moment in AlarmMoment
    )
    change = change_of(verdict(Transition.UPDATE, contributions=MANY), CONTEXT)
    alarm = replace(
        change.alarm,
        evidence=evidence,
        judgement=Judgement(Verity.MAINTENANCE, START_US, "w" * 100, "n" * 500),
        acknowledged=Record(START_US, "w" * 100, "n" * 500),
        shelved=Shelving(START_US, "w" * 100, "y" * 500, START_US),
        suppressed="s" * 200,
    )
    full = replace(change, alarm=alarm, by="w" * 100, note="n" * 500, members=("m" * 60,) * 16)
    body = steadyhum.event_message(full, 2**40, "e" * 32, clock_ok=True)
    assert len(body) < 8 * 1024
    said = json.loads(body)["diagnosis"]
    assert [len(each["lines"]) for each in said] == [bodies.MAX_LINES] * bodies.MAX_FINDINGS


def test_times_out_of_range_are_null() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999999Z"
    assert rfc3339(2**62) is None
    assert rfc3339(2**63 * 10**6) is None


def test_topics() -> None:
    topics = Topics("steadyhum", "plant", "gateway")
    assert topics.availability == "steadyhum/plant/gateway/availability"
    assert topics.sensor("pump 7", "event") == "steadyhum/plant/gateway/pump 7/event"


@pytest.mark.parametrize("part", ["", "a/b", "+", "#", "a\0", "a\n", "$SYS", "x" * 300, "a\x85", "a\ud800"])
def test_parts_that_mqtt_forbids_are_refused(part: str) -> None:
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
def test_any_verdict_becomes_strict_json(
    text: str, score: float, time_us: int, contributions: list[Any]
) -> None:
    alarm = Alarm(text, AlarmKind.ANOMALY, time_us, score, text)
    judged = Verdict(time_us, score, score, False, alarm, Transition.NEW, tuple(contributions))
    for body in (
        steadyhum.event_message(change_of(judged, CONTEXT), 1, text, clock_ok=False),
        retained.state_message(standing(judged, CONTEXT), stamp(CONTEXT)),
        steadyhum.score_message(judged, 1),
    ):
        json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert b"\n" not in body


def test_model_of_a_manifest() -> None:
    summary = model_summary(manifest(channels=("x", "y")), "cd" * 32)
    assert (summary.name, summary.detector, summary.version, summary.supported) == ("rms", "rms", "1", True)
    assert summary.sha256 == "cd" * 32
    assert summary.bands["power y"] == ("g2", None, None)


def recorded_again() -> Iterator[Any]:
    """Every recorded body made now, with the name of its schema, in the order of the recording."""
    events = [
        steadyhum.event_message(change_of(given, context), seq, "e" * 32, clock_ok=context[1])
        for seq, (given, context) in enumerate(VERDICTS, 1)
    ]
    yield from (("stored event", body) for body in events)
    yield from (("state", retained.state_message(*given)) for given in STATES)
    yield from (("condition", retained.condition_message(*given)) for given in CONDITIONS)
    yield "info", retained.info_message(*INFO)
    yield from (("score", steadyhum.score_message(given, n)) for n, given in enumerate(SCORES))
    yield "health", steadyhum.health_message(HEALTH, START_US, clock_ok=True)
    well = {**HEALTH, "status": "ok", "trouble": "", "troubles": {}}
    yield "health", steadyhum.health_message(well, 2**62, clock_ok=False)
    yield "probe", steadyhum.probe_message(START_US, clock_ok=True)
    yield from (("shadow", shadow.shadow_message(event, START_US, clock_ok=True)) for event in SHADOWS)
    for replayed in (True, False):
        yield "event", steadyhum.stamp_replayed(events[0], replayed=replayed)
    for name in messages.PLAIN:
        yield name, steadyhum.ONLINE
        yield name, steadyhum.OFFLINE


def test_bodies_are_those_that_were_recorded() -> None:
    assert [body for _, body in recorded_again()] == RECORDED


@pytest.mark.parametrize("name", messages.MESSAGES)
def test_every_body_fits_its_schema_and_the_schema_has_no_other_field(name: Any) -> None:
    schema = messages.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
    seen = [body for kind, body in recorded_again() if kind == name]
    assert seen
    for body in seen:
        value = body.decode() if name in messages.PLAIN else json.loads(body)
        validator.validate(value)
        if name not in messages.PLAIN:
            assert list(value) == list(schema["properties"])
            shorter = {key: value[key] for key in list(value)[1:]}
            assert not validator.is_valid(shorter)


def test_every_message_has_a_schema() -> None:
    nested = {bodies.ModelBody, bodies.BandBody, bodies.EventBody}
    nested |= {kind for kind in vars(handling_bodies).values() if isinstance(kind, type)}
    nested |= {retained_bodies.FaultBody, retained_bodies.SensorInfoBody, retained_bodies.OpenBody}
    kinds = (*vars(bodies).values(), *vars(retained_bodies).values(), *vars(shadow_body).values())
    declared = {kind for kind in kinds if dataclasses.is_dataclass(kind)}
    assert declared - nested == {message.body for message in messages.MESSAGES.values()}


def test_the_page_and_the_schemas_are_what_the_code_says() -> None:
    """Written by `python -m docs.messages`."""
    for path, text in messages.files().items():
        assert path.read_text(encoding="utf-8") == text, path
