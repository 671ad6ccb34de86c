"""What is installed comes by hash; what is shipped was tested; bills of materials say what that is."""

import json
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.debian.wheels import EXTENSIONS
from deploy.debian.wheels import lock_file as package_lock
from deploy.locking.bill import INSTALLS, bill_of
from deploy.locking.closure import BUILD, DEVELOPMENT, closure, platform
from deploy.locking.lock import MACHINES, PYTHONS, SOURCE, TORCH, lock_file, read_lock, read_locks
from tests.deploy.heavy import ROOT

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINE = re.compile(
    r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+"
    r"( ; platform_machine == '(x86_64|aarch64)')?"
    r"( --hash=sha256:[0-9a-f]{64})+"
)


@pytest.mark.parametrize("what", ["", TORCH, SOURCE, "cuda"])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_line_of_a_lock_has_a_version_and_hashes(python: Any, what: Any) -> None:
    lines = lock_file(python, what).read_text().splitlines()
    assert len(lines) > 1
    assert [line[:60] for line in lines[1:] if not LINE.fullmatch(line)] == []


def test_pytorch_for_the_cpu_is_the_version_of_the_lock() -> None:
    """No processor passes the line over: where the build is not found, setup takes PyPI's."""
    for path in (ROOT / "deploy").glob("tested-torch-cpu-*.txt"):
        _, line = path.read_text().splitlines()
        python = path.stem.rpartition("python")[2]
        assert line.startswith(f"torch=={read_locks(python)[TORCH].version}+cpu --hash=sha256:")


@pytest.mark.parametrize("python", PYTHONS)
def test_a_lock_has_all_that_the_project_asks_for(python: Any) -> None:
    """Within the project's own ranges; `make lock` after a dependency was added."""
    locked = read_locks(python)
    texts = [*PROJECT["dependencies"]]
    texts += [text for extra in DEVELOPMENT for text in PROJECT["optional-dependencies"][extra]]
    for requirement in map(Requirement, texts):
        found = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(found.version), (found.name, found.version)
    assert BUILD in locked


@pytest.mark.parametrize("machine", MACHINES)
def test_a_lock_is_complete(machine: Any) -> None:
    """pip is not to look for anything beside it: everything that a package needs is there too."""
    locked = read_locks(HERE)
    needed = closure(DEVELOPMENT, platform(HERE, machine))
    assert {name for name in needed if machine not in getattr(locked.get(name), "machines", ())} == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_shipped_was_tested(python: Any) -> None:
    """The packages' wheels have the versions of the development's lock, and its files."""
    tested = read_locks(python)
    for name, shipped in read_lock(package_lock(python)).items():
        assert shipped.version == tested[name].version, name
        assert shipped.hashes <= tested[name].hashes, name


@pytest.mark.parametrize("python", PYTHONS)
def test_what_the_package_compiles_is_known_to_have_been_compiled(python: Any) -> None:
    sources = read_lock(lock_file(python, SOURCE)).keys() & read_lock(package_lock(python)).keys()
    assert sources == EXTENSIONS.keys()


def test_all_pythons_have_the_same_versions() -> None:
    of_all = [{name: locked.version for name, locked in read_locks(python).items()} for python in PYTHONS]
    shared = set.intersection(*map(set, of_all))
    assert len(shared) > 80
    assert [name for name in sorted(shared) if len({versions[name] for versions in of_all}) > 1] == []


def test_setup_installs_nothing_without_a_hash() -> None:
    """Every pip in it goes through one function, and only the project itself comes without a hash."""
    text = (ROOT / "deploy/setup.sh").read_text()
    assert len(re.findall(r"-m pip\b", text)) == 1
    assert "--no-build-isolation" in text, "pip would fetch what it builds with"
    calls = re.findall(r"(?m)^\s*(?:by_hash\(\) \{ )?pip_install (.*)$", text)
    assert [call for call in calls if "--require-hashes" not in call] == ["-e ."]


def test_pip_takes_the_lock() -> None:
    """Each line is one that pip understands, marks and hashes included; nothing is installed or fetched."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--no-index",
        "--require-hashes",
    ]
    done = subprocess.run(
        [*command, "-r", lock_file(HERE)], capture_output=True, text=True, check=False, timeout=120
    )
    assert "Invalid requirement" not in done.stderr
    assert "Hashes are required" not in done.stderr


@pytest.mark.parametrize("install", INSTALLS)
def test_a_bill_of_materials_is_one(install: Any) -> None:
    """The fields that CycloneDX 1.5 demands, references that lead somewhere, and the lock's versions."""
    body = json.loads(bill_of(install))
    assert (body["bomFormat"], body["specVersion"], body["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["metadata"]["timestamp"])
    own = body["metadata"]["component"]
    references = [own["bom-ref"], *(part["bom-ref"] for part in body["components"])]
    assert len(set(references)) == len(references)
    locked = read_locks(HERE)
    for part in body["components"]:
        assert (part["type"], part["purl"]) == ("library", part["bom-ref"])
        assert re.fullmatch(r"pkg:pypi/[a-z0-9.-]+@[A-Za-z0-9.]+", part["purl"])
        assert locked[canonicalize_name(part["name"])].version == part["version"]
        assert all(re.fullmatch("[0-9a-f]{64}", item["content"]) for item in part["hashes"])
        assert {item["alg"] for item in part["hashes"]} == {"SHA-256"}
        assert part["licenses"][0]["license"]["name"]
    for item in body["dependencies"]:
        assert {item["ref"], *item["dependsOn"]} <= set(references)


def test_the_bills_hold_what_is_imported() -> None:
    names = {
        install: {canonicalize_name(part["name"]) for part in json.loads(bill_of(install))["components"]}
        for install in INSTALLS
    }
    assert {"numpy", "onnxruntime", "paho-mqtt", "pyserial", "cobs"} <= names["edge"]
    assert not names["edge"] & {"torch", "scipy", "onnx", "scikit-learn"}
    assert {"torch", "onnx", "scikit-learn", *names["edge"]} <= names["trainer"]
