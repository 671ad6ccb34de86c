"""What is in the package, in CycloneDX 1.5: every wheel with version, licence, digest and package URL."""

import email.parser
import json
import os
import subprocess
import zipfile
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any, Final

from deploy.debian.wheels import ROOT, digest_of

_LICENCE: Final = 120
"""Characters: some wheels have the whole licence in that field, and its first line names it."""
_WITHOUT_GIT_S: Final = 1_767_225_600
"""2026-01-01: without git a build is reproducible, too."""


def sbom(wheels: list[Path], name: str, version: str, made_s: int) -> str:
    """The bill of materials as JSON, in the order of the names; `made_s` is when the source was made."""
    components = [_component(wheel) for wheel in sorted(wheels, key=lambda wheel: wheel.name.lower())]
    return bill(components, name, version, made_s, f"pkg:deb/debian/{name}@{version}")


def bill(components: list[dict[str, Any]], name: str, version: str, made_s: int, purl: str) -> str:
    """A bill of materials of these components as JSON."""
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": _timestamp(made_s),
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": purl,
            },
        },
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [part["bom-ref"] for part in components]}],
    }
    return json.dumps(body, indent=1) + "\n"


def metadata(wheel: Path) -> Message:
    """A wheel's own METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        return email.parser.Parser().parsestr(archive.read(name).decode("utf-8"))


def licence(said: Message) -> str:
    """An SPDX expression where the wheel gives one, else its own words in one line."""
    text = said["License-Expression"] or _classified(said) or said["License"] or "see the wheel"
    return str(text).strip().splitlines()[0][:_LICENCE]


def _classified(said: Message) -> str:
    classes = [text for text in said.get_all("Classifier", []) if text.startswith("License ::")]
    return " and ".join(text.rpartition(" :: ")[2] for text in classes)


def _component(wheel: Path) -> dict[str, Any]:
    return component(metadata(wheel), [digest_of(wheel)])


def component(said: Message, digests: list[str]) -> dict[str, Any]:
    """A library by its own METADATA, and the digest of each file that may be it."""
    name, version = said["Name"], said["Version"]
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"name": licence(said)}}],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in digests],
    }


def epoch_s() -> int:
    """When the source was made: SOURCE_DATE_EPOCH, or the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")  # reproducible-builds.org
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else _WITHOUT_GIT_S


def _timestamp(made_s: int) -> str:
    return datetime.fromtimestamp(made_s, UTC).isoformat().replace("+00:00", "Z")
