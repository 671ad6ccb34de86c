"""Writes the pages in docs/reference from the code: `python -m docs.reference`."""

import ast
import dataclasses
import inspect
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import typer

from docs import reference_tables as tables
from edge_runtime import cli, door
from edge_runtime.core import EdgeError, FaultKind, errors
from edge_runtime.doctor import checks
from edge_runtime.gateway import door_methods
from edge_runtime.gateway.commissioning.methods import CommissionRequests, commission_methods
from edge_runtime.gateway.evidence.methods import EvidenceRequests, evidence_methods
from edge_runtime.gateway.history.methods import history_methods
from edge_runtime.gateway.page_methods import PageCodes, page_methods
from edge_runtime.gateway.recording.methods import recording_methods
from trainer.cli import app as trainer_app
from trainer.core import errors as trainer_errors

FOLDER = Path(__file__).parent / "reference"
ROOT = FOLDER.parents[1]
PROGRAMS = {"edge-runtime": cli.app, "trainer": trainer_app.app}
LEVELS = {"ok": "ok", "skipped": "skipped", "warning": "warning", "fault": "fault", "refused": "fault"}
"""By the function of edge_runtime.doctor.findings that makes one."""
KINDS = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}
SYSEXITS = {getattr(os, name): name for name in dir(os) if name.startswith("EX_")}


def pages() -> Mapping[Path, str]:
    """Return every page with its text."""
    made = {
        "commands": commands_page(),
        "methods": methods_page(),
        "findings": findings_page(),
        "health": health_page(),
        "exit_codes": exit_codes_page(),
        "environment": environment_page(),
    }
    return {FOLDER / f"{name}.md": "\n".join(lines) + "\n" for name, lines in made.items()}


def commands_page() -> Iterator[str]:
    """Every command of both programs with its arguments and options, as typer knows them."""
    yield "# Commands"
    yield ""
    yield "Every command has `--help`. Exit codes are in [exit_codes.md](exit_codes.md)."
    for program, app in PROGRAMS.items():
        yield from _command(typer.main.get_command(app), program, 2)


def methods_page() -> Iterator[str]:
    """What can be asked through the local socket, what is subscribed to, and the codes of errors."""
    lent: Any = SimpleNamespace(book=None, publish=None)
    yield "# Methods of the local socket"
    yield ""
    yield "See [protocol.md](../protocol.md). `hello` and `subscribe` are there beside these. Methods that"
    yield "change something leave a record of who, when and what; those with a topic are commands over MQTT."
    yield from ("", "| method | access | parameters | topic | meaning |", "|---|---|---|---|---|")
    own = door_methods.methods((), lent, lent, lent).methods
    lent_ones = (
        *commission_methods(CommissionRequests(lent, lent)),
        *evidence_methods(EvidenceRequests(lent, lent)),
        *history_methods(lent),
        *recording_methods(lent),
        *page_methods(PageCodes()),
    )
    for method in (*own, *lent_ones):
        hints = get_type_hints(method.params)
        named = [
            f"`{field.name}`: {KINDS[hints[field.name]]}"
            + ("" if field.default is dataclasses.MISSING else ", optional")
            for field in dataclasses.fields(method.params)
        ]
        topic = f"`<base>/cmd/{method.name}`" if method.mqtt else ""
        parameters = "; ".join(named) or "none"
        yield f"| `{method.name}` | {method.access} | {parameters} | {topic or 'none'} | {method.about} |"
    for title, kind in (("Subscriptions", door.Topic), ("Codes of errors", door.Code)):
        yield from ("", f"## {title}", "", "| name | meaning |", "|---|---|")
        said = member_docs(kind)
        yield from (f"| `{item}` | {said[item.name]} |" for item in kind)


def _command(command: Any, name: str, level: int) -> Iterator[str]:
    parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [
        parameter.metavar or parameter.name.upper() for parameter in parameters if _is_argument(parameter)
    ]
    yield from ("", f"{'#' * level} `{' '.join([name, *arguments])}`", "", _line(command.help))
    if parameters:
        yield from ("", "| parameter | default | meaning |", "|---|---|---|")
    for parameter in parameters:
        names = ", ".join(f"`{item}`" for item in [*parameter.opts, *parameter.secondary_opts])
        if _is_argument(parameter):
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        given = "required" if parameter.required else _default(parameter.default)
        yield f"| {names} | {given} | {_line(parameter.help)} |"
    for inner, child in getattr(command, "commands", {}).items():
        yield from _command(child, f"{name} {inner}", level + 1)


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _default(value: object) -> str:
    return "" if value is None or value is False or value == "" else f"`{value}`"


