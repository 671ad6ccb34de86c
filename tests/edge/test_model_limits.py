"""The door for foreign models: structure, manifest, and what the child process finds."""

import json
from typing import Any

import onnx
import pytest

from edge_runtime.core.errors import ArtefactError
from edge_runtime.core.field_checks import FieldError
from edge_runtime.core.manifest import manifest_from_metadata
from edge_runtime.core.manifest_schema import read_body
from edge_runtime.models.graph_limits import check_graph
from edge_runtime.models.proving import prove_in_child
from tests.attack import hostile_files, models

CORPUS = hostile_files.corpus()


def test_the_honest_file_passes() -> None:
    check_graph(models.honest(), "")
    assert 0 < prove_in_child(models.honest(), "").window_s < 0.1


def test_names_are_different_and_there_are_many() -> None:
    assert len({item.name for item in CORPUS}) == len(CORPUS) >= 300


def refusal_of(check: Any, model: Any) -> Any:
    try:
        check(model, "")
    except ArtefactError as refusal:
        return refusal
    return None


@pytest.mark.parametrize("kind", ["loops", "structure"])
def test_what_the_structure_alone_shows(kind: str) -> None:
    """onnxruntime never sees these: a loop, a function, another domain, another file."""
    items = [item for item in CORPUS if item.kind == kind and "dims" not in item.name]
    refusals = {item.name: refusal_of(check_graph, item.model) for item in items}
    assert [name for name, refusal in refusals.items() if refusal is None or not refusal.remedy] == []


def test_manifests_with_one_field_changed() -> None:
    """What is read has the types that the program relies on, whatever the file says."""
    items = [item for item in CORPUS if item.kind == "manifest"]
    refusals = [refusal_of(check_manifest, item.model) for item in items]
    assert all(len(str(refusal)) < 2000 for refusal in refusals)
    assert sum(refusal is not None for refusal in refusals) > len(items) / 2


def check_manifest(model: Any, where: Any) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
    manifest = manifest_from_metadata(metadata, where)
    assert isinstance(manifest.samples, int)
    assert 1 <= manifest.hop <= manifest.samples
    assert manifest.policy.votes[0] <= manifest.policy.votes[1] <= 1000
    assert all(len(text) <= 200 for text in (manifest.name, manifest.unit, *manifest.channels))
    assert abs(manifest.threshold) <= 1e30


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("loud-gather-2.0", "fails on a window that is"),
        ("loud-nan-2.0", "not a number for a window that is"),
        ("loud-zero-3.0", "windows unlike any machine's normal vibration"),
        ("loud-minus-infinity-3.0", "windows unlike any machine's normal vibration"),
        ("loud-swell-1000000000-2.0", "depends on the window's values"),
        ("swelling-concat-34", "refuses it|cannot run it|memory|could not be tried"),
        ("swelling-nodes-30000", "more than 20000 nodes"),
        ("contributions-wide-2", r"contributions have the shape \[1, 2\]"),
        ("manifest-threshold-6", "threshold is"),
        ("manifest-twice", "is there twice"),
        ("manifest-deep", "without end"),
        ("manifest-votes-1000-2", "its alarms come too late"),
    ],
)
def test_one_of_each_kind_with_its_reason(name: str, says: str) -> None:
    (item,) = [item for item in CORPUS if item.name == name]
    with pytest.raises(ArtefactError, match=says) as refusal:
        prove_in_child(item.model, "model.onnx")
    assert "model.onnx" in str(refusal.value)
    assert refusal.value.remedy


def test_a_manifest_written_by_schema_1_still_reads_and_room_is_schema_2s() -> None:
    body = models.manifest_body()
    assert read_body(json.dumps(body), 1)["name"] == "pump"
    assert read_body(json.dumps(body | {"origin": {"k": 3}}), 2)["origin"] == {"k": 3}
    with pytest.raises(FieldError, match="power is no field"):
        read_body(json.dumps(body | {"power": None}), 1)
    with pytest.raises(FieldError, match="origin is"):
        read_body(json.dumps(body | {"origin": "here"}), 2)


FAULT = {
    "name": "level",
    "kind": "level",
    "what": "louder",
    "unit": "times",
    "worst_condition": "a",
    "at_hz": None,
    "alarm": 1.5,
    "worst": 1.4,
    "half": None,
    "most": None,
}
POWER = {
    "supported": True,
    "statement": "An alarm is raised by a level 1.5 times as high",
    "conditions": ["a"],
    "unit": "g",
    "within_s": 10.0,
    "largest": 100.0,
    "level": 0.1,
    "index": 1.5,
    "clipping": None,
    "faults": [FAULT],
    "breaks": [{"name": "missing x", "what": "x is gone", "heard": True}],
}


def test_what_a_file_states_of_its_power_is_checked_and_what_a_later_one_adds_is_left() -> None:
    body = models.manifest_body()
    later = POWER | {"faults": [FAULT | {"later": 1}], "later": {"any": []}}
    assert read_body(json.dumps(body | {"power": later}), 2)["power"] == later


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": "x" * 5000},
        {"statement": "a\nb"},
        {"supported": 1},
        {"faults": []},
        {"faults": [FAULT | {"alarm": "1.5"}]},
        {"faults": [FAULT | {"name": "\x1b[2J"}]},
        {"faults": [{"name": "level"}]},
        {"faults": [FAULT] * 300},
        {"breaks": [{"name": "missing x"}]},
        {"breaks": ["missing x"]},
        {"level": -1.0},
        {"conditions": [1]},
    ],
)
def test_a_statement_of_power_that_no_trainer_writes_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FieldError, match="power"):
        read_body(json.dumps(models.manifest_body() | {"power": POWER | changes}), 2)
