"""What is in the package, in CycloneDX 1.5: every wheel with version, licence, digest and package URL."""

import email.parser
import json
import zipfile
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

from deploy.debian.wheels import digest_of


def sbom(wheels: list[Path], name: str, version: str, epoch_s: int) -> str:
    """The bill of materials as JSON, in the order of the names; `epoch_s` is when the source was made."""
    components = [_component(wheel) for wheel in sorted(wheels, key=lambda wheel: wheel.name.lower())]
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": _timestamp(epoch_s),
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": f"pkg:deb/debian/{name}@{version}",
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
    return str(text).strip().splitlines()[0][:120]


def _classified(said: Message) -> str:
    classes = [text for text in said.get_all("Classifier", []) if text.startswith("License ::")]
    return " and ".join(text.rpartition(" :: ")[2] for text in classes)


def _component(wheel: Path) -> dict[str, Any]:
    said = metadata(wheel)
    name, version = said["Name"], said["Version"]
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"name": licence(said)}}],
        "hashes": [{"alg": "SHA-256", "content": digest_of(wheel)}],
    }


def _timestamp(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat().replace("+00:00", "Z")
