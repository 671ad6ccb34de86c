"""What the code offers is in the documents, and what the documents' tables name is in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs import configuration, messages, reference
from docs import reference_tables as tables
from edge_runtime.configuration.config import Config
from edge_runtime.core import exit_codes
from edge_runtime.core.records import FaultKind
from edge_runtime.doctor.checks import Check
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SETS = ("set_trouble",)
"""Methods of Health that name a trouble."""


def trees(*folders: Any) -> Iterator[Any]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def text_of(node: Any) -> Any:
    """A literal text; {} where an f-string has a value; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def table_names(page: Any) -> Any:
    """The first cell of every row of a page's tables."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_the_pages_are_what_the_code_says() -> None:
    """Written by `make docs`; every row has a meaning."""
    for path, text in reference.pages().items():
        assert path.read_text(encoding="utf-8") == text, path
        assert not re.findall(r"^\| .*\|  +\|$", text, re.MULTILINE), path
    assert {path.name for path in reference.FOLDER.iterdir()} == {path.name for path in reference.pages()}


def test_every_check_is_used_and_every_finding_is_a_check() -> None:
    used = reference.finding_levels()
    assert set(used) == {check.name for check in Check}
    for path, tree in trees("edge_runtime/doctor"):
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id in reference.LEVELS
            ):
                assert text_of(call.args[0]) is None, f"{path.name}: a text where a Check belongs"


def documented_figures() -> Any:
    """Names of figures as the code writes them, `{}` for the class."""
    names = {
        re.sub(r"^(spool|door|commands|recording|evidence|history)\.", "", name) for name in tables.FIGURES
    }
    return {name.replace("<class>", "{}") for name in names} | {
        name.replace("<kind>", "{}") for name in tables.SENSOR_FIGURES
    }


def counted(tree: Any) -> Iterator[Any]:
    """Texts that name a figure: dotted ones with a known beginning, and the keys in functions `figures`."""
    for node in ast.walk(tree):
        text = text_of(node)
        if text and re.fullmatch(r"(mqtt|inbox|clock|alarm|telemetry|salvaged|dead|\{\})\.[a-z_.{}]+", text):
            yield text
        if isinstance(node, ast.FunctionDef) and node.name == "figures":
            for part in ast.walk(node):
                keys = part.keys if isinstance(part, ast.Dict) else []
                keys = [part.slice] if isinstance(part, ast.Subscript) else keys
                keys = [part.key] if isinstance(part, ast.DictComp) else keys
                yield from (text for key in keys if (text := text_of(key)))


def test_every_health_figure_is_documented_and_none_that_does_not_exist() -> None:
    found: set[Any] = set()
    for _, tree in trees(
        "edge_runtime/mqtt",
        "edge_runtime/spool",
        "edge_runtime/gateway",
        "edge_runtime/core",
        "edge_runtime/door",
    ):
        found.update(counted(tree))
    internal = {name for name in found if name.endswith((".id", "{}.{}"))}
    general = {re.sub(r"^(alarm|telemetry)\.", "{}.", name) for name in found - internal}
    documented = {re.sub(r"^(alarm|telemetry)\.", "{}.", name) for name in documented_figures()}
    assert general - documented == set()
    assert documented - general == set()


def test_a_spools_figures_are_documented(tmp_path: Path) -> None:
    with Spool(tmp_path, SpoolLimits()) as spool:
        for klass in MessageClass:
            spool.put(klass, "t", lambda _seq, _epoch: b"x")
        seen = {re.sub(r"^(alarm|telemetry)\.", "<class>.", name) for name in spool.figures()}
    documented = {name.removeprefix("spool.").replace("alarm.", "<class>.") for name in tables.FIGURES}
    assert seen <= documented


def test_every_trouble_is_documented() -> None:
    found = set()
    for _, tree in trees("edge_runtime"):
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in SETS:
                found.add(text_of(call.args[0]))
    assert found == {re.sub("<[a-z]+>", "{}", name) for name in tables.TROUBLES}


def test_every_exit_code_is_documented_and_no_other() -> None:
    named = {
        value for name, value in vars(exit_codes).items() if name[0].isupper() and isinstance(value, int)
    }
    for _, tree in trees("edge_runtime", "trainer"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Constant):
                continue
            name = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
            if re.fullmatch(r"exit_code|\w*EXIT\w*|WARNINGS_ONLY", name):
                assert isinstance(node.value.value, int)
                named.add(node.value.value)
    rows = re.findall(r"^\| (\d+) \|", (reference.FOLDER / "exit_codes.md").read_text(), re.MULTILINE)
    assert {int(code) for code in rows} == named | {0}


VARIABLE = r"[A-Z][A-Z0-9_]+"
READ = re.compile(
    rf"""environ(?:\.get\(|\.setdefault\(|\[)\s*["']({VARIABLE})|getenv\(\s*["']({VARIABLE})"""
    rf"""|["']({VARIABLE})["'] (?:not )?in os\.environ"""
)


def variables_read() -> Iterator[Any]:
    """Names of environment variables in Python, shell, units and containers."""
    for path, tree in trees("edge_runtime", "trainer", "deploy", "tests"):
        text = path.read_text(encoding="utf-8")
        found = {name for groups in READ.findall(text) for name in groups if name}
        if "os.environ" in text and "tests" not in path.parts:  # what is handed to a child of ours
            parts = [text_of(node) for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            found |= {
                part for part in parts if part and re.fullmatch(rf"{VARIABLE}_THREADS|[A-Z_]*PATH", part)
            }
            found |= {"PYTHONUNBUFFERED"} & set(filter(None, parts))
        yield from found
    yield from re.findall(
        rf"\$\{{({VARIABLE}):[-?]", "".join(map(Path.read_text, ROOT.glob("deploy/**/*.sh")))
    )
    for pattern in ("deploy/debian/*.service", "deploy/container/*"):
        for path in ROOT.glob(pattern):
            text = path.read_text(encoding="utf-8")
            lines = re.findall(r"^(?:Environment=|ENV )(.*)$", text, re.MULTILINE)
            yield from (word.split("=")[0] for line in lines for word in line.split())
            yield from re.findall(rf"\$\{{({VARIABLE}):\?", text)


def test_every_environment_variable_is_documented_and_none_that_is_not_read() -> None:
    completion = {f"_{program.upper().replace('-', '_')}_COMPLETE" for program in reference.PROGRAMS}
    assert set(tables.ENVIRONMENT) == set(variables_read()) | completion


def test_tables_of_published_fields_and_settings_name_what_exists() -> None:
    fields = {name for message in messages.MESSAGES for name in property_names(messages.schema(message))}
    fields.add("status")  # of availability, whose body is the text alone
    named = set(
        re.findall(r"^\| `([a-z0-9_.\[\]]+)` \| ", (ROOT / "docs/protocol.md").read_text(), re.MULTILINE)
    )
    assert named == fields
    keys = [row.split("`")[1] for row in configuration.rows(Config, "")]
    assert table_names("configuration.md") == keys


def property_names(schema: Any, at: str = "") -> Iterator[Any]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{at}{name}"
        yield from property_names(inner, f"{at}{name}.")
        yield from property_names(inner.get("items", {}), f"{at}{name}[].")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_dotted_names_in_the_documents_exist(path: Any) -> None:
    """`spool.max_bytes` and the like: a key, a figure, a check or a published field."""
    keys = {row.split("`")[1] for row in configuration.rows(Config, "")}
    figures = set(tables.FIGURES) | {f"faults.{kind}" for kind in FaultKind} | {"faults.<kind>"}
    figures |= {name.replace("<class>", str(klass)) for name in tables.FIGURES for klass in MessageClass}
    known = keys | figures | {str(check) for check in Check}
    areas = "broker|site|sensor|spool|report|mqtt|inbox|port|line|model|certificate|state|disk"
    spans = re.findall(rf"`((?:{areas})\.[a-z_][a-z_.<>\[\]]*)`", path.read_text(encoding="utf-8"))
    published = {name for message in messages.MESSAGES for name in property_names(messages.schema(message))}
    unknown = {
        name
        for name in spans
        if name not in known | published
        and not name.endswith((".py", ".md", ".conf", ".db", ".html", ".onnx"))
    }
    assert not unknown
