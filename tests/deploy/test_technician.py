"""docs/technician.md says what is there: commands, files, columns, pictures, and the doctor's own words."""

import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from deploy.provisioning.sheet import OPTIONAL, REQUIRED, read_sheet
from tests.broker import needs_mosquitto
from tests.deploy.heavy import ROOT
from tests.deploy.technician_walk import (
    LEARNS,
    NEEDS_A_PLANT,
    OFFICE,
    Walk,
    block,
    lines,
    to_the_first_alarm,
)

TEXT = (ROOT / "docs/technician.md").read_text()
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
PARTS = "os|alarm|service|port|line|sensor|model|broker|certificate|state|disk|spool|secrets"
CHECK = re.compile(rf'"((?:{PARTS})\.[a-z_]+)"')


def test_every_check_is_one_of_the_doctors() -> None:
    said = set(re.findall(r"`([a-z]+\.[a-z_]+)`", TEXT.split("| it says")[1].split("## 6")[0]))
    code = "".join(file.read_text() for file in (ROOT / "edge_runtime/doctor").glob("*.py"))
    assert said <= set(CHECK.findall(code))
    assert len(said) > 30


def test_the_sheet_is_a_fleet_sheet(tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_text(re.search(r"```\n(device,.*?)```", TEXT, re.DOTALL)[1])
    devices = read_sheet(tmp_path / "fleet.csv")
    assert [(device.name, len(device.sensors)) for device in devices] == [("pump-7", 2), ("fan-1", 1)]
    assert all(f"`{column}`" in TEXT for column in OPTIONAL)
    assert set(REQUIRED) == set(re.search(r"```\n(device,.*)", TEXT)[1].split(","))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\((pictures/[^)]+)\)", TEXT))))
def test_a_picture_is_there_and_says_what_it_shows(name: Any) -> None:
    root = ET.parse(ROOT / "docs" / name).getroot()
    assert root.get("role") == "img"
    assert len(root.attrib["aria-label"]) > 20


def test_commands_and_files_exist() -> None:
    for path in set(re.findall(r"\b(deploy/[a-z]+(?:[/.][a-z.]+)?)\b", TEXT)):
        assert (ROOT / path).exists(), path
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE)) <= set(targets)
    command = [sys.executable, "-m", "deploy.provisioning", "--help"]
    wide = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    said = set(OPTION.findall(subprocess.check_output(command, text=True, cwd=ROOT, env=wide)))
    for verb in ("init", "acl"):
        command = [sys.executable, "-m", "deploy.certification", verb, "--help"]
        said |= set(OPTION.findall(subprocess.check_output(command, text=True, cwd=ROOT, env=wide)))
    for words in (["alarms", "acknowledge"], ["alarms", "shelve"], ["record"]):
        command = [sys.executable, "-m", "edge_runtime", *words, "--help"]
        said |= set(OPTION.findall(subprocess.check_output(command, text=True, cwd=ROOT, env=wide)))
    of_others = {"--cafile", "--cert", "--key", "--json", "--python", "--with-shadow"}
    assert set(OPTION.findall(TEXT)) - of_others <= said


def test_every_command_of_the_page_is_typed_or_needs_a_plant() -> None:
    """By `python -m tests.deploy.technician_walk`."""
    typed = [
        shlex.join(words)
        for heading in ("A sensor that learns", "Alarms at the gateway")
        for words in block(heading)
    ]
    for line in lines(TEXT):
        known = line in OFFICE or line.startswith(NEEDS_A_PLANT) or line.endswith("edge-runtime doctor")
        assert known or shlex.join(shlex.split(line)) in typed, line
    verbs = [words[3] if words[3:] else "" for words in LEARNS if words[1] == "commission"]
    assert verbs == ["learn", "", "arm", "accept", "after-repair", "retire"]


@needs_mosquitto
def test_from_sheet_and_card_to_the_first_alarm_with_no_model_anywhere(tmp_path: Path) -> None:
    with Walk(tmp_path) as walk:
        to_the_first_alarm(walk, everything=False)
        assert not list(walk.etc.rglob("*.onnx"))
        assert len(walk.alarms()) == 1
