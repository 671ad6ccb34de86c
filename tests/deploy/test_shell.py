"""Every shell script of the project: a shell can read it, and shellcheck finds nothing in it."""

import shutil
import subprocess
from typing import Any

import pytest

from tests.deploy.heavy import ROOT

FILES = [
    file for folder in ("deploy", ".ci") for file in sorted((ROOT / folder).rglob("*")) if file.is_file()
]
SCRIPTS = [file for file in FILES if file.read_bytes()[:64].split(b"\n")[0].endswith((b"bin/sh", b"bash"))]


def test_all_are_found() -> None:
    names = {str(file.relative_to(ROOT)) for file in SCRIPTS}
    assert {
        ".ci/run",
        "deploy/provision",
        "deploy/provisioning/install.sh",
        "deploy/debian/postinst",
    } <= names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_shell_reads_it(script: Any) -> None:
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="not installed: apt install shellcheck")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", *SCRIPTS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
