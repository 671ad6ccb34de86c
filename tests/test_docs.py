"""Documents that drift from the code fail here."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_runtime.cli.commands import app as edge_app
from edge_runtime.configuration import strict_toml
from edge_runtime.configuration.config import Config
from trainer.cli.app import app as trainer_app

APPS = {"edge-runtime": edge_app, "trainer": trainer_app}
ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^(?:sudo )?(edge-runtime|trainer) "
    r"([a-z-]+(?: (?:cwru|convert|list|acknowledge|shelve|unshelve|reset)\b)?)((?: +--[a-z-]+)?[^\n]*)",
    re.MULTILINE,
)


def helped(program: str, command: str) -> str | None:
    """What a command says of itself; None for one that does not exist."""
    said = CliRunner().invoke(
        APPS[program], [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )
    return said.stdout if said.exit_code == 0 else None


def test_every_command_in_the_documents_exists() -> None:
    wanted: dict[tuple[str, str], set[str]] = {}
    for path in DOCUMENTS:
        code = "\n".join(block or span for block, span in CODE.findall(path.read_text()))
        for program, command, rest in COMMAND.findall(code):
            options = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", rest.split("#")[0]))
            wanted.setdefault((program, command), set()).update(options)
    assert ("edge-runtime", "run") in wanted
    for (program, command), options in wanted.items():
        text = helped(program, command)
        assert text is not None, f"{program} {command} is documented and does not exist"
        missing = [option for option in options if option not in text]
        assert not missing, f"{program} {command} has no {missing}"


def test_the_page_of_settings_is_what_the_code_says() -> None:
    """Written by `make docs`; a setting without a description is one nobody can use."""
    page = ROOT / "docs" / "configuration.md"
    rendered = runpy.run_path(str(page.with_suffix(".py")))["render"]()
    assert page.read_text() == rendered
    assert not re.findall(r"^\| `.*\|  \|$", rendered, re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_configurations_in_the_documents_are_read(path: Any, tmp_path: Path) -> None:
    for index, block in enumerate(re.findall(r"^```toml\n(.*?)^```", path.read_text(), re.M | re.S)):
        if "state_folder" in tomllib.loads(block):
            config = tmp_path / f"{index}.toml"
            config.write_text(block)
            strict_toml.read(Config, config)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Any) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / link).exists(), link