def findings_page() -> Iterator[str]:
    """Every check of the doctor with the levels its findings can have."""
    said, levels = member_docs(checks.Check), finding_levels()
    yield "# What the doctor finds"
    yield ""
    yield "`edge-runtime doctor` prints level, check, what was examined and what is wrong; below it the"
    yield "remedy for this case. In the order of the examination:"
    yield from ("", "| check | levels | meaning | remedy |", "|---|---|---|---|")
    for check in checks.Check:
        meaning, _, remedy = said[check.name].partition("Remedy: ")
        remedy = remedy[:1].upper() + remedy[1:]
        yield f"| `{check}` | {', '.join(sorted(levels[check.name]))} | {meaning.strip()} | {remedy} |"


def finding_levels() -> Mapping[str, set[str]]:
    """Return the levels of each check's findings by the member's name, from the doctor's own calls."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path(checks.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            statement.target.id: statement.value
            for statement in tree.body
            if isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in LEVELS:
                for name in _members(call.args[0], constants):
                    found[name].add(LEVELS[call.func.id])
    return found


def _members(node: ast.AST, constants: Mapping[str, ast.AST]) -> Iterator[str]:
    """Yield the members of Check named in an expression and in the module's constants that it names."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "Check":
            yield part.attr
        elif isinstance(part, ast.Name) and part.id in constants:
            yield from _members(constants[part.id], {})


def member_docs(kind: type[StrEnum]) -> dict[str, str]:
    """Find the docstring under each member of an enumeration, which Python itself does not keep."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    found = {}
    for statement, after in pairwise(tree.body if isinstance(tree, ast.ClassDef) else []):
        if isinstance(statement, ast.Assign) and isinstance(after, ast.Expr):
            found[ast.unparse(statement.targets[0])] = _line(str(ast.literal_eval(after.value)))
    return found


def health_page() -> Iterator[str]:
    """Every counter, gauge and trouble of the health message."""
    yield "# Health"
    yield ""
    yield "Members of the [health message](../protocol.md): `sensor` and `figures` hold gauges and"
    yield "counters, which start at 0 with the service (those of the spool with its file). A counter appears"
    yield "when it first counts."
    for title, figures in (("sensor", tables.SENSOR_FIGURES), ("figures", tables.FIGURES)):
        yield from ("", f"## `{title}`", "", "| name | kind | meaning |", "|---|---|---|")
        yield from (f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in figures.items())
    yield from ("", "`<class>` is `alarm` or `telemetry`. Kinds of faults:")
    yield from ("", "| kind | meaning |", "|---|---|")
    said = member_docs(FaultKind)
    yield from (f"| `{kind}` | {said[kind.name]} |" for kind in FaultKind)
    yield from ("", "## `troubles`", "", "| name | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in tables.TROUBLES.items())


def exit_codes_page() -> Iterator[str]:
    """Every exit code of both programs; those of refusals from the tree of errors."""
    meanings = defaultdict(list, {code: [text] for code, text in tables.EXIT_CODES.items()})
    for error in refusals():
        meanings[error.exit_code].append(f"`{error.__name__}`: {_line(inspect.getdoc(error))}")
    yield "# Exit codes"
    yield ""
    yield "Of both programs, after sysexits.h. A refusal is one line on standard error: where, what, remedy."
    yield from ("", "| code | name | meaning |", "|---|---|---|")
    for code, texts in sorted(meanings.items()):
        yield f"| {code} | {SYSEXITS.get(code, '')} | {' '.join(texts)} |"


def refusals() -> Iterator[type[EdgeError]]:
    """Yield every class of error of both programs, their bases left out."""
    for module in (errors, trainer_errors):
        for kind in vars(module).values():
            known = isinstance(kind, type) and issubclass(kind, EdgeError)
            if known and kind not in (EdgeError, trainer_errors.TrainerError):
                yield kind


def environment_page() -> Iterator[str]:
    """Every environment variable that code, units or scripts read or set."""
    yield "# Environment variables"
    yield from ("", "| variable | read or set by | meaning |", "|---|---|---|")
    yield from (f"| `{name}` | {by} | {meaning} |" for name, (by, meaning) in tables.ENVIRONMENT.items())


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
