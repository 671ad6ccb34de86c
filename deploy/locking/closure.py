"""Which packages an install needs, read from what is installed here."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[2]
TRAINER: Final = ("trainer",)
DEVELOPMENT: Final = ("trainer", "deploy", "dev")
BUILD: Final = "setuptools"
"""The project itself is built and installed with it."""


def platform(python: str, machine: str) -> dict[str, str]:
    """What markers see on Linux under a Python such as 3.11, on a machine such as x86_64."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def closure(extras: Iterable[str], seen_by: Mapping[str, str]) -> dict[str, Distribution]:
    """Every package that the project needs with these extras, by its canonical name.

    Raises SystemExit for one that is not installed here: nobody has tested it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    wanted += [Requirement(text) for extra in extras for text in project["optional-dependencies"][extra]]
    found: dict[str, Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        key = name, frozenset(requirement.extras)
        if key in done or not _applies(requirement, {**seen_by, "extra": ""}):
            continue
        done.add(key)
        found[name] = _installed(name)
        for text in found[name].requires or ():
            inner = Requirement(text)
            if any(_applies(inner, {**seen_by, "extra": extra}) for extra in ("", *requirement.extras)):
                inner.marker = None
                wanted.append(inner)
    return dict(sorted(found.items()))


def _applies(requirement: Requirement, seen: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(seen)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise SystemExit(
            f"lock: {name} is needed and not installed here: install and test it first"
        ) from None
