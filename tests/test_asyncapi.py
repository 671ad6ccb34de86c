"""The AsyncAPI document: valid, complete, and what the code says; and the schemas of commands."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs import asyncapi
from docs.command_schemas import EXCHANGES
from docs.messages import MESSAGES
from edge_runtime.core import EdgeError
from edge_runtime.door.envelope import read_envelope
from edge_runtime.messages import Topics
from tests.schemas import FOLDER, problem_of, wrong

DOCUMENT = json.loads(asyncapi.DOCUMENT.read_text())
NAMES = [*MESSAGES, *EXCHANGES]
TOPICS = Topics("{prefix}", "{site}", "{device}")
COMMAND = {
    "v": 1,
    "device": "plant/gateway",
    "by": "panel",
    "counter": 7,
    "sent": "2026-11-26T04:00:00Z",
    "params": {"alarm": "0d9a"},
}
BASE = "steadyhum/plant/gateway/"


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def found(reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_the_files_are_what_the_code_says() -> None:
    """Written by `python -m docs.asyncapi`."""
    for path, text in asyncapi.files().items():
        assert path.read_text() == text, path


def test_the_folder_has_the_schema_of_every_message_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {name.replace(" ", "-") for name in NAMES}


def test_it_has_the_members_that_asyncapi_3_demands() -> None:
    """Members and kinds of AsyncAPI 3.0.0, of the objects that are used here."""
    assert re.fullmatch(r"3\.0\.\d+", DOCUMENT["asyncapi"])
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    known = {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    assert DOCUMENT.keys() == known
    for name, channel in DOCUMENT["channels"].items():
        assert re.fullmatch(r"[A-Za-z0-9_\-]+", name)
        assert set(re.findall(r"\{([^}]*)\}", channel["address"])) == channel["parameters"].keys()
        assert channel["messages"]
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        found(channel)
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/"), "a message of its own channel"
        binding = operation["bindings"]["mqtt"]
        assert binding.keys() <= {"qos", "retain", "messageExpiryInterval", "bindingVersion"}
        assert binding["qos"] in (0, 1)
        assert isinstance(binding["retain"], bool)
    for message in DOCUMENT["components"]["messages"].values():
        assert message.keys() <= {"name", "title", "summary", "description", "contentType", "payload"}


def test_every_reference_leads_somewhere_and_everything_is_used() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node}
    for reference in references:
        assert isinstance(found(reference), dict), reference
    parts = DOCUMENT["components"]
    for kind in ("messages", "schemas"):
        assert {f"#/components/{kind}/{name}" for name in parts[kind]} <= references


def test_every_topic_and_every_message_is_in_it() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    ours = {TOPICS.availability, TOPICS.info, f"{TOPICS.commands}{{verb}}", f"{TOPICS.replies}{{asker}}"}
    ours |= {f"{TOPICS.evidence}{{asker}}", f"{TOPICS.base}bridge"}
    ours |= {"{discovery}/device/{node}/{name}/config", "{discovery}/status"}
    ours |= {
        TOPICS.sensor("{sensor}", leaf)
        for leaf in ("availability", "state", "condition", "event", "shadow", "health", "score")
    }
    assert addresses == ours
    operated = [each["messages"][0]["$ref"].rpartition("/")[2] for each in DOCUMENT["operations"].values()]
    assert sorted(operated) == sorted(DOCUMENT["components"]["messages"])
    assert sorted(each["title"] for each in DOCUMENT["components"]["messages"].values()) == sorted(NAMES)


def test_its_schemas_are_those_of_the_folder() -> None:
    titles = {each["title"]: each["payload"]["$ref"] for each in DOCUMENT["components"]["messages"].values()}
    for name, reference in titles.items():
        shipped = json.loads((FOLDER / f"{name.replace(' ', '-')}.json").read_text())
        jsonschema.Draft202012Validator.check_schema(shipped)
        assert found(reference) == {key: value for key, value in shipped.items() if key != "$schema"}


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"device": 7},
        {"by": ""},
        {"by": "x" * 65},
        {"counter": -1},
        {"counter": "7"},
        {"counter": 2**54},
        {"sent": "yesterday"},
        {"expires": 5},
        {"params": [1]},
        {"more": 1},
    ],
)
def test_a_command_fits_where_the_device_reads_it_and_not_where_it_does_not(change: Any) -> None:
    for right in (COMMAND, {**COMMAND, "expires": "2026-11-26T04:01:00Z"}, {**COMMAND, "params": None}):
        body = json.dumps(right).encode()
        assert read_envelope(body).by == "panel"
        assert problem_of("command", body) == ""
    body = json.dumps({**COMMAND, **change}).encode()
    with pytest.raises(EdgeError):
        read_envelope(body)
    assert problem_of("command", body)


def test_what_fits_no_schema_is_seen(tmp_path: Path) -> None:
    """The check that real services are held against."""
    assert wrong([(f"{BASE}availability", b"online"), (f"{BASE}bridge", b"1")], BASE) == []
    assert wrong([(f"{BASE}pump/state", b""), (f"{BASE}cmd/x", b"?"), ("elsewhere", b"?")], BASE) == []
    for topic, body in (
        ("availability", b"stopped"),
        ("pump/availability", b"1"),
        ("pump/state", b"{}"),
        ("pump/event", b"no JSON"),
        ("pump/other", b"{}"),
        ("reply/panel", b'{"v":1,"device":"a/b","verb":"x","result":1,"error":1}'),
    ):
        assert len(wrong([(BASE + topic, body)], BASE)) == 1, topic
