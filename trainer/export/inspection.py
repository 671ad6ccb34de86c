"""Descriptions of the detectors and of model files, as text and as JSON."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import Manifest, printable
from trainer.detectors import REGISTRY, options_of

JsonObject = dict[str, Any]
_LINE: Final = 20_000
"""Characters of a line: a statement on a hundred conditions."""


def all_detectors() -> list[JsonObject]:
    """Return name, version, summary, supervision, and options with defaults of every detector."""
    return [
        {
            "detector": name,
            "version": kind.version,
            "summary": kind.summary,
            "supervised": kind.supervised,
            "adapts": kind.adapts,
            "options": options_of(name),
        }
        for name, kind in REGISTRY.items()
    ]


def describe_detector(entry: JsonObject) -> str:
    """Return an entry of `all_detectors` as two lines of text."""
    options = ", ".join(f"{name}={value}" for name, value in entry["options"].items())
    kind = " (supervised, for contrast)" if entry["supervised"] else ""
    return f"{entry['detector']}: {entry['summary']}{kind}\n    options: {options}"


def manifest_json(manifest: Manifest, path: Path) -> JsonObject:
    """Return the manifest and the file's size and digest; of golden windows only the scores."""
    body = asdict(manifest)
    body["golden"] = [golden.score for golden in manifest.golden]
    return {"file": str(path), "bytes": path.stat().st_size, "sha256": _digest(path), **body}


def manifest_text(manifest: Manifest, path: Path) -> str:
    """Return a summary of the manifest and the file's size and digest, one line each."""
    calibration = manifest.calibration
    span = f"{manifest.samples / manifest.rate_hz:.4g} s at {manifest.rate_hz:g} Hz"
    conditions = ", ".join(calibration.conditions)
    band = f"below {manifest.lowpass_hz:g} Hz" if manifest.lowpass_hz else "band not limited"
    lines = {
        "file": f"{path} ({path.stat().st_size} bytes, sha256 {_digest(path)[:16]})",
        "model": f"{manifest.name}, {manifest.detector} version {manifest.detector_version}",
        "window": f"{manifest.samples} samples ({span}), every {manifest.hop}",
        "channels": f"{', '.join(manifest.channels)} in {manifest.unit}, {band}",
        "threshold": f"{manifest.threshold:.6g}, {calibration.method} over {conditions}",
        "support": calibration.statement,
        "hears": manifest.power["statement"] if manifest.power else "not measured: no fault was tried",
        "adapts": "mean and scale of its features, to another machine of the kind"
        if manifest.adaptable
        else "no: for another machine learn from that machine's own vibration",
        "slow alarm": manifest.slow_alarm["statement"] if manifest.slow_alarm else "none",
        "features": f"{len(manifest.features)} contributions" if manifest.features else "no contributions",
        "made": f"{manifest.created} by {manifest.producer}",
    }
    # Not merged into one dictionary: a note may have the name of a line above and must not replace it.
    return "\n".join(
        f"{printable(name):<12} {printable(text, _LINE)}"
        for name, text in [*lines.items(), *manifest.notes.items()]
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
