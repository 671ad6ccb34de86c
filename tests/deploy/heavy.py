"""Tests that install packages into a Debian root of their own: minutes, root and a network the first time."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def heavy(target: str, *tools: str) -> list[pytest.MarkDecorator]:
    """Marks that keep a module to `make TARGET`, as root and with these tools."""
    asked = os.environ.get("STEADYHUM_HEAVY") == target
    missing = [
        tool for tool in tools if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None
    ]
    return [
        pytest.mark.slow,
        pytest.mark.timeout(900),
        pytest.mark.skipif(not asked, reason=f"takes minutes: run `make {target}`"),
        pytest.mark.skipif(asked and os.geteuid() != 0, reason="needs root, for chroot"),
        pytest.mark.skipif(asked and bool(missing), reason=f"not installed: {', '.join(missing)}"),
    ]


def newest_deb(arch: str, release: str = "deb12") -> Path:
    """The package that `make deb` built."""
    built = (BUILD / "deb").glob(f"steadyhum-edge_*~{release}_{arch}.deb")
    found = sorted(built, key=lambda file: file.stat().st_mtime)
    if not found:
        pytest.fail(f"no package for {arch} and {release} in build/deb: run `make deb` first")
    return found[-1]
